"""Reserve and settle: never over, all or none, exactly once, through reloads and restarts."""

from typing import Literal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Meter, Need, Reservation
from gateway.limits.rules import TokenBucket
from gateway.limits.shorthand import Unit, make_rule

DAY = 86400.0
WALL = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""
ALGORITHMS = [("minute", "bucket"), ("day", "calendar"), ("15m", "rolling")]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


def meter(unit: Unit, window: str, amount: int, algorithm: str | None = None, scope: str = "groq") -> Meter:
    return Meter.of("provider", scope, unit, window, make_rule(unit, window, amount, algorithm=algorithm), strict=False)


def granted(ledger: Ledger, meters: list[Meter], need: Need, clock: FakeClock, tries: int) -> list[Reservation]:
    """The reservations that were not refused."""
    found = []
    for _ in range(tries):
        try:
            found.append(ledger.reserve(meters, need, clock.now()))
        except LimitReachedError:
            continue
    return found


@pytest.mark.parametrize(("window", "algorithm"), ALGORITHMS, ids=[algorithm for _, algorithm in ALGORITHMS])
def test_ten_means_ten(clock: FakeClock, window: str, algorithm: str) -> None:
    """Of 300 at once, in flight or ended, ten get through; what failed before its answer gives its place to another."""
    ledger, limit = Ledger(), meter("requests", window, 10, algorithm)
    first = granted(ledger, [limit], Need(), clock, 300)
    assert len(first) == 10
    for reservation in first[:6]:
        ledger.charge_request(reservation, clock.now())
    for reservation in first[6:]:
        ledger.release_request(reservation, clock.now())
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (6, 0)
    second = granted(ledger, [limit], Need(), clock, 300)
    assert len(second) == 4
    for reservation in (*first, *second):
        ledger.settle(reservation, Need(1), clock.now())
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (10, 0)
    assert granted(ledger, [limit], Need(), clock, 300) == []


@pytest.mark.parametrize("spent", [Need(1), NOTHING], ids=["charged", "given back"])
def test_a_head_that_was_never_judged_goes_by_what_was_spent(clock: FakeClock, spent: Need) -> None:
    """Sent without an answer keeps its request; never left gives it back."""
    ledger, limit = Ledger(), meter("requests", "day", 10)
    ledger.settle(ledger.reserve([limit], Need(), clock.now()), spent, clock.now())
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (spent.requests, 0)


def test_settling_and_judging_count_once(clock: FakeClock) -> None:
    """A second settle or judgement is a no-op, not a second refund."""
    ledger, limits = Ledger(), [meter("requests", "day", 10), meter("tokens", "day", 1000)]
    other = ledger.reserve(limits, Need(1, 10, 90), clock.now())
    reservation = ledger.reserve(limits, Need(1, 10, 90), clock.now())
    ledger.charge_request(reservation, clock.now())
    ledger.charge_request(reservation, clock.now())
    ledger.release_request(reservation, clock.now())
    for _ in range(2):
        ledger.settle(reservation, Need(0, 10, 20), clock.now())
    ledger.charge_request(reservation, clock.now())
    assert [ledger.used(limit, clock.now()) for limit in limits] == [1, 30]
    assert [ledger.held(limit) for limit in limits] == [1, 100]
    ledger.settle(other, NOTHING, clock.now())
    ledger.charge_request(other, clock.now())
    assert [ledger.used(limit, clock.now()) for limit in limits] == [1, 30]


def test_holds_stand_beside_what_is_used(clock: FakeClock) -> None:
    """A bucket that refilled while 600 were held does not count the rest of the hold as room on top."""
    ledger, limit = Ledger(), meter("tokens", "minute", 600)
    reservation = ledger.reserve([limit], Need(1, 100, 500), clock.now())
    clock.advance(60)
    ledger.settle(reservation, Need(1, 100, 50), clock.now())
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (150, 0)


