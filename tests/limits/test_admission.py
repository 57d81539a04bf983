"""Never over: a thousand at once over every kind of limit, and a hundred thousand operations against a slow model."""

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from gateway.clock import FakeClock
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Meter, Need, Reservation
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import ScopeType

WALL = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""
KINDS = {
    "bucket": ("requests_per_minute", {}),
    "bucket of 5h": ("requests_per_5h", {"algorithm": "bucket"}),
    "calendar": ("requests_per_day", {"timezone": "America/Los_Angeles", "reset": "10:30"}),
    "calendar second": ("requests_per_second", {"algorithm": "calendar"}),
    "rolling": ("requests_per_15m", {}),
    "rolling month": ("requests_per_month", {"algorithm": "rolling"}),
    "first use": ("requests_per_5h", {"algorithm": "first_use"}),
    "at once": ("concurrent_requests", {}),
}


def meter(kind: str, amount: int, scope_type: ScopeType = "provider", scope: str = "groq") -> Meter:
    key, more = KINDS[kind]
    unit, _, window = key.partition("_per_")
    rule = make_rule(unit, window, amount, **more)  # type: ignore[arg-type]  # a table's column holds mixed types
    return Meter.of(scope_type, scope, unit, window, rule)  # type: ignore[arg-type]  # as above


def granted(ledger: Ledger, meters: Sequence[Meter], clock: FakeClock, tries: int) -> list[Reservation]:
    """The reservations that were not refused."""
    found = []
    for _ in range(tries):
        try:
            found.append(ledger.reserve(meters, Need(1, 10, 10), clock.now()))
        except LimitReachedError:
            continue
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope_type", ["provider", "pool"])
def test_of_a_thousand_at_once_five_hundred_get_through(kind: str, scope_type: ScopeType) -> None:
    """In flight, judged or ended, they are five hundred; the refused ones have cost nothing."""
    ledger, clock, limit = Ledger(), FakeClock(wall=WALL), meter(kind, 500, scope_type)
    first = granted(ledger, [limit], clock, 1000)
    assert len(first) == 500
    for reservation in first[:250]:
        ledger.charge_request(reservation, clock.now())
    assert granted(ledger, [limit], clock, 1000) == []
    for reservation in first:
        ledger.settle(reservation, Need(1, 10, 10), clock.now())
    assert len(granted(ledger, [limit], clock, 1000)) == (500 if kind == "at once" else 0)


def test_of_several_limits_the_smallest_decides_and_all_count_the_same() -> None:
    """Provider, key, model and pool, each of another kind: 500 in all of them, though three have room for more."""
    ledger, clock = Ledger(), FakeClock(wall=WALL)
    limits = [
        meter("bucket", 800),
        meter("calendar", 500, "key", "groq#home"),
        meter("rolling", 600, "model", "groq/llama"),
        meter("first use", 700, "pool", "free"),
        meter("at once", 900),
    ]
    admitted = granted(ledger, limits, clock, 1000)
    assert [ledger.held(limit) for limit in limits] == [500] * 5
    for reservation in admitted:
        ledger.charge_request(reservation, clock.now())
    assert [ledger.used(limit, clock.now()) for limit in limits] == [500, 500, 500, 500, 0]


def test_models_of_two_providers_share_a_pool() -> None:
    """A thousand over each, by turns: 500 together."""
    ledger, clock, pool = Ledger(), FakeClock(wall=WALL), meter("calendar", 500, "pool", "free")
    groups = [[meter("bucket", 400, scope=name), pool] for name in ("groq", "cerebras")]
    found = [len(granted(ledger, group, clock, 1)) for _ in range(1000) for group in groups]
    assert (sum(found[::2]), sum(found[1::2])) == (250, 250)


