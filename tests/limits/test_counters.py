"""One limit's count: what may be held beside what is used, and what is said where there is no room."""

import pytest

from gateway.clock import FakeClock
from gateway.limits.counters import Counter, Hold, Reservation
from gateway.limits.forecast import Outlook, margin
from gateway.limits.learned import Ended, Learned
from gateway.limits.shorthand import Unit, make_rule
from gateway.limits.terms import Meter, Need, Shortfall

WALL = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


def counter(
    clock: FakeClock, amount: int, unit: Unit = "tokens", window: str = "day", strict: bool | None = None
) -> Counter:
    meter = Meter.of("provider", "groq", unit, window, make_rule(unit, window, amount), strict)
    return Counter(meter, meter.rule.fresh(clock.now()))


def asked(learned: Learned | None = None, **more: int) -> Outlook:
    """A request of about 100 tokens, whose answer nobody knows."""
    past = (learned or Learned()).past("m", "c")
    return Outlook(past=past, estimate=100, bound=8192, **more)  # type: ignore[arg-type]  # numbers only


def held(counter: Counter, wanted: Outlook, clock: FakeClock, id_: int = 1) -> tuple[Reservation, Hold]:
    """It is let in."""
    hold = counter.offer(wanted.at(), clock.now())
    assert isinstance(hold, Hold)
    reservation = Reservation(id_, [hold], clock.now().boot, wanted)
    counter.put(reservation, hold)
    return reservation, hold


def short(counter: Counter, wanted: Outlook | Need, clock: FakeClock) -> Shortfall:
    """It is not."""
    found = counter.offer(wanted if isinstance(wanted, Need) else wanted.at(), clock.now())
    assert isinstance(found, Shortfall)
    return found


def test_one_margin_for_all_that_is_in_flight(clock: FakeClock) -> None:
    """Of twenty it is larger than of one; far from the edge one needs none."""
    limit, far = counter(clock, 10**5), counter(clock, 10**6)
    for each in (limit, far):
        held(each, asked(), clock)
    one = limit.held - limit.mean
    for id_ in range(2, 21):
        held(limit, asked(), clock, id_)
    assert limit.mean == pytest.approx(20 * 715, rel=0.01)
    assert 0 < one < limit.held - limit.mean
    assert limit.held - limit.mean == pytest.approx(margin(10**5, limit.variance, limit.doubt), abs=1)
    assert far.held == far.mean


def test_when_all_have_ended_nothing_is_held(clock: FakeClock) -> None:
    """Sums of floats leave dust, and a margin on dust would be a margin."""
    limit = counter(clock, 10**6)
    made = [held(limit, asked(), clock, id_) for id_ in range(100)]
    for reservation, hold in made:
        limit.drop(reservation, hold)
    assert (limit.held, limit.mean, limit.variance, limit.doubt, limit.live) == (0, 0, 0, 0, {})


def test_a_hold_grows_and_never_shrinks(clock: FakeClock) -> None:
    """A thousand tokens are out: more will come. What a shorter look would say changes nothing."""
    limit = counter(clock, 10**6)
    _, hold = held(limit, asked(), clock)
    before = hold.mean
    limit.grow(hold, asked().at(1000))
    grown = hold.mean
    limit.grow(hold, asked().at(10))
    assert (grown > before + 1000, hold.mean, limit.mean) == (True, grown, grown)


def test_a_bound_that_is_only_assumed_grows_without_a_margin(clock: FakeClock) -> None:
    """Money is strict; where nothing bounds the answer, 4,096 tokens are held, and more once more of it is out."""
    limit = counter(clock, 10**6, strict=True)
    wanted = Outlook(past=Learned().past("m", "c"), estimate=100, bound=None)
    _, hold = held(limit, wanted, clock)
    assert hold.mean == pytest.approx(4096 + 100 * 1.25 * 1.05 + 4, abs=1)
    limit.grow(hold, wanted.at(6000))
    assert (hold.mean > 6000, hold.variance, hold.doubt, limit.held) == (True, 0, 0, limit.mean)


