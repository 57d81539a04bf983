"""Expressions over the names of models: what fits, and what is refused before it can hang anything."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.patterns import MOST_CHARACTERS, MOST_REPEATS, pattern


@pytest.mark.parametrize(
    "text",
    [
        "mini",
        "(?:mini|nano|lite)",
        "(?i)mini",
        "(?i:mini)",
        "^gpt-4(o|\\.1)?-",
        "(mini)+",
        "qwen.*-coder-[0-9]+b",
        "[*+?(|]{2}",
        "[]a+]*",
        r"\(.*\)",
        "a{2,3}b*?",
        "a{x",
        "(a+)b*",
    ],
)
def test_what_is_accepted(text: str) -> None:
    """Searched without regard to case."""
    assert pattern(text) == re.compile(text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "an empty expression fits every name"),
        ("a" * (MOST_CHARACTERS + 1), "is longer than 200 characters"),
        ("[a", "is no regular expression: unterminated character set at character 1"),
        ("a**", "is no regular expression: multiple repeat at character 3"),
        ("a{99999999999}", "is no regular expression: out of bounds"),
        ("(a+)+", "repeats a group that repeats or branches itself, which can take for ever"),
        ("((a+))*b", "repeats a group that repeats or branches itself, which can take for ever"),
        ("(?:a|aa)+", "repeats a group that repeats or branches itself, which can take for ever"),
        ("(?i:a?){20}", "repeats a group that repeats or branches itself, which can take for ever"),
        ("a*b*c*d*", "has more than 3 repeats (* + ? and braces)"),
        (r"(a)\1", "may not use back references, look-around or named groups"),
        ("(?=a)", "may not use back references, look-around or named groups"),
        ("(?<!a)b", "may not use back references, look-around or named groups"),
        ("(?P<x>a)", "may not use back references, look-around or named groups"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    """In words that say what to do about it."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        pattern(text)


@given(st.text(alphabet="ab()|*+?{}[]\\.1,:i^$-", max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    """Nothing else comes out, and what comes out is quick on the longest name there is."""
    try:
        found = pattern(text)
    except ValueError:
        return
    began = time.perf_counter()
    found.search("a" * 60 + "!")
    assert time.perf_counter() - began < 1


def test_repeats_up_to_the_bound() -> None:
    """Each one multiplies the time by the length of a name."""
    assert pattern("a*" * MOST_REPEATS).search("") is not None
