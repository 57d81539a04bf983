"""Answers of unknown length: forecasts beside what is used, bounds that are sent, and what is charged in the end."""

from collections.abc import Sequence
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.limits.forecast import Outlook, Rates
from gateway.limits.learned import Ended, Learned
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Meter, Need, Reservation
from gateway.limits.meters import gauge, headers
from gateway.limits.shorthand import Unit, make_rule

WALL = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""
RATES = Rates(0, 600.0, 2400.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


def meter(unit: Unit, window: str, amount: int, strict: bool | None = None, algorithm: str | None = None) -> Meter:
    return Meter.of("model", "groq/llama", unit, window, make_rule(unit, window, amount, algorithm=algorithm), strict)


def outlook(bound: int | None = 8192, **more: object) -> Outlook:
    values = {"past": Learned().past("m", "c"), "estimate": 100, "bound": bound, "rates": RATES, **more}
    return Outlook(**values)  # type: ignore[arg-type]  # of many types


def reserved(ledger: Ledger, meters: Sequence[Meter], need: Outlook, clock: FakeClock) -> Reservation | None:
    try:
        return ledger.reserve(meters, need, clock.now())
    except LimitReachedError:
        return None


def test_a_large_round_number_does_not_exhaust_a_model(clock: FakeClock) -> None:
    """Clients send 32,000; what is held is what answers usually take, with a margin for all of them."""
    ledger, limit = Ledger(), meter("tokens", "minute", 12_000)
    made = [reserved(ledger, [limit], outlook(32_000), clock) for _ in range(20)]
    assert 3 <= sum(each is not None for each in made) <= 12
    assert ledger.held(limit) <= 12_000


def test_a_hold_follows_its_answer_and_ends_with_it(clock: FakeClock) -> None:
    """Grown while it runs, dropped when it ends; after that nothing grows any more."""
    ledger, limits = Ledger(), [meter("requests", "day", 5), meter("tokens", "day", 10**6)]
    reservation = ledger.reserve(limits, outlook(), clock.now())
    at_first = ledger.held(limits[1])
    ledger.grow(reservation, 4000)
    assert (ledger.held(limits[0]), ledger.held(limits[1]) > at_first + 3000) == (1, True)
    ledger.settle(reservation, Need(1, 110, 5000), clock.now())
    ledger.grow(reservation, 6000)
    assert [ledger.held(limit) for limit in limits] == [0, 0]
    assert [ledger.used(limit, clock.now()) for limit in limits] == [1, 5110]


def test_what_is_sure_does_not_grow(clock: FakeClock) -> None:
    """A client's seat is one request, however long the answer."""
    ledger, limit = Ledger(), meter("tokens", "day", 1000)
    reservation = ledger.reserve([limit], Need(1, 10, 10), clock.now())
    ledger.grow(reservation, 4000)
    assert ledger.held(limit) == 20


def test_sent_and_never_answered_is_charged_as_held(clock: FakeClock) -> None:
    """The mean and not the margin; strict: its bound. Once."""
    ledger = Ledger()
    limits = [meter("requests", "day", 5), meter("tokens", "day", 10**6), meter("output_tokens", "day", 10**6, True)]
    reservation = ledger.reserve(limits, outlook(1000, may_bound=False), clock.now())
    for _ in range(2):
        ledger.keep(reservation, clock.now())
    means = [ledger.used(limit, clock.now()) for limit in limits]
    assert means == [1, pytest.approx(110 + 400, abs=60), 1000]
    assert [ledger.held(limit) for limit in limits] == [0, 0, 0]
    free = meter("cost", "day", 5)
    ledger.keep(ledger.reserve([free], outlook(rates=Rates()), clock.now()), clock.now())
    assert ledger.used(free, clock.now()) == 0


def test_every_shown_number_is_the_room_after_holds_and_margin(clock: FakeClock) -> None:
    """On a page, in a header, and in what a refusal says."""
    ledger, limit = Ledger(), meter("tokens", "day", 20_000)
    while reserved(ledger, [limit], outlook(), clock):
        pass
    row = gauge(limit, ledger, clock.now())
    (short,) = ledger.shortfalls([limit], outlook(), clock.now())
    assert row.reserved == short.held == ledger.held(limit) > 10 * 715
    assert row.remaining == 20_000 - row.reserved < short.need
    assert headers([limit], ledger, clock.now())["x-ratelimit-remaining-tokens"] == str(row.remaining)


def test_a_restart_charges_the_mean_of_what_was_in_flight(clock: FakeClock) -> None:
    """Not the margin: that is room, and no one's need. A strict limit charges its bound."""
    ledger, lax, strict = Ledger(), meter("tokens", "day", 10**6), meter("tokens", "month", 10**6, strict=True)
    reservation = ledger.reserve([lax, strict], outlook(1000), clock.now())
    dump = orjson.loads(orjson.dumps(ledger.dump(clock.now())))
    ledger = Ledger()
    ledger.restore(dump, [lax, strict], clock.now())
    assert ledger.used(lax, clock.now()) == reservation.holds[0].mean < 700
    assert ledger.used(strict, clock.now()) == pytest.approx(1000 + 136, abs=1)


@pytest.mark.parametrize(
    ("limits", "more", "told"),
    [
        pytest.param([("tokens", 8000, True)], {}, 6123, id="strict sends what usually suffices"),
        pytest.param([("tokens", 8000, False)], {}, None, id="a forecast touches nothing"),
        pytest.param([("tokens", 10**6, True)], {}, None, id="far from the edge nothing is touched"),
        pytest.param([("tokens", 8000, True)], {"bound": 200}, None, id="the client's own is lower"),
        pytest.param([("tokens", 8000, True)], {"may_bound": False, "bound": 700}, None, id="the body must stay"),
        pytest.param([("tokens", 8000, True)], {"bound": None}, 4096, id="no bound known, written strict"),
        pytest.param([("cost", 10**8, None)], {"bound": None}, None, id="no bound known, strict by default"),
        pytest.param([("cost", 10**7, None)], {}, 4132, id="money is strict by default: one cent"),
        pytest.param([("cost", 10**7, False)], {}, None, id="unless it is written otherwise"),
        pytest.param([("input_tokens", 500, True)], {}, None, id="input alone bounds no answer"),
        pytest.param([("tokens", 8000, True), ("cost", 3 * 10**6, None)], {}, 1212, id="the tightest decides"),
    ],
)
def test_what_strict_limits_tell_the_upstream(
    clock: FakeClock, limits: list[tuple[Unit, int, bool | None]], more: dict[str, object], told: int | None
) -> None:
    """`max_tokens`, only where it is lower than what the client and the model leave."""
    meters = [meter(unit, "day", amount, strict) for unit, amount, strict in limits]
    reservation = Ledger().reserve(meters, outlook(**more), clock.now())  # type: ignore[arg-type]  # of many types
    assert reservation.told == (told and pytest.approx(told, rel=0.02))


def test_several_choices_share_the_room_that_strict_has(clock: FakeClock) -> None:
    """`max_tokens` is of each of them."""
    limit = meter("tokens", "day", 8000, strict=True)
    reservation = Ledger().reserve([limit], outlook(choices=4), clock.now())
    assert reservation.told is not None
    assert 4 * reservation.told + 136 <= reservation.holds[0].mean <= 8000


def test_a_strict_bound_binds_the_targets_other_limits_too(clock: FakeClock) -> None:
    """What cannot become longer than 4,000 is not expected to."""
    ledger, lax, strict = Ledger(), meter("tokens", "day", 10**6), meter("tokens", "month", 4000, strict=True)
    with_bound = ledger.reserve([lax, strict], outlook(None), clock.now()).holds[0]
    without = ledger.reserve([lax], outlook(None), clock.now()).holds[0]
    assert with_bound.mean < without.mean
    assert with_bound.variance < without.variance


def test_a_bound_does_not_grow_but_an_assumed_one_does(clock: FakeClock) -> None:
    """What was sent as `max_tokens` is obeyed; 4,096 that were only assumed are not."""
    ledger, limit, money = Ledger(), meter("tokens", "day", 8000, strict=True), meter("cost", "day", 10**9)
    bounded = ledger.reserve([limit], outlook(), clock.now())
    assumed = ledger.reserve([money], outlook(None), clock.now())
    before = ledger.held(limit), ledger.held(money)
    for reservation in (bounded, assumed):
        ledger.grow(reservation, 7000)
    assert ledger.held(limit) == before[0]
    assert ledger.held(money) > before[1]


def test_strict_refuses_rather_than_cutting_most_answers_short(clock: FakeClock) -> None:
    """The 90th percentile of what is known, 1,390 tokens, has to fit; the wait says when."""
    ledger, limit = Ledger(), meter("tokens", "minute", 3000, strict=True)
    ledger.settle(ledger.reserve([limit], outlook(), clock.now()), Need(1, 1000, 1000), clock.now())
    (short,) = ledger.shortfalls([limit], outlook(), clock.now())
    assert (short.used, short.held, short.by_holds, short.never) == (2000, 0, False, False)
    assert short.need == pytest.approx(136 + 1397, rel=0.02)
    clock.advance(short.wait_s - 0.05)
    assert reserved(ledger, [limit], outlook(), clock) is None
    clock.advance(0.05 + 1e-6)
    assert reserved(ledger, [limit], outlook(), clock)


def test_a_reload_may_make_a_limit_strict(clock: FakeClock) -> None:
    """What was used stays; from then on bounds are held."""
    ledger, lax = Ledger(), meter("tokens", "day", 1000)
    ledger.settle(ledger.reserve([lax], Need(1, 10, 10), clock.now()), Need(1, 10, 10), clock.now())
    strict = meter("tokens", "day", 1000, strict=True)
    ledger.retain([strict], clock.now())
    assert ledger.used(strict, clock.now()) == 20
    with pytest.raises(LimitReachedError):
        ledger.reserve([lax], Need(1, 10, 990), clock.now())


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    amount=st.integers(2000, 60_000),
    algorithm=st.sampled_from(["bucket", "calendar", "rolling"]),
    bound=st.sampled_from([None, 500, 8192, 32_000]),
)
def test_a_strict_limit_is_never_crossed(seed: int, amount: int, algorithm: str, bound: int | None) -> None:
    """Whatever lengths come, in whatever order, as long as the upstream obeys `max_tokens`: not by one token."""
    random, clock, ledger, learned = Random(seed), FakeClock(wall=WALL), Ledger(), Learned()  # noqa: S311 - a test's own
    limit = meter("tokens", "minute", amount, strict=True, algorithm=algorithm)
    running: list[tuple[Reservation, Outlook, int]] = []
    for _ in range(300):
        clock.advance(random.expovariate(0.5))
        if random.random() < 0.6 or not running:
            asked = outlook(bound, past=learned.past("m", "c"), estimate=random.randint(1, 400))
            if reservation := reserved(ledger, [limit], asked, clock):
                limit_of_it = reservation.told or bound or 4096
                running.append((reservation, asked, min(limit_of_it, int(random.lognormvariate(6, 1.5)))))
        else:
            reservation, asked, output = running.pop(random.randrange(len(running)))
            input_ = int(asked.estimate * random.uniform(0.8, 1.25))
            ledger.settle(reservation, Need(1, input_, output), clock.now())
            learned.add("m", "c", Ended(estimate=asked.estimate, input=input_, output=output, cut=False))
        assert ledger.used(limit, clock.now()) + ledger.held(limit) <= amount * (1 + 1e-9)


