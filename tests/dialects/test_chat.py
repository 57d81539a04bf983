"""Rules of gateway/dialects/chat.py."""

from typing import Any

import orjson
import pytest

from gateway.clock import Moment
from gateway.dialects.chat import read_call
from gateway.errors import BadRequestError
from gateway.records import Call, Secret

HI: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]


def call(**members: Any) -> Call:
    """The call of a body with these members beside a model and a message."""
    return read_call(orjson.dumps({"model": "base", "messages": HI} | members), id="1")


def test_a_call_is_read_once() -> None:
    """With everything the relay asks about; the body is the client's, and so is each member."""
    body = b'{"model": "base", "messages": [{"role": "user", "content": "12345678"}], "stream": true, "x": 1.0}'
    read = read_call(
        body, id="7", client="aider", authorization=Secret("Bearer x"), may_pay=True, received=Moment(1.0, 2.0)
    )
    assert read.body is body
    assert {name: bytes(raw) for name, raw in read.members.items()} == {
        "model": b'"base"',
        "messages": b'[{"role": "user", "content": "12345678"}]',
        "stream": b"true",
        "x": b"1.0",
    }
    assert (read.id, read.dialect, read.model, read.client, read.may_pay) == ("7", "chat", "base", "aider", True)
    assert (read.stream, read.wants_usage, read.max_tokens, read.estimate) == (True, False, None, 6)
    assert (read.models, read.preferences, read.needs) == ((), None, frozenset())
    assert read.authorization.reveal() == "Bearer x"
    assert read.received == Moment(1.0, 2.0)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        pytest.param({"model": ""}, "model", id="empty model"),
        pytest.param({"model": None}, "model", id="null model"),
        pytest.param({"model": 5}, "model", id="model of a wrong type"),
        pytest.param({"Model": "other"}, "Model", id="a second model in another spelling"),
        pytest.param({"messages": None}, "messages", id="neither messages nor prompt"),
        pytest.param({"messages": []}, "messages", id="no message"),
        pytest.param({"messages": "hi"}, "messages", id="messages that are none"),
        pytest.param({"messages": ["hi"]}, "messages", id="message that is none"),
        pytest.param({"stream": "yes"}, "stream", id="stream"),
        pytest.param({"stream_options": True}, "stream_options", id="stream_options"),
        pytest.param({"max_tokens": 1.5}, "max_tokens", id="max_tokens"),
        pytest.param({"max_completion_tokens": "9"}, "max_completion_tokens", id="max_completion_tokens"),
        pytest.param({"n": "2"}, "n", id="n"),
        pytest.param({"models": "a,b"}, "models", id="models"),
        pytest.param({"provider": "groq"}, "provider", id="provider"),
        pytest.param({"tools": {}}, "tools", id="tools"),
        pytest.param({"functions": 1}, "functions", id="functions"),
        pytest.param({"response_format": "json"}, "response_format", id="response_format"),
        pytest.param({"messages": None, "prompt": 5}, "prompt", id="prompt"),
        pytest.param({"messages": None, "prompt": [1, 2]}, "prompt", id="prompt of token numbers"),
    ],
)
def test_wrong_types_are_named(members: dict[str, Any], param: str) -> None:
    """The client learns which field it was, in the message and in `param`."""
    with pytest.raises(BadRequestError) as refused:
        call(**members)
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message


def test_optional_fields_may_be_null() -> None:
    """SDKs in typed languages send what is not set as null."""
    names = (
        "stream",
        "stream_options",
        "max_tokens",
        "n",
        "models",
        "provider",
        "tools",
        "response_format",
        "reasoning",
    )
    assert call(**dict.fromkeys(names)).needs == frozenset()


