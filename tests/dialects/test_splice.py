"""Rules of gateway/dialects/splice.py."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.splice import edit, is_null, present, read_members
from gateway.errors import BadRequestError

BODY = b' {\t"model" : "a",\r\n  "x":1.0 , "list": [1, {"model": "b"}] }\n'


def spliced(body: bytes, **edits: Any) -> bytes:
    """The body after an edit of what `read_members` found in it."""
    return edit(body, read_members(body), **edits)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "The body is not JSON.", id="nothing"),
        pytest.param(b'{"a": secret}', "The body is not JSON.", id="not JSON"),
        pytest.param(b"{} {}", "The body is not JSON.", id="two values"),
        pytest.param(b'["secret"]', "The body has to be a JSON object.", id="a list"),
        pytest.param(b'{"a":"\xff"}', "The body is not UTF-8.", id="Latin-1"),
        pytest.param(
            b"\xef\xbb\xbf{}", "The body starts with a byte order mark. Send UTF-8 without one.", id="byte order mark"
        ),
        pytest.param(b'{"a":' + b"[" * 9999 + b"]" * 9999 + b"}", "The body is nested too deeply.", id="deep"),
    ],
)
def test_what_is_not_a_json_object_is_refused(body: bytes, message: str) -> None:
    """The message says why and never quotes the body."""
    with pytest.raises(BadRequestError) as refused:
        read_members(body)
    assert refused.value.message == message


def test_members_keep_their_spelling() -> None:
    """A number is not rounded, a text not unescaped."""
    members = read_members(b'{"a": 1.50e3, "b" : "\\u0041", "c\\u0063": {"d" : null}}')
    assert {name: bytes(raw) for name, raw in members.items()} == {
        "a": b"1.50e3",
        "b": b'"\\u0041"',
        "cc": b'{"d" : null}',
    }


@pytest.mark.parametrize(
    ("spelled", "read"),
    [
        pytest.param(rb"\ud83d", rb"\ufffd", id="first half"),
        pytest.param(rb"\uDE00 b", rb"\ufffd b", id="second half"),
        pytest.param(rb"\ud83d\ud83d\ude00", rb"\ufffd\ud83d\ude00", id="half before a pair"),
        pytest.param(rb"\ud83d\ude00\ude00", rb"\ud83d\ude00\ufffd", id="half after a pair"),
        pytest.param(rb"\\\ud83d \\ud83d", rb"\\\ufffd \\ud83d", id="beside an escaped backslash"),
    ],
)
def test_half_an_emoji_is_no_reason_to_refuse(spelled: bytes, read: bytes) -> None:
    """JavaScript writes one where a string was cut inside a surrogate pair: it is read as U+FFFD."""
    assert bytes(read_members(b'{"a":"%b"}' % spelled)["a"]) == b'"%b"' % read
    assert spliced(b'{"a":"%b", "b":1}' % spelled, replace={"b": b"2"}) == b'{"a":"%b","b":2}' % read


def test_half_an_emoji_in_a_name_is_edited_around() -> None:
    """The member keeps its spelling; of two that are read alike, one is left."""
    body = rb'{"\ud83d": 1, "model": "a"}'
    assert edit(body, read_members(body), replace={"model": b'"b"'}) == rb'{"\ud83d": 1, "model": "b"}'
    body = rb'{"\ud83d": 1, "model": "a", "\ud83e": 2}'
    assert edit(body, read_members(body)) == '{"\ufffd":2,"model":"a"}'.encode()


@pytest.mark.parametrize(
    ("edits", "body"),
    [
        pytest.param({}, BODY, id="nothing"),
        pytest.param({"remove": ["y"], "replace": {"z": b"1"}, "rename": {"y": "z"}}, BODY, id="names not there"),
        pytest.param(
            {"replace": {"model": b'"long name"'}}, BODY.replace(b'"a"', b'"long name"'), id="only the top level"
        ),
        pytest.param({"remove": ["model"]}, b' {\t"x":1.0 , "list": [1, {"model": "b"}] }\n', id="first out"),
        pytest.param({"remove": ["x"]}, b' {\t"model" : "a" , "list": [1, {"model": "b"}] }\n', id="middle out"),
        pytest.param({"remove": ["list"]}, b' {\t"model" : "a",\r\n  "x":1.0 }\n', id="last out"),
        pytest.param({"remove": ["list", "x"]}, b' {\t"model" : "a" }\n', id="all but the first out"),
        pytest.param({"remove": ["model", "list", "x"]}, b" {\t }\n", id="all out"),
        pytest.param(
            {"remove": ["model", "list", "x"], "append": {"n": b"0"}}, b' {\t"n":0 }\n', id="all out and one in"
        ),
        pytest.param({"append": {"ü": b"2"}}, BODY[:-3] + ',"ü":2 }\n'.encode(), id="one in"),
        pytest.param({"rename": {"x": "y"}}, BODY.replace(b'"x"', b'"y"'), id="renamed"),
        pytest.param(
            {"rename": {"x": "y"}, "replace": {"x": b"2"}},
            BODY.replace(b'"x":1.0', b'"y":2'),
            id="renamed and replaced",
        ),
    ],
)
def test_every_other_byte_stays(edits: dict[str, Any], body: bytes) -> None:
    """Whitespace too; a comma goes with what goes."""
    assert spliced(BODY, **edits) == body


@pytest.mark.parametrize(
    ("body", "edits", "result"),
    [
        pytest.param(b'{"a":1,"a":2}', {}, b'{"a":2}', id="even without an edit"),
        pytest.param(b'{"a":1,"b":3,"a":1}', {"replace": {"b": b"4"}}, b'{"a":1,"b":4}', id="equal values"),
        pytest.param(b'{"a":1,"a":2,"b":3}', {"remove": ["b"], "rename": {"a": "c"}}, b'{"c":2}', id="side by side"),
        pytest.param(b'{"a":1,"\\u0061":2}', {"append": {"b": b"3"}}, b'{"a":2,"b":3}', id="spelled differently"),
        pytest.param(b"{ }", {}, b"{}", id="nothing in it"),
        pytest.param(b"{ }", {"append": {"b": b"3"}}, b'{"b":3}', id="nothing in it but what is appended"),
    ],
)
def test_a_name_said_twice_is_said_once(body: bytes, edits: dict[str, Any], result: bytes) -> None:
    """The last one counts, for us and for whoever reads it next."""
    assert spliced(body, **edits) == result


def test_escaped_names_are_found() -> None:
    """`model` may be spelled with an escape; the spelling stays."""
    assert spliced(b'{"mod\\u0065l":1}', replace={"model": b"2"}) == b'{"mod\\u0065l":2}'


def test_null_is_as_good_as_absent() -> None:
    """For optional members."""
    members = read_members(b'{"a":null,"b":0,"c":true}')
    assert [is_null(raw) for raw in members.values()] == [True, False, False]
    assert present(members, ["a", "b", "c", "d"]) == ["b", "c"]


NAMES = st.sampled_from(["model", "messages", "a", "ü", 'q"q', "b\\"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=5,
)
SPACE = st.sampled_from([b"", b" ", b"\n", b"\t ", b"\r\n"])


@st.composite
def spelled_objects(draw: st.DrawFn) -> tuple[dict[str, Any], bytes, dict[str, bytes]]:
    """An object, one way to spell it, and how each of its members is spelled there with the space around it."""
    value = draw(st.dictionaries(NAMES, VALUES, min_size=1))
    members = {
        name: b"".join([orjson.dumps(name), draw(SPACE), b":", draw(SPACE), orjson.dumps(each)])
        for name, each in value.items()
    }
    padded = [draw(SPACE) + member + draw(SPACE) for member in members.values()]
    return value, b"%b{%b}%b" % (draw(SPACE), b",".join(padded), draw(SPACE)), members


@given(spelled_objects(), st.dictionaries(NAMES, VALUES), st.sets(NAMES))
def test_an_edit_is_the_edit_of_a_dict(
    spelled: tuple[dict[str, Any], bytes, dict[str, bytes]], wanted: Mapping[str, Any], remove: set[str]
) -> None:
    """And whatever was not named is still there, letter by letter."""
    value, body, members = spelled
    values = {name: orjson.dumps(each) for name, each in wanted.items() if name not in remove}
    replace = {name: each for name, each in values.items() if name in value}
    append = {name: each for name, each in values.items() if name not in value}
    edited = spliced(body, replace=replace, append=append, remove=remove)
    kept = {name: each for name, each in value.items() if name not in remove}
    assert orjson.loads(edited) == kept | {name: wanted[name] for name in values}
    assert all(members[name] in edited for name in kept if name not in values)