def test_a_prompt_counted_higher_than_any_before_crosses_a_strict_limit_once(clock: FakeClock) -> None:
    """By no more than it has above the reserve of 31 %; the next one is held by what it came to."""
    ledger, learned, limit = Ledger(), Learned(), meter("tokens", "day", 768, strict=True)
    used: list[float] = []
    told: list[int | None] = []
    for _ in range(2):
        asked = outlook(500, past=learned.past("m", "c"), estimate=200)
        reservation = ledger.reserve([limit], asked, clock.now())
        told.append(reservation.told)
        output = reservation.told or 500
        ledger.settle(reservation, Need(1, 400, output), clock.now())
        learned.add("m", "c", Ended(estimate=200, input=400, output=output, cut=True))
        used.append(ledger.used(limit, clock.now()))
        clock.advance(86_400)
    assert (told, used) == ([None, 343], [900, 743])
    assert 900 - 768 <= 400 - 200 * 1.3125


@settings(deadline=None, max_examples=50)
@given(lengths=st.lists(st.integers(1, 20_000), min_size=1, max_size=30), amount=st.integers(5_000, 10**6))
def test_holds_add_up_to_nothing(lengths: list[int], amount: int) -> None:
    """Whatever grew, was refused, kept or settled: at the end nothing is held, and used is what was charged."""
    clock, ledger, charged = FakeClock(wall=WALL), Ledger(), 0.0
    limits = [meter("tokens", "day", amount), meter("cost", "day", amount * 2000), meter("requests", "day", 10**6)]
    running = []
    for length in lengths:
        if reservation := reserved(ledger, limits, outlook(length), clock):
            ledger.grow(reservation, length / 2)
            running.append((reservation, length))
    for i, (reservation, length) in enumerate(running):
        if i % 3 == 0:
            charged += reservation.holds[0].mean
            ledger.keep(reservation, clock.now())
        elif i % 3 == 1:
            ledger.settle(reservation, NOTHING, clock.now())
        else:
            charged += 10 + length
            ledger.settle(reservation, Need(1, 10, length, 5), clock.now())
    assert [ledger.held(limit) for limit in limits] == [0, 0, 0]
    assert ledger.used(limits[0], clock.now()) == charged
