"""Clocks that are set, machines that sleep, processes that start again: no window opens twice, and none stays shut.

The truth is a time of its own, which only runs forward. Set against it are what was let in and when, by books that know
nothing of how the rules count.
"""

from math import ceil
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from gateway.clock import FakeClock
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Meter, Need, Reservation
from gateway.limits.rules import CalendarWindow
from gateway.limits.shorthand import make_rule, window_s
from gateway.limits.windows import SHORTEST_S, bounds

AMOUNT = 10
HOUR, DAY, YEAR = 3600.0, 86400.0, 365 * 86400.0
TICK_S = 1 / 8
"""All times are multiples of it, so that floats are exact."""
DUST = 1e-6

STARTS = {
    "an ordinary noon": 1_773_144_000.0,
    "an hour before Berlin's clocks go ahead": 1_774_742_400.0,
    "an hour before they go back": 1_792_886_400.0,
    "half a minute before a month ends": 1_769_903_970.0,
}


class Books:
    """What was let in by one limit, on the true clock."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.length_s = window_s(meter.window)
        self.charged: list[tuple[float, int]] = []

    def charge(self, n: int, clock: FakeClock, true_s: float) -> None:
        """So many were charged."""
        self.charged.append((true_s, n))

    def look(self, used: float, clock: FakeClock, true_s: float) -> None:
        """Fail if what stands as used cannot be."""
        raise NotImplementedError

    def admit(self, held: int) -> None:
        """One more was let in, and so many are held now."""

    def restarted(self, clock: FakeClock, true_s: float, *, remembered: bool) -> None:
        """Another process goes on."""

    def rest(self, clock: FakeClock) -> float:
        """Seconds without use after which all of it has to be open, whatever happened before."""
        raise NotImplementedError


class Rolling(Books):
    """What came in the last `length_s` is at most the amount, and counts."""

    def look(self, used: float, clock: FakeClock, true_s: float) -> None:
        """The sum of what is younger than the length."""
        self.charged = [each for each in self.charged if each[0] > true_s - self.length_s]
        assert sum(n for _, n in self.charged) <= used <= AMOUNT

    def rest(self, clock: FakeClock) -> float:
        """The length, and a slice."""
        return self.length_s + ceil(self.length_s / 1000)


class FirstUse(Books):
    """What came since it was last empty is at most the amount, and it was not empty again before its length."""

    def look(self, used: float, clock: FakeClock, true_s: float) -> None:
        """All of it; if that is over, what came afterwards."""
        while used < self._spent() and true_s >= (over := self.charged[0][0] + self.length_s):
            self.charged = [each for each in self.charged if each[0] >= over]
        assert used == self._spent() <= AMOUNT

    def _spent(self) -> int:
        return sum(n for _, n in self.charged)

    def rest(self, clock: FakeClock) -> float:
        """The length."""
        return self.length_s


class Bucket(Books):
    """A bucket that leaks by the true clock holds no more than the rule's does."""

    level, at = 0.0, 0.0

    def charge(self, n: int, clock: FakeClock, true_s: float) -> None:
        """Leak, then pour."""
        self.level, self.at = max(0.0, self.level - (true_s - self.at) * AMOUNT / self.length_s) + n, true_s

    def look(self, used: float, clock: FakeClock, true_s: float) -> None:
        """The level."""
        self.charge(0, clock, true_s)
        assert self.level - DUST <= used <= AMOUNT + DUST

    def rest(self, clock: FakeClock) -> float:
        """What a full one takes."""
        return self.length_s + TICK_S