def test_all_or_none(clock: FakeClock) -> None:
    """One full limit of three leaves the others untouched, and is the one that is named."""
    ledger = Ledger()
    limits = [meter("requests", "minute", 10), meter("requests", "day", 1), meter("tokens", "day", 1000)]
    ledger.reserve(limits, Need(1, 10, 10), clock.now())
    with pytest.raises(LimitReachedError) as caught:
        ledger.reserve(limits, Need(1, 10, 10), clock.now())
    assert [each.meter for each in caught.value.shortfalls] == [limits[1]]
    assert [ledger.held(limit) for limit in limits] == [1, 1, 20]


class Slow:
    """The obvious ledger: everything that was ever reserved, in one list, summed anew for each question."""

    def __init__(self, amounts: tuple[int, int, int]) -> None:
        self.amounts = amounts
        self.used: list[list[int]] = []
        self.held: list[list[int]] = []
        self.live: list[bool] = []

    def sums(self) -> tuple[list[int], list[int]]:
        """Used and held, each of the three limits."""
        return [sum(row[i] for row in self.used) for i in range(3)], [
            sum(row[i] for row in self.held) for i in range(3)
        ]

    def fits(self, need: list[int]) -> bool:
        """Whether all three have room; what is not needed is not asked for."""
        used, held = self.sums()
        return all(not need[i] or used[i] + held[i] + need[i] <= self.amounts[i] for i in range(3))

    def reserve(self, need: list[int]) -> None:
        """Hold it."""
        self.used.append([0, 0, 0])
        self.held.append(need)
        self.live.append(True)

    def judge(self, i: int, requests: int) -> None:
        """Count the i-th request, or give it back, if it is still held."""
        if self.held[i][0]:
            self.used[i][0] = requests
            self.held[i][0] = 0

    def settle(self, i: int, spent: list[int]) -> None:
        """End the i-th, if it runs."""
        if self.live[i]:
            self.judge(i, spent[0])
            self.used[i][1:] = spent[1:]
            self.held[i] = [0, 0, 0]
            self.live[i] = False


@settings(deadline=None, max_examples=200)
@given(
    amounts=st.tuples(st.integers(1, 8), st.integers(60, 400), st.integers(30, 400)),
    algorithms=st.tuples(*(st.sampled_from(["calendar", "rolling"]),) * 3),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["reserve", "reserve", "reserve", "charge", "release", "settle", "settle"]),
            st.integers(0, 9),
            st.integers(0, 30),
            st.integers(0, 30),
        ),
        max_size=80,
    ),
)
def test_agrees_with_a_list_of_everything(
    amounts: tuple[int, int, int], algorithms: tuple[str, str, str], steps: list[tuple[str, int, int, int]]
) -> None:
    """Admitted if and only if all three limits fit; spent what was held at most, they are never crossed."""
    clock, ledger, slow = FakeClock(wall=WALL), Ledger(), Slow(amounts)
    units: tuple[Unit, Unit, Unit] = ("requests", "tokens", "output_tokens")
    limits = [meter(*row) for row in zip(units, ("day",) * 3, amounts, algorithms, strict=True)]
    made: list[Reservation] = []
    for kind, pick, a, b in steps:
        clock.advance(1)
        if kind == "reserve":
            fits = slow.fits([1, a + b, b])
            made += (found := granted(ledger, limits, Need(1, a, b), clock, 1))
            assert bool(found) == fits
            if fits:
                slow.reserve([1, a + b, b])
        elif made:
            i = pick % len(made)
            if kind == "settle":
                out = min(b, slow.held[i][2])
                spent = Need(a % 2, min(a, slow.held[i][1] - slow.held[i][2]), out)
                slow.settle(i, [spent.requests, spent.input + out, out])
                ledger.settle(made[i], spent, clock.now())
            else:
                slow.judge(i, kind == "charge")
                judge = ledger.charge_request if kind == "charge" else ledger.release_request
                judge(made[i], clock.now())
        used, held = slow.sums()
        assert [ledger.used(limit, clock.now()) for limit in limits] == used
        assert [ledger.held(limit) for limit in limits] == held
        assert all(u + h <= amount for u, h, amount in zip(used, held, amounts, strict=True))