class Slow(Struct):
    """A limit told by the list of everything that was counted: at (seconds), n."""

    kind: str
    amount: int
    counted: list[tuple[float, int]]

    def used(self, at: float) -> Fraction | int:
        """What stands as used at `at`, summed anew. All times are 64ths of a second, so floats hold them exactly."""
        counted = self.counted
        match self.kind:
            case "bucket":
                level, before = Fraction(0), 0.0
                for when, n in [*counted, (at, 0)]:
                    level, before = max(Fraction(0), level - Fraction(when - before) * self.amount / 60) + n, when
                return level
            case "calendar":
                return sum(n for when, n in counted if when // 60 == at // 60)
            case "rolling":
                return sum(n for when, n in counted if at - when < 60)
            case _:
                began, total = -60.0, 0
                for when, n in [*counted, (at, 0)]:
                    if when >= began + 60:
                        began, total = when, 0
                    total += n
                return total

    def expired(self, at: float) -> None:
        """Forget what cannot matter any more, to keep the sums short: nothing was counted for two windows."""
        if self.counted and at - self.counted[-1][0] > 120:
            self.counted.clear()


LAWS = ("bucket", "calendar", "rolling", "first_use")


class Model:
    """One or two limits of a minute and one on what runs at once, in seconds from a full minute on."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.clock = FakeClock(wall=WALL, boot=4096.0)
        laws = random.sample(LAWS, random.randint(1, 2))
        self.slow = [Slow(law, random.randint(1, 12), []) for law in laws]
        self.most = random.randint(1, 15)
        self.limits = [
            Meter.of("pool", law, "requests", "minute", make_rule("requests", "minute", slow.amount, algorithm=law))
            for law, slow in zip(laws, self.slow, strict=True)
        ]
        self.limits.append(
            Meter.of("pool", "all", "concurrent_requests", "", make_rule("concurrent_requests", "", self.most))
        )
        self.ledger = Ledger()
        self.running: list[tuple[Reservation, bool]] = []
        self.admitted = 0

    @property
    def at(self) -> float:
        """Seconds since the beginning."""
        return self.clock.wall - WALL

    def step(self) -> None:
        """One random operation."""
        draw = self.random.random()
        if draw < 0.55 or not self.running:
            self.reserve()
        elif draw < 0.85:
            self.end(self.random.randrange(len(self.running)))
        elif draw < 0.995:
            self.wait()
        else:
            self.restart()

    def wait(self) -> None:
        """For a while, or until just before or just after the moment that is named for the next one."""
        short = self.ledger.shortfalls(self.limits, Need(), self.clock.now())
        named = max((each.wait_s for each in short), default=0.0)
        ticks = (
            self.random.choice([1, 8, 64, 640, 64 * 61])
            if self.random.random() < 0.5
            else int(named * 64) + self.random.randint(0, 1)
        )
        self.clock.advance(ticks / 64)
        for slow in self.slow:
            slow.expired(self.at)

    def reserve(self) -> None:
        """Admitted only if every sum has room; refused only if one has none but for the last slice of what rolls."""
        held = sum(not judged for _, judged in self.running)
        room = [slow.used(self.at) + held + 1 <= slow.amount for slow in self.slow]
        at_once = len(self.running) + 1 <= self.most
        made = granted(self.ledger, self.limits, self.clock, 1)
        if made:
            assert all(room)
            assert at_once
            self.admitted += 1
            self.running.append((made[0], False))
        elif all(room):
            late = [
                Slow("rolling", slow.amount, [(when + 0.13, n) for when, n in slow.counted])
                for slow in self.slow
                if slow.kind == "rolling"
            ]
            assert not at_once or any(slow.used(self.at) + held + 1 > slow.amount for slow in late)

    def end(self, i: int) -> None:
        """Judge the i-th or settle it, as it may be."""
        reservation, judged = self.running[i]
        now, charged = self.clock.now(), self.random.random() < 0.7
        if not judged:
            for slow in self.slow if charged else ():
                slow.counted.append((self.at, 1))
            if self.random.random() < 0.5:
                (self.ledger.charge_request if charged else self.ledger.release_request)(reservation, now)
                self.running[i] = reservation, True
                return
        self.ledger.settle(reservation, Need() if charged and not judged else NOTHING, now)
        del self.running[i]

    def restart(self) -> None:
        """By way of a snapshot: what was in flight counts as spent, and nothing runs."""
        dump = orjson.loads(orjson.dumps(self.ledger.dump(self.clock.now())))
        held = sum(not judged for _, judged in self.running)
        for slow in self.slow if held else ():
            slow.counted.append((self.at, held))
        self.running = []
        self.clock.boot = self.random.randint(100, 10_000)
        self.ledger = Ledger()
        self.ledger.restore(dump, self.limits, self.clock.now())


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_none_is_over_in_a_thousand_operations_a_hundred_times(seed: int) -> None:
    """Reserve, judge, settle, wait and restart, in any order, over several limits at once."""
    model = Model(Random(seed))  # noqa: S311 - no secret
    for _ in range(1000):
        model.step()
    assert model.admitted