@pytest.mark.parametrize(
    ("members", "choices"), [({}, 1), ({"n": 3}, 3), ({"n": None}, 1), ({"n": 0}, 1), ({"n": -2}, 1)]
)
def test_how_many_answers_are_asked_for(members: dict[str, Any], choices: int) -> None:
    """What makes no sense is the upstream's to refuse."""
    assert call(**members).choices == choices


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        ({"max_tokens": 2000}, 2000),
        ({"effort": "high"}, 0),
        ({"max_tokens": -1}, 0),
        ({"max_tokens": True}, 0),
        ("high", 0),
        (None, 0),
    ],
)
def test_what_is_set_aside_for_thoughts(reasoning: Any, thinking: int) -> None:
    """In OpenRouter's words."""
    assert call(reasoning=reasoning).thinking == thinking


@pytest.mark.parametrize(
    ("prompt", "content"),
    [pytest.param('say "hi"', 'say "hi"', id="text"), pytest.param(["a", "b"], "a\nb", id="several are lines")],
)
def test_a_prompt_is_a_message(prompt: Any, content: str) -> None:
    """`prompt` without `messages` becomes one user message where it stood."""
    read = read_call(orjson.dumps({"model": "m", "prompt": prompt, "messages": None, "n": 1}), id="1")
    assert orjson.loads(read.body) == {"model": "m", "messages": [{"role": "user", "content": content}], "n": 1}
    assert list(read.members) == ["model", "messages", "n"]


def test_a_prompt_beside_messages_is_left_alone() -> None:
    """It means whatever the provider makes of it."""
    assert bytes(call(prompt="x").members["prompt"]) == b'"x"'


@pytest.mark.parametrize(
    ("members", "bound"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"max_tokens": 5}, 5, id="old name"),
        pytest.param({"max_completion_tokens": 6}, 6, id="new name"),
        pytest.param({"max_tokens": 5, "max_completion_tokens": 6}, 6, id="the new name wins"),
        pytest.param({"max_tokens": 5, "max_completion_tokens": None}, 5, id="unless it is null"),
        pytest.param({"max_tokens": -1}, None, id="-1 is no bound"),
    ],
)
def test_bound(members: dict[str, Any], bound: int | None) -> None:
    """The most tokens that the client wants back."""
    assert call(**members).max_tokens == bound


@pytest.mark.parametrize(
    ("members", "needs"),
    [
        pytest.param({"tools": [{"type": "function"}]}, {"tools"}, id="tools"),
        pytest.param({"tools": []}, set(), id="no tools"),
        pytest.param({"functions": [{"name": "f"}]}, {"tools"}, id="functions"),
        pytest.param({"response_format": {"type": "json_schema"}}, {"json_schema"}, id="schema"),
        pytest.param({"response_format": {"type": "json_object"}}, set(), id="JSON mode"),
        pytest.param({"reasoning_effort": "low"}, {"reasoning"}, id="effort"),
        pytest.param({"reasoning_effort": "none"}, set(), id="no effort"),
        pytest.param({"reasoning": {"effort": "high"}}, {"reasoning"}, id="reasoning"),
        pytest.param({"reasoning": {"effort": "none"}}, set(), id="reasoning of no effort"),
        pytest.param({"reasoning": {"enabled": False}}, set(), id="reasoning off"),
        pytest.param({"reasoning": True}, {"reasoning"}, id="reasoning of an odd type"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            {"vision"},
            id="image",
        ),
    ],
)
def test_needs(members: dict[str, Any], needs: set[str]) -> None:
    """Features that a target must have."""
    assert call(**members).needs == needs


def test_usage_is_asked_for_on_streams_only() -> None:
    """`stream_options` means nothing without a stream."""
    options = {"include_usage": True}
    assert call(stream=True, stream_options=options).wants_usage is True
    assert call(stream=False, stream_options=options).wants_usage is False
    assert call(stream=True, stream_options={"include_usage": False}).wants_usage is False


def test_tools_and_schemas_are_part_of_the_input() -> None:
    """As JSON, a quarter of a token for each letter."""
    assert call().estimate == 5
    assert call(tools=[{"a": "12345678"}]).estimate == 9


def test_openrouters_lists_are_read() -> None:
    """`models` is a fallback list, `provider` wishes about upstreams."""
    read = call(models=["a", "b"], provider={"order": ["x"]})
    assert read.models == ("a", "b")
    assert read.preferences == {"order": ["x"]}