def test_nothing_needed_is_never_refused(clock: FakeClock) -> None:
    """A free answer passes a budget that is spent; a price that turns up afterwards is charged all the same."""
    ledger, limit = Ledger(), meter("cost", "day", 0)
    reservation = ledger.reserve([limit], Need(1, 10, 10), clock.now())
    ledger.settle(reservation, Need(1, 10, 10, 5), clock.now())
    assert ledger.used(limit, clock.now()) == 5


@pytest.mark.parametrize(
    ("limit", "need", "before", "verdict"),
    [
        pytest.param(("tokens", 100), Need(1, 60, 90), "nothing", "admitted", id="alone, its input fits"),
        pytest.param(("tokens", 100), Need(1, 101, 0), "nothing", "never", id="its input alone is too large"),
        pytest.param(("tokens", 100), Need(1, 60, 90), "used", "later", id="something is used"),
        pytest.param(("tokens", 100), Need(1, 60, 90), "held", "later", id="something is in flight"),
        pytest.param(("input_tokens", 100), Need(1, 101, 0), "nothing", "never", id="input tokens are no estimate"),
        pytest.param(("output_tokens", 100), Need(1, 999, 101), "nothing", "admitted", id="output: any input"),
        pytest.param(("cost", 100), Need(1, 9, 9, 150, 100), "nothing", "admitted", id="cost: the input's part fits"),
        pytest.param(("cost", 100), Need(1, 9, 9, 150, 101), "nothing", "never", id="cost: the input's part does not"),
        pytest.param(("cost", 0), Need(1, 9, 9, 1, 0), "nothing", "never", id="cost: nothing may be spent"),
        pytest.param(("requests", 0), Need(), "nothing", "never", id="no requests at all"),
    ],
)
@pytest.mark.parametrize("where", ALGORITHMS, ids=[algorithm for _, algorithm in ALGORITHMS])
def test_larger_than_the_room(
    clock: FakeClock,
    where: tuple[str, str],
    limit: tuple[Unit, int],
    need: Need,
    before: Literal["nothing", "used", "held"],
    verdict: Literal["admitted", "later", "never"],
) -> None:
    """What is expected to be larger than the whole amount is let in alone, if at least its input fits."""
    window, algorithm = where
    ledger, one = Ledger(), meter(limit[0], window, limit[1], algorithm)
    if before != "nothing":
        reservation = ledger.reserve([one], Need(0, 1, 0), clock.now())
        if before == "used":
            ledger.settle(reservation, Need(0, 1, 0), clock.now())
    short = ledger.shortfalls([one], need, clock.now())
    assert [each.never for each in short] == {"admitted": [], "later": [False], "never": [True]}[verdict]
    assert bool(granted(ledger, [one], need, clock, 1)) == (verdict == "admitted")


@pytest.mark.parametrize(
    ("window", "algorithm", "wait_s"),
    [
        pytest.param("minute", "bucket", 6, id="bucket: one more refilled"),
        pytest.param("day", "calendar", 43200, id="calendar: midnight"),
        pytest.param("15m", "rolling", 900.9, id="rolling: the oldest expires"),
    ],
)
def test_a_shortfall_names_the_moment(clock: FakeClock, window: str, algorithm: str, wait_s: float) -> None:
    """Ten of ten used: it opens by the law alone, to the second, and not before."""
    ledger, limit = Ledger(), meter("requests", window, 10, algorithm)
    for reservation in granted(ledger, [limit], Need(), clock, 10):
        ledger.charge_request(reservation, clock.now())
    (short,) = ledger.shortfalls([limit], Need(), clock.now())
    assert (short.used, short.held, short.need, short.amount) == (10, 0, 1, 10)
    assert (short.never, short.by_holds) == (False, False)
    assert short.wait_s == pytest.approx(wait_s)
    assert short.opens_at == pytest.approx(WALL + wait_s)
    clock.advance(wait_s - 0.01)
    assert ledger.shortfalls([limit], Need(), clock.now())
    clock.advance(0.01 + 1e-6)
    assert not ledger.shortfalls([limit], Need(), clock.now())