class Calendar(Books):
    """Each window that the wall clock names lets through its amount, in the length of the shortest one at least.

    A clock ahead is believed; one put back leaves the window in force until it stands before the one just ahead, and
    then gives it another name.
    """

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        assert isinstance(meter.rule, CalendarWindow)
        self._rule = meter.rule
        self._start = 0.0
        self._came: dict[float, list[tuple[float, int]]] = {}
        """When, and how many, by the beginning of the window that was in force."""

    def _bounds(self, wall: float) -> tuple[float, float]:
        return bounds(self._rule.window, self._rule.timezone, wall, self._rule.reset)

    def charge(self, n: int, clock: FakeClock, true_s: float) -> None:
        """Under the name of the window in force."""
        self._enter(clock, true_s)
        self._came.setdefault(self._start, []).append((true_s, n))

    def look(self, used: float, clock: FakeClock, true_s: float) -> None:
        """All that came under this name."""
        self._enter(clock, true_s)
        assert self._sum(self._start) <= used

    def admit(self, held: int) -> None:
        """Nothing comes in beyond the amount; what was let in before the clock was set may still end in here."""
        assert self._sum(self._start) + held <= AMOUNT

    def _sum(self, start: float) -> int:
        return sum(n for _, n in self._came.get(start, []))

    def _lately(self, start: float, true_s: float) -> list[tuple[float, int]]:
        return [each for each in self._came.get(start, []) if each[0] > true_s - SHORTEST_S[self._rule.window]]

    def _enter(self, clock: FakeClock, true_s: float) -> None:
        start, end = self._bounds(clock.wall)
        if start == self._start or start < self._start <= end:
            return
        self._came[start] = self._lately(start, true_s)
        if start < self._start and self._sum(start) < self._sum(self._start):
            self._came[start] = [*self._came[self._start]]
        self._start = start

    def restarted(self, clock: FakeClock, true_s: float, *, remembered: bool) -> None:
        """Where there was nothing to remember nothing may have come lately; it begins where the clock is."""
        if not remembered:
            assert not any(self._lately(start, true_s) for start in self._came)
            self._came.clear()
            self._start = self._bounds(clock.wall)[0]

    def rest(self, clock: FakeClock) -> float:
        """The window of the wall clock and the one ahead, which may be in force."""
        _, first = self._bounds(clock.wall)
        return self._bounds(first)[1] - clock.wall


LIMITS: list[tuple[type[Books], str, dict[str, Any]]] = [
    (Bucket, "second", {}),
    (Bucket, "minute", {}),
    (Bucket, "day", {"algorithm": "bucket"}),
    (Rolling, "30s", {}),
    (Rolling, "5h", {}),
    (Rolling, "7d", {}),
    (FirstUse, "15m", {"algorithm": "first_use"}),
    (FirstUse, "5h", {"algorithm": "first_use"}),
    (FirstUse, "month", {"algorithm": "first_use"}),
    (Calendar, "minute", {"algorithm": "calendar"}),
    (Calendar, "hour", {"timezone": "Australia/Lord_Howe"}),
    (Calendar, "day", {"timezone": "Europe/Berlin"}),
    (Calendar, "day", {"timezone": "America/Havana", "reset": "10:30"}),
    (Calendar, "week", {"reset": "sun 23:30"}),
    (Calendar, "month", {"timezone": "Asia/Kolkata", "reset": "31 10:00"}),
]
PLACES = st.integers(0, len(LIMITS) - 1)
SPANS = st.builds(
    lambda times, span_s: times * span_s,
    st.integers(1, 30),
    st.sampled_from([TICK_S, 1.0, 60.0, HOUR, 0.9 * HOUR, DAY]),
)


