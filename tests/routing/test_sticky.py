"""Conversations: what one is known by, and how long it is kept."""

from typing import Any

import orjson
import pytest
from msgspec import Raw
from msgspec.structs import replace

from gateway.dialects.chat import read_call
from gateway.records import Call
from gateway.routing.sticky import Conversations, conversation

SYSTEM = {"role": "system", "content": "Be brief."}
FIRST = {"role": "user", "content": "What is a monad?"}
ANSWER = {"role": "assistant", "content": "A monoid in ..."}
NEXT = {"role": "user", "content": "And a monoid?"}


def call(*messages: dict[str, Any], client: str = "aider", **members: Any) -> Call:
    return read_call(orjson.dumps({"model": "base", "messages": messages, **members}), id="1", client=client)


KNOWN = conversation("base", call(SYSTEM, FIRST))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(call(SYSTEM, FIRST, ANSWER, NEXT), id="it goes on"),
        pytest.param(call(SYSTEM, FIRST, temperature=0, stream=True), id="other settings"),
        pytest.param(call(SYSTEM, {**FIRST, "name": "me"}), id="a member that is not read"),
    ],
)
def test_the_same_conversation(other: Call) -> None:
    """Everything up to the first user message is repeated each time."""
    assert conversation("base", other) == KNOWN


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param("fast", call(SYSTEM, FIRST), id="another name"),
        pytest.param("base", call(SYSTEM, FIRST, client="other"), id="another client"),
        pytest.param("base", call(FIRST), id="no system message"),
        pytest.param("base", call(SYSTEM, NEXT), id="another question"),
        pytest.param("base", call({**SYSTEM, "role": "developer"}, FIRST), id="another role"),
        pytest.param("base", call({"role": "systemBe", "content": " brief."}, FIRST), id="parts do not flow together"),
    ],
)
def test_another_conversation(name: str, other: Call) -> None:
    """Providers' caches do not reach over these."""
    assert conversation(name, other) != KNOWN


def test_megabytes_are_not_hashed() -> None:
    """The beginning and the size of a message say enough."""
    picture = "x" * 100_000
    found = {conversation("base", call({"role": "user", "content": picture + end})) for end in ("", "a", "b", "cc")}
    assert len(found) == 3


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="no messages"),
        pytest.param({"messages": Raw(b"[]")}, id="none of them"),
        pytest.param({"messages": Raw(b'[{"role": "assistant", "content": "hi"}]')}, id="nobody asked"),
        pytest.param({"messages": Raw(b'"hi"')}, id="a text"),
        pytest.param({"messages": Raw(b"[1]")}, id="numbers"),
        pytest.param({"messages": Raw(b'[{"role": 1}]')}, id="a role that is none"),
    ],
)
def test_what_has_no_beginning_is_no_conversation(members: dict[str, Raw]) -> None:
    """It is routed like any other request."""
    assert conversation("base", replace(call(FIRST), members=members)) is None


def test_the_last_target_that_answered() -> None:
    """A conversation moves with it."""
    kept = Conversations()
    assert kept.target(b"1") is None
    kept.answered(b"1", "a/m")
    kept.answered(b"1", "b/m#home")
    assert kept.target(b"1") == "b/m#home"


def test_the_oldest_is_forgotten() -> None:
    """What was heard of last is kept longest."""
    kept = Conversations(most=2)
    for known_by in (b"1", b"2", b"1", b"3"):
        kept.answered(known_by, "a/m")
    assert [kept.target(known_by) for known_by in (b"1", b"2", b"3")] == ["a/m", None, "a/m"]