def test_what_does_not_fit_with_its_margin_is_refused(clock: FakeClock) -> None:
    """The numbers add up: used, held and needed are more than the amount."""
    limit = counter(clock, 6000)
    held(limit, asked(), clock)
    while isinstance(limit.offer(asked().at(), clock.now()), Hold):
        held(limit, asked(), clock, len(limit.live) + 1)
    found = short(limit, asked(), clock)
    assert (found.held, found.amount, found.used) == (limit.held, 6000, 0)
    assert found.held + found.need > 6000
    assert found.need >= asked().at().hold(1)[0]


def test_alone_it_is_let_in_if_its_input_fits(clock: FakeClock) -> None:
    """Whatever the margin; with anything used or in flight it waits, and when the input is too large, for good."""
    limit = counter(clock, 500)
    assert not short_of_room(limit, clock)
    held(limit, asked(), clock)
    waiting = short(limit, asked(), clock)
    assert (waiting.never, waiting.by_holds) == (False, True)
    assert short(counter(clock, 100), asked(), clock).never


def short_of_room(limit: Counter, clock: FakeClock) -> bool:
    return isinstance(limit.offer(asked().at(), clock.now()), Shortfall)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param({"unit": "tokens", "strict": True}, "bounds are bounds", id="strict"),
        pytest.param({"unit": "requests"}, "requests are counted", id="requests"),
    ],
)
def test_what_is_never_crossed_lets_nobody_in_alone(clock: FakeClock, more: dict[str, object], reason: str) -> None:
    """However empty it is."""
    found = short(counter(clock, 0, **more), Need(1, 10, 10), clock)  # type: ignore[arg-type]  # a table of two types
    assert (found.never, found.wait_s, found.opens_at) == (True, float("inf"), None), reason


def test_what_is_held_opens_when_the_oldest_has_usually_ended(clock: FakeClock) -> None:
    """About 300 tokens at 100 a second, one second after it was asked: in about three seconds."""
    learned = Learned()
    for _ in range(300):
        learned.add("m", "c", Ended(estimate=100, input=100, output=300, cut=False, first_s=1.0, duration_s=4.0))
    limit = counter(clock, 1000)
    while not short_of(limit, learned, clock):
        held(limit, asked(learned), clock, len(limit.live) + 1)
    clock.advance(1)
    found = short(limit, asked(learned), clock)
    assert found.by_holds
    assert found.wait_s == pytest.approx(3, abs=0.3)
    clock.advance(2.9)
    assert short(limit, asked(learned), clock).wait_s >= 1


def short_of(limit: Counter, learned: Learned, clock: FakeClock) -> bool:
    return isinstance(limit.offer(asked(learned).at(), clock.now()), Shortfall)


def test_a_head_is_judged_sooner_than_an_answer_ends(clock: FakeClock) -> None:
    """A request unit is held until the first token, which usually takes ten seconds here."""
    learned = Learned()
    for _ in range(300):
        learned.add("m", "c", Ended(estimate=100, input=100, output=300, cut=False, first_s=10.0, duration_s=90.0))
    limit = counter(clock, 1, "requests")
    held(limit, asked(learned), clock)
    clock.advance(2)
    assert short(limit, asked(learned), clock).wait_s == pytest.approx(8, abs=0.1)


def test_before_a_pace_was_learned_it_opens_in_a_second(clock: FakeClock) -> None:
    """And so it does where what is in flight was sure."""
    limit = counter(clock, 1, "requests")
    held(limit, asked(), clock)
    assert short(limit, asked(), clock).wait_s == 1
    sure = counter(clock, 1, "requests")
    hold = sure.offer(Need(), clock.now())
    assert isinstance(hold, Hold)
    sure.put(Reservation(1, [hold], clock.now().boot), hold)
    assert short(sure, Need(), clock).wait_s == 1


def test_what_nobody_needs_is_never_refused(clock: FakeClock) -> None:
    """A free answer passes a budget that is spent."""
    assert isinstance(counter(clock, 0, "cost").offer(asked().at(), clock.now()), Hold)
