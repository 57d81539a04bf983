"""What refusals say, over a table of recorded ones."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.quota_hints import Hint, read
from gateway.routing.reset_times import MOST_S
from tests.routing.recorded import compatible, others, vendors
from tests.routing.recorded.shapes import NOW, Shape

SHAPES = (*compatible.SHAPES, *vendors.SHAPES, *others.SHAPES)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: each.name)
def test_each_recorded_refusal(shape: Shape) -> None:
    """Which window of which unit, whose, until when, how sure; and its numbers."""
    hint = read(shape.type, shape.status, shape.headers, shape.body, NOW)
    says = shape.says
    wait_s = None if says.wait_s is None else pytest.approx(says.wait_s)
    assert (hint.unit, hint.window, hint.scope, hint.wait_s, hint.sure) == (
        says.unit,
        says.window,
        says.scope,
        wait_s,
        says.sure,
    )
    if says.numbers:
        assert (hint.reports[0].limit, hint.reports[0].remaining) == says.numbers


def test_the_table_is_long_enough() -> None:
    """Sixty shapes at least, each with its own name."""
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 60


@pytest.mark.parametrize(
    "name", ["OpenAI, larger than the whole limit", "Groq, tilde and larger than the limit", "Groq, too large as 413"]
)
def test_what_no_waiting_helps(name: str) -> None:
    """The request alone is over the whole quota, which is not used up by that."""
    shape = next(shape for shape in SHAPES if shape.name == name)
    assert read(shape.type, shape.status, shape.headers, shape.body, NOW).too_large


def test_where_the_limit_is_zero_nothing_is_too_large() -> None:
    """A smaller request would not pass either, so the target rests."""
    shape = next(shape for shape in SHAPES if shape.name == "OpenAI, nothing at all of this model")
    assert not read(shape.type, shape.status, shape.headers, shape.body, NOW).too_large


def test_a_wait_that_was_said_is_told_from_one_that_follows() -> None:
    """A calendar of ours may know better when a day ends than midnight UTC, but not better than the upstream."""
    body = orjson.dumps({"error": {"message": "requests per day"}})
    assert not read("openai", 429, {}, body, NOW).stated
    assert read("openai", 429, {"retry-after": "100"}, body, NOW).stated


HEADERS = st.dictionaries(
    st.one_of(
        st.sampled_from(sorted({name for shape in SHAPES for name in shape.headers})),
        st.from_regex(r"x-ratelimit-(limit|remaining|reset)(-[a-z]{1,8}){0,3}", fullmatch=True),
        st.text(max_size=30),
    ),
    st.one_of(st.text(max_size=30), st.integers().map(str), st.floats().map(str), st.datetimes().map(str)),
    max_size=6,
)
MEMBERS = ["error", "errors", "message", "detail", "details", "metadata", "raw", "headers", "violations", "quotaId"]
MEMBERS += ["quotaValue", "retryDelay", "reason", "retry_after", "code", "type"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=12,
)
WORDS = ["Limit 5", "Used", "~1,0", "per day", "requests", "tokens", "/ min", "(TPD)", "try again in", "1h2m", "per 0s"]
WORDS += ["99999999999", "free-models-per-day", "rate limit of", "(actual/limit):", "5/4", "at 2026-99-99T99:99:99Z"]
PHRASES = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
BODIES = st.one_of(
    st.binary(max_size=200), JSON.map(orjson.dumps), PHRASES.map(lambda text: orjson.dumps({"error": text}))
)


@settings(deadline=None)
@given(st.sampled_from(["openai", "gemini", "openrouter", "?"]), st.integers(300, 599), HEADERS, BODIES)
def test_nothing_makes_it_fail(provider_type: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever comes is a hint, and its wait is between nothing and an hour, or 32 days where it is certain."""
    hint = read(provider_type, status, headers, body, NOW)
    assert isinstance(hint, Hint)
    assert hint.wait_s is None or 0 < hint.wait_s <= (MOST_S if hint.certain else 3600)
    for report in hint.reports:
        assert report.limit is None or report.limit >= 0
        assert report.remaining is None or report.remaining >= 0