def test_room_that_is_only_held_opens_soon(clock: FakeClock) -> None:
    """Nothing is used, so how long it takes is a guess, and says so: a second."""
    ledger, limit = Ledger(), meter("requests", "minute", 10)
    granted(ledger, [limit], Need(), clock, 10)
    (short,) = ledger.shortfalls([limit], Need(), clock.now())
    assert (short.by_holds, short.never, short.wait_s, short.opens_at) == (True, False, 1.0, WALL + 1)


def test_a_guess_is_not_later_than_the_law(clock: FakeClock) -> None:
    """Half of 6,000 a minute used, half in flight: a hundredth of a second brings one more in any case."""
    ledger, limit = Ledger(), meter("requests", "minute", 6000)
    for reservation in granted(ledger, [limit], Need(), clock, 3000):
        ledger.charge_request(reservation, clock.now())
    granted(ledger, [limit], Need(), clock, 3000)
    (short,) = ledger.shortfalls([limit], Need(), clock.now())
    assert short.by_holds
    assert short.wait_s == pytest.approx(0.01)


def test_a_bucket_that_never_refills_names_no_moment(clock: FakeClock) -> None:
    """Amount 0 with a burst: what is used never comes back."""
    ledger, limit = Ledger(), Meter.of("provider", "groq", "requests", "minute", TokenBucket(0, 60, 1))
    ledger.charge_request(ledger.reserve([limit], Need(), clock.now()), clock.now())
    (short,) = ledger.shortfalls([limit], Need(), clock.now())
    assert (short.opens_at, short.wait_s) == (None, float("inf"))


@pytest.mark.parametrize(
    ("window", "old", "new", "used"),
    [
        pytest.param("day", ("calendar", 10), ("calendar", 5), 4, id="a smaller amount"),
        pytest.param("day", ("calendar", 10), ("rolling", 10), 4, id="calendar to rolling"),
        pytest.param("minute", ("bucket", 10), ("bucket", 20), 4, id="a larger bucket"),
        pytest.param("minute", ("bucket", 10), ("calendar", 10), 4, id="bucket to calendar"),
        pytest.param("15m", ("rolling", 10), ("bucket", 10), 4, id="rolling to bucket"),
    ],
)
def test_a_changed_limit_keeps_what_was_used(
    clock: FakeClock, window: str, old: tuple[str, int], new: tuple[str, int], used: int
) -> None:
    """A reload changes the law, not the past; what is in flight stays held."""
    ledger = Ledger()
    before = meter("requests", window, old[1], old[0])
    after = meter("requests", window, new[1], new[0])
    for reservation in granted(ledger, [before], Need(), clock, 4):
        ledger.charge_request(reservation, clock.now())
    running = ledger.reserve([before], Need(), clock.now())
    ledger.retain([after], clock.now())
    assert (ledger.used(after, clock.now()), ledger.held(after)) == (used, 1)
    assert ledger.standing(before, clock.now())[0] == after.rule
    ledger.charge_request(running, clock.now())
    assert len(granted(ledger, [before], Need(), clock, 99)) == new[1] - used - 1


def test_a_limit_that_vanished_is_remembered_for_35_days(clock: FakeClock) -> None:
    """Taken out of the YAML and put back, it goes on where it was; after 35 days it is new."""
    ledger, limit = Ledger(), meter("requests", "40d", 10)
    for reservation in granted(ledger, [limit], Need(), clock, 4):
        ledger.charge_request(reservation, clock.now())
    ledger.retain([], clock.now())
    clock.advance(35 * DAY)
    ledger.retain([], clock.now())
    ledger.retain([limit], clock.now())
    assert ledger.used(limit, clock.now()) == 4
    ledger.retain([], clock.now())
    clock.advance(35 * DAY + 1)
    ledger.retain([], clock.now())
    assert ledger.dump(clock.now()) == {}
    ledger.retain([limit], clock.now())
    assert ledger.used(limit, clock.now()) == 0