class Clocks(RuleBasedStateMachine):
    """One ledger with every kind of limit, whose machine has a hard life."""

    @initialize(start=st.sampled_from(sorted(STARTS)), early_s=st.integers(0, 7200))
    def begin(self, start: str, early_s: int) -> None:
        """A clock that is right."""
        self.clock = FakeClock(wall=STARTS[start] - early_s)
        self.true_s = 0.0
        self.ledger = Ledger()
        self.books = [
            kind(Meter.of("model", f"m{i}", "tokens", window, make_rule("tokens", window, AMOUNT, **more)))
            for i, (kind, window, more) in enumerate(LIMITS)
        ]
        self.running: list[tuple[Books, Reservation, int]] = []
        self._retain()
        self._look()

    @rule(place=PLACES, n=st.integers(1, AMOUNT))
    def comes(self, place: int, n: int) -> None:
        """A request is let in, or not."""
        self._reserve(self.books[place], n)

    @rule()
    def everybody_comes(self) -> None:
        """All that there is room for, everywhere, and at once."""
        for books in self.books:
            while self._reserve(books, 1):
                self._settle(len(self.running) - 1, 1)
        self._look()

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 100), share=st.sampled_from([0, 0.5, 1]))
    def ends(self, which: int, share: float) -> None:
        """A request ends, and needed no more than was held."""
        which %= len(self.running)
        self._settle(which, int(self.running[which][2] * share))
        self._look()

    @rule(span_s=SPANS)
    def passes(self, span_s: float) -> None:
        """Time passes, awake or asleep: both clocks go on, and nobody looks at them."""
        self.clock.advance(span_s)
        self.true_s += span_s
        self._look()

    @rule(span_s=st.one_of(SPANS, st.just(YEAR)), back=st.booleans())
    def is_set(self, span_s: float, *, back: bool) -> None:
        """Somebody sets the clock. Put back, it opens nothing."""
        before = self._used()
        self.clock.jump(-span_s if back else span_s)
        assert not back or all(now >= then for then, now in zip(before, self._used(), strict=True))
        self._look()

    @rule(stopped_s=st.one_of(st.just(0.0), SPANS), back_s=st.one_of(st.just(0.0), SPANS, st.just(YEAR)))
    def restarts(self, stopped_s: float, back_s: float) -> None:
        """Another process goes on, after a while, perhaps with a clock that was put back meanwhile.

        One put ahead meanwhile looks like time that has passed, and is taken for it. What ran counts as spent.
        """
        before = self._used()
        dump = orjson.loads(orjson.dumps(self.ledger.dump(self.clock.now())))
        self.clock = FakeClock(wall=self.clock.wall + stopped_s - back_s, boot=8.0)
        self.true_s += stopped_s
        for books in self.books:
            books.restarted(self.clock, self.true_s, remembered=bool(dump.get(books.meter.id, {}).get("values")))
        self.ledger = Ledger()
        self.ledger.restore(dump, [books.meter for books in self.books], self.clock.now())
        assert back_s < stopped_s or all(now >= then for then, now in zip(before, self._used(), strict=True))
        for books, _, n in self.running:
            books.charge(n, self.clock, self.true_s)
        self.running.clear()
        self._look()

    @rule()
    def is_reloaded(self) -> None:
        """The same limits come in force again."""
        self._retain()

    @rule(place=PLACES)
    def rests(self, place: int) -> None:
        """After its length without use a limit is wholly open, whatever happened to it."""
        while self.running:
            self._settle(0, self.running[0][2])
        books = self.books[place]
        self.passes(books.rest(self.clock))
        now = self.clock.now()
        assert self.ledger.used(books.meter, now) == 0
        self.ledger.settle(self.ledger.reserve([books.meter], Need(0, AMOUNT), now), NOTHING, now)

    def teardown(self) -> None:
        """In the end all of them are open."""
        if hasattr(self, "books"):
            for place in range(len(self.books)):
                self.rests(place)

    def _reserve(self, books: Books, n: int) -> bool:
        try:
            reservation = self.ledger.reserve([books.meter], Need(0, n), self.clock.now())
        except LimitReachedError as error:
            refused = error
        else:
            self.running.append((books, reservation, n))
            books.admit(sum(held for each, _, held in self.running if each is books))
            return True
        assert refused.shortfalls[0].by_holds or refused.wait_s <= books.rest(self.clock)
        return False

    def _settle(self, which: int, n: int) -> None:
        books, reservation, _ = self.running.pop(which)
        if n:
            books.charge(n, self.clock, self.true_s)
        self.ledger.settle(reservation, Need(0, n), self.clock.now())

    def _used(self) -> list[float]:
        return [self.ledger.used(books.meter, self.clock.now()) for books in self.books]

    def _look(self) -> None:
        for books, used in zip(self.books, self._used(), strict=True):
            books.look(used, self.clock, self.true_s)

    def _retain(self) -> None:
        self.ledger.retain([books.meter for books in self.books], self.clock.now())


def test_no_window_opens_twice_and_none_stays_shut() -> None:
    """Whatever happens to the clock and to the process, every kind of limit keeps its word."""
    run_state_machine_as_test(Clocks, settings=settings(deadline=None, max_examples=250, stateful_step_count=30))
