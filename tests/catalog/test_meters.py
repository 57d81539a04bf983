import pytest

from gateway.catalog import nodes
from gateway.catalog.locate import read
from gateway.catalog.meters import Meters
from gateway.catalog.schema import LimitEntry
from gateway.catalog.walk import Walk
from gateway.limits.rules import CalendarWindow, Concurrency, RollingWindow, TokenBucket
from gateway.limits.shorthand import Unit

NOTHING: dict[str, str] = {}


def _meters() -> tuple[Meters, Walk]:
    walk = Walk(NOTHING.get)
    return Meters(walk), walk


def test_rules_take_the_zone_of_their_provider_unless_they_name_one() -> None:
    """And the algorithm that the window has by default."""
    meters, _ = _meters()
    limits = {
        ("requests", "minute"): LimitEntry(amount=30),
        ("requests", "day"): LimitEntry(amount=50),
        ("tokens", "day"): LimitEntry(amount=60, timezone="Asia/Tokyo"),
        ("tokens", "5h"): LimitEntry(amount=70),
        ("requests", "month"): LimitEntry(amount=80, reset="15 00:00"),
        ("concurrent_requests", ""): LimitEntry(amount=4),
    }
    laws = meters.rules(limits, None, "America/Los_Angeles")  # type: ignore[arg-type]  # literals widen to str
    assert {key: law.rule for key, law in laws.items()} == {
        ("requests", "minute"): TokenBucket(30, 60, 30),
        ("requests", "day"): CalendarWindow(50, "day", "America/Los_Angeles"),
        ("tokens", "day"): CalendarWindow(60, "day", "Asia/Tokyo"),
        ("tokens", "5h"): RollingWindow(70, 18_000),
        ("requests", "month"): CalendarWindow(80, "month", "America/Los_Angeles", "15 00:00"),
        ("concurrent_requests", ""): Concurrency(4),
    }


@pytest.mark.parametrize(
    ("text", "limit", "message"),
    [
        ("requests_per_15m: x", LimitEntry(amount=5, algorithm="calendar"), "algorithm: calendar needs a named window"),
        ("requests_per_15m: x", LimitEntry(amount=5, burst=9), "burst belongs to algorithm: bucket"),
        ("requests_per_15m: x", LimitEntry(amount=5, reset="10:30"), "reset belongs to algorithm: calendar"),
        ("requests_per_15m: x", LimitEntry(amount=5, strict=True), "strict belongs to tokens and cost"),
    ],
)
def test_a_limit_that_cannot_be_is_noted_at_its_key(text: str, limit: LimitEntry, message: str) -> None:
    """What `limits` refuses, the file shows."""
    meters, walk = _meters()
    assert meters.rules({("requests", "15m"): limit}, read(text, "f").root, "UTC") == {}
    assert [problem.message[: len(message)] for problem in walk.problems] == [message]
    assert (walk.problems[0].line, walk.problems[0].column) == (1, 1)


def test_accounts_are_counted_apart_but_money_is_not() -> None:
    """A second key never doubles a budget."""
    meters, _ = _meters()
    rules = meters.rules(
        {("requests", "day"): LimitEntry(amount=5), ("cost", "day"): LimitEntry(amount=9)}, None, "UTC"
    )
    home = meters.of("provider", "groq", rules, "home")
    work = meters.of("provider", "groq", rules, "work")
    assert [meter.id for meter in home] == ["provider:groq#home:requests_per_day", "provider:groq:cost_per_day"]
    assert [meter.id for meter in work] == ["provider:groq#work:requests_per_day", "provider:groq:cost_per_day"]
    assert home[1] is work[1]
    assert sorted(meters.by_id) == sorted({meter.id for meter in (*home, *work)})


def test_pools_are_one_allowance_whoever_shares_them() -> None:
    """One meter for all who name it, once each; what is not there is noted where it was named."""
    meters, walk = _meters()
    rules = meters.rules({("requests", "day"): LimitEntry(amount=50)}, None, "UTC")
    meters.open_pool("free", rules)
    meters.open_pool("empty", {})
    names = read("pools: [free, empty, free, fre]", "f").root.get("pools")
    assert isinstance(names, nodes.Sequence)
    (found,) = meters.pooled(["free", "empty", "free", "fre"], names.items)
    assert (found.id, found.scope_type, found.scope) == ("pool:free:requests_per_day", "pool", "free")
    assert meters.by_id == {found.id: found}
    assert [str(each) for each in walk.problems] == ["f:1:28: unknown pool 'fre', did you mean 'free'?"]


@pytest.mark.parametrize(
    ("unit", "written", "strict"),
    [("tokens", None, False), ("tokens", True, True), ("cost", None, True), ("cost", False, False)],
)
def test_money_is_strict_unless_it_is_written_otherwise(unit: Unit, written: bool | None, strict: bool) -> None:
    """Tokens the other way round."""
    meters, _ = _meters()
    rules = meters.rules({(unit, "day"): LimitEntry(amount=5, strict=written)}, None, "UTC")
    (meter,) = meters.of("client", "aider", rules)
    assert (meter.strict, meter.is_strict) == (written, strict)