@pytest.mark.parametrize(("window", "algorithm"), ALGORITHMS, ids=[algorithm for _, algorithm in ALGORITHMS])
def test_a_restart_keeps_counts_and_charges_what_was_in_flight(clock: FakeClock, window: str, algorithm: str) -> None:
    """Dumped through JSON, restored under another boot clock: four used and two in flight are six used."""
    ledger, limit = Ledger(), meter("requests", window, 10, algorithm)
    made = granted(ledger, [limit], Need(), clock, 6)
    for reservation in made[:4]:
        ledger.charge_request(reservation, clock.now())
    dump = orjson.loads(orjson.dumps(ledger.dump(clock.now())))
    later = FakeClock(wall=clock.wall, boot=3.0)
    ledger = Ledger()
    ledger.restore(dump, [limit], later.now())
    assert (ledger.used(limit, later.now()), ledger.held(limit)) == (6, 0)
    assert len(granted(ledger, [limit], Need(), later, 99)) == 4


def test_a_restart_under_another_configuration(clock: FakeClock) -> None:
    """What changed meanwhile keeps its use; what is gone stays remembered from the day it went."""
    ledger = Ledger()
    kept, changed, gone, unused = (meter("requests", "month", 10, scope=scope) for scope in ("a", "b", "c", "d"))
    for reservation in granted(ledger, [kept, changed, gone], Need(), clock, 3):
        ledger.charge_request(reservation, clock.now())
    ledger.held(unused)
    ledger.used(unused, clock.now())
    ledger.retain([kept, changed, unused], clock.now())
    dump = ledger.dump(clock.now())
    assert list(dump) == [kept.id, changed.id, gone.id]
    clock.advance(DAY)
    changed = meter("requests", "month", 5, "rolling", scope="b")
    ledger = Ledger()
    ledger.restore(dump, [kept, changed], clock.now())
    assert [ledger.used(each, clock.now()) for each in (kept, changed, gone)] == [3, 3, 3]
    assert len(granted(ledger, [changed], Need(), clock, 99)) == 2
    clock.advance(34 * DAY + 1)
    ledger.retain([kept, changed], clock.now())
    assert gone.id not in ledger.dump(clock.now())


@pytest.mark.parametrize(
    ("field", "value"),
    [("meter", {}), ("values", [1.0]), ("held", "two"), ("gone_at", [])],
    ids=["no meter", "half a state", "no number", "no moment"],
)
def test_a_dump_that_is_none_is_refused_whole(clock: FakeClock, field: str, value: object) -> None:
    """One damaged record, and nothing of it is taken over."""
    ledger, limits = Ledger(), [meter("requests", "day", 10), meter("requests", "hour", 10)]
    ledger.charge_request(ledger.reserve(limits, Need(), clock.now()), clock.now())
    dump = ledger.dump(clock.now())
    dump[limits[1].id][field] = value
    other = Ledger()
    with pytest.raises(ValueError, match="no dump of a ledger"):
        other.restore(dump, limits, clock.now())
    assert other.used(limits[0], clock.now()) == 0


def test_a_dump_from_a_machine_with_another_zone_is_refused(clock: FakeClock) -> None:
    """Where its day begins cannot be known."""
    ledger, limit = Ledger(), meter("requests", "day", 10)
    ledger.charge_request(ledger.reserve([limit], Need(), clock.now()), clock.now())
    dump = ledger.dump(clock.now())
    dump[limit.id]["meter"]["rule"]["timezone"] = "Mars/Olympus"
    with pytest.raises(ValueError, match="Mars/Olympus"):
        Ledger().restore(dump, [limit], clock.now())


def test_an_unseen_meter_holds_nothing() -> None:
    """Asking does not need a moment."""
    assert Ledger().held(meter("requests", "day", 10)) == 0
