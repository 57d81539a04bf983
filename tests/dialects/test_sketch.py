"""A chat request that will not be sent."""

import pytest

from gateway.clock import Moment
from gateway.dialects.sketch import read_sketch
from gateway.errors import BadRequestError
from gateway.records import Call, Secret

KEY = Secret("k")
NOW = Moment(5.0, 6.0)


def read(body: bytes) -> Call:
    """The call of a caller."""
    return read_sketch(body, id="r", client="aider", authorization=KEY, may_pay=True, received=NOW)


@pytest.mark.parametrize(
    ("body", "estimate"),
    [
        pytest.param(b'{"model": "base"}', 4, id="an empty message"),
        pytest.param(b'{"model": "base", "tokens": 9000}', 9000, id="so many tokens"),
        pytest.param(b'{"model": "base", "tokens": 0}', 0, id="none"),
        pytest.param(b'{"tokens": 9000, "messages": null, "model": "base", "tools": [{}]}', 9000, id="all of it"),
        pytest.param(b'{"model": "base", "tokens": null, "prompt": null}', 4, id="nulls are not there"),
        pytest.param(b'{"model": "base", "messages": [{"role": "user", "content": "hi"}]}', 5, id="messages"),
        pytest.param(b'{"model": "base", "prompt": "hi", "tokens": null}', 5, id="a prompt"),
    ],
)
def test_the_prompt_is_as_long_as_it_says(body: bytes, estimate: int) -> None:
    """By `tokens`, where there are no messages to be counted."""
    assert read(body).estimate == estimate


def test_everything_else_is_read_as_of_a_request_that_is_sent() -> None:
    """Features, bounds, the request's own list, and who asks."""
    call = read(
        b'{"model": "a", "tokens": 10, "max_tokens": 7, "models": ["b"], "tools": [{}], "provider": {"only": []}}'
    )
    assert (call.id, call.model, call.models, call.max_tokens, call.needs) == (
        "r",
        "a",
        ("b",),
        7,
        frozenset({"tools"}),
    )
    assert (call.client, call.authorization, call.may_pay, call.received) == ("aider", KEY, True, NOW)
    assert call.preferences == {"only": []}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param(b"{}", "model", id="no model"),
        pytest.param(b"[]", None, id="no object"),
        pytest.param(b'{"model": "a", "tokens": -1}', "tokens", id="negative"),
        pytest.param(b'{"model": "a", "tokens": 1.5}', "tokens", id="half a token"),
        pytest.param(b'{"model": "a", "tokens": true}', "tokens", id="no number"),
        pytest.param(b'{"model": "a", "tokens": "9"}', "tokens", id="a text"),
        pytest.param(b'{"model": "a", "tokens": 1000000001}', "tokens", id="too many"),
        pytest.param(b'{"model": "a", "tokens": 9, "prompt": "hi"}', "tokens", id="beside a prompt"),
        pytest.param(b'{"model": "a", "messages": [], "tokens": 9}', "tokens", id="beside messages"),
        pytest.param(b'{"model": "a", "messages": []}', "messages", id="no message"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str | None) -> None:
    """The member that is."""
    with pytest.raises(BadRequestError) as caught:
        read(body)
    assert caught.value.param == param
