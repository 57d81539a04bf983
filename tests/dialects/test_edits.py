"""Rules of gateway/dialects/edits.py."""

from typing import Any

import pytest

from gateway.dialects.chat import read_call
from gateway.dialects.edits import Edits, edited_body, without

START = b'{"model": "base", "messages": [{"role":"user","content":"hi"}]'


def edited(members: bytes, **edits: Any) -> bytes:
    """What the end of a body becomes that starts with START."""
    call = read_call(START + members + b"}", id="1")
    result = edited_body(call, Edits(**({"model": "base"} | edits))).body
    assert result.startswith(START)
    return result.removeprefix(START).removesuffix(b"}")


def test_no_edit_no_change() -> None:
    """The client's own bytes go up, not a copy."""
    body = START + b', "stream": false , "x" : 1e3}'
    assert edited_body(read_call(body, id="1"), Edits(model="base")).body is body


def test_the_model_is_named_as_the_provider_names_it() -> None:
    """Where the names differ."""
    call = read_call(START + b"}", id="1")
    assert edited_body(call, Edits(model="llama")).body == START.replace(b"base", b"llama") + b"}"


@pytest.mark.parametrize(
    ("members", "edits", "result"),
    [
        pytest.param(b', "models": ["a"], "provider": {}, "n": 1', {}, b', "n": 1', id="OpenRouter's lists are ours"),
        pytest.param(
            b', "provider": {"sort": "price"}',
            {"preferences": b'{"sort": "price"}'},
            b', "provider": {"sort": "price"}',
            id="unless they go on to OpenRouter",
        ),
        pytest.param(b"", {"preferences": b'{"a":1}'}, b',"provider":{"a":1}', id="a pin without a wish"),
        pytest.param(
            b', "stream": true',
            {},
            b', "stream": true,"stream_options":{"include_usage":true}',
            id="streams are asked for usage",
        ),
        pytest.param(
            b', "stream": true, "stream_options": null',
            {},
            b', "stream": true, "stream_options": {"include_usage":true}',
            id="null options are none",
        ),
        pytest.param(
            b', "stream": true, "stream_options": { "a" : 1.0 }',
            {},
            b', "stream": true, "stream_options": { "a" : 1.0,"include_usage":true }',
            id="other options stay",
        ),
        pytest.param(
            b', "stream": true, "stream_options": {"include_usage": false}',
            {},
            b', "stream": true, "stream_options": {"include_usage": true}',
            id="a no is a yes that is taken out again",
        ),
        pytest.param(b', "stream": true', {"include_usage": False}, b', "stream": true', id="unless not allowed"),
        pytest.param(b', "stream": true', {"drop": ("stream_options",)}, b', "stream": true', id="or dropped"),
        pytest.param(b', "stream": true', {"without_usage_option": True}, b', "stream": true', id="second try"),
        pytest.param(
            b', "stream": true, "stream_options": {"include_usage": true}',
            {"without_usage_option": True},
            b', "stream": true',
            id="second try without the client's own",
        ),
        pytest.param(b', "seed": 1, "user": "u"', {"drop": ("user", "z")}, b', "seed": 1', id="drop"),
        pytest.param(b', "seed": 1', {"rename": {"seed": "random_seed"}}, b', "random_seed": 1', id="rename"),
        pytest.param(b"", {"rename": {"seed": "random_seed"}}, b"", id="rename of nothing"),
        pytest.param(
            b', "max_tokens": 5, "max_completion_tokens": 6',
            {"rename": {"max_completion_tokens": "max_tokens"}},
            b', "max_tokens": 6',
            id="what is renamed wins",
        ),
        pytest.param(b', "a": 1', {"drop": ("a",), "rename": {"a": "b"}}, b"", id="dropped before it is renamed"),
        pytest.param(b', "t": 1, "n": 1', {"set": {"t": 0.5}}, b', "t": 0.5, "n": 1', id="set in place"),
        pytest.param(b"", {"set": {"t": [1]}}, b',"t":[1]', id="set anew"),
        pytest.param(b', "a": 1', {"set": {"b": 2}, "rename": {"a": "b"}}, b',"b":2', id="set over what is renamed"),
        pytest.param(b', "a": 1', {"set": {"a": 2}, "rename": {"a": "b"}}, b', "b": 1,"a":2', id="set beside it"),
        pytest.param(b', "a": 1', {"set": {"a": 2}, "drop": ("a",)}, b', "a": 2', id="set over what is dropped"),
        pytest.param(b"", {"max_tokens": 9}, b',"max_tokens":9', id="a bound"),
        pytest.param(b', "max_tokens": 99', {"max_tokens": 9}, b', "max_tokens": 9', id="a lower bound"),
        pytest.param(
            b', "max_completion_tokens": 99', {"max_tokens": 9}, b', "max_completion_tokens": 9', id="by its new name"
        ),
        pytest.param(
            b', "max_completion_tokens": 99',
            {"max_tokens": 9, "drop": ("max_completion_tokens",)},
            b',"max_tokens":9',
            id="by the name that is left",
        ),
        pytest.param(
            b"",
            {"max_tokens": 9, "rename": {"max_tokens": "max_new_tokens"}},
            b',"max_new_tokens":9',
            id="by the provider's name",
        ),
    ],
)
def test_the_edits(members: bytes, edits: dict[str, Any], result: bytes) -> None:
    """Each does one thing, and leaves the rest as it was spelled."""
    assert edited(members, **edits) == result


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ({"b"}, b'{ "a" : 1, "c":{} }'),
        ({"a", "c", "x"}, b'{ "b": [2] }'),
        ({"a", "b", "c"}, b"{  }"),
    ],
)
def test_an_object_without_some_of_its_members(names: set[str], left: bytes) -> None:
    """What stays is as it was spelled."""
    assert without(b'{ "a" : 1, "b": [2], "c":{} }', names) == left


def test_a_prompt_goes_up_as_messages() -> None:
    """No provider of this dialect knows `prompt`."""
    call = read_call(b'{"model": "base", "prompt": "hi", "n": 1}', id="1")
    found = edited_body(call, Edits(model="base"))
    assert found.body == b'{"model": "base", "messages": [{"role":"user","content":"hi"}], "n": 1}'
    assert found.names == ("prompt",)


@pytest.mark.parametrize(
    ("members", "edits", "names"),
    [
        pytest.param(b', "n": 1', {}, (), id="nothing"),
        pytest.param(b', "stream": true', {"model": "llama"}, ("model", "stream_options"), id="replaced and put in"),
        pytest.param(b', "provider": {}, "models": ["a"]', {}, ("models", "provider"), id="taken out"),
        pytest.param(b', "n": 1', {"drop": ("n", "user")}, ("n",), id="what is not there is not taken out"),
        pytest.param(b', "n": 1', {"rename": {"n": "count"}}, ("n",), id="renamed, by the client's name"),
        pytest.param(b', "n": 1', {"set": {"n": 2, "seed": 7}}, ("n", "seed"), id="set"),
    ],
)
def test_what_was_changed_is_named(members: bytes, edits: dict[str, Any], names: tuple[str, ...]) -> None:
    """Each member once, for the story of the request."""
    call = read_call(START + members + b"}", id="1")
    assert edited_body(call, Edits(**({"model": "base"} | edits))).names == names
