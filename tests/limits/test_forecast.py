"""What an attempt is expected to take, the margin for all of them, and the bound that `strict` sends."""

from math import erfc, exp, pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.forecast import TOLERANCE, Outlook, Rates, margin
from gateway.limits.learned import Ended, Learned, Past
from gateway.limits.shorthand import UNITS, Unit

RATES = Rates(1000, 600.0, 2400.0)
"""A thousand nano-dollars a request, 0.60 and 2.40 USD per million tokens."""


def past_of(output: int, answers: int = 2000, *, estimate: int = 100, input_: int = 100, seconds: float = 0.0) -> Past:
    """The past of a client whose answers are all alike, a second before the first token."""
    learned = Learned()
    ended = Ended(estimate=estimate, input=input_, output=output, cut=False, first_s=1.0, duration_s=1 + seconds)
    for _ in range(answers):
        learned.add("m", "c", ended)
    return learned.past("m", "c")


def outlook(
    past: Past | None = None, *, estimate: int = 100, bound: int | None = 8192, **more: int | bool | Rates
) -> Outlook:
    past = past or Learned().past("m", "c")
    return Outlook(past=past, estimate=estimate, bound=bound, **more)  # type: ignore[arg-type]  # of three types


def test_a_steady_client_is_expected_to_go_on_like_this() -> None:
    """300 tokens lie in a bin around 279; 100 estimated are 100. Nothing is left to chance or doubt."""
    forecast = outlook(past_of(300)).at()
    expected = {"requests": 1, "tokens": 380, "input_tokens": 101, "output_tokens": 280}
    assert {unit: forecast.hold(UNITS.index(unit))[0] for unit in expected} == pytest.approx(expected, abs=2)
    _, variance, doubt = forecast.hold(UNITS.index("tokens"))
    assert (sqrt(variance) < 10, doubt < 1) == (True, True)


@pytest.mark.parametrize(
    ("unit", "fixed", "a", "b"),
    [
        ("requests", 1, 0, 0),
        ("tokens", 0, 1, 1),
        ("input_tokens", 0, 1, 0),
        ("output_tokens", 0, 0, 1),
        ("cost", 1000, 600, 2400),
    ],
)
def test_each_unit_weighs_input_and_output(unit: Unit, fixed: int, a: float, b: float) -> None:
    """Means by the weights, variances by their squares, doubts straight; bounds likewise."""
    place = UNITS.index(unit)
    forecast = outlook(estimate=1000, rates=RATES).at()
    mean, variance, doubt = forecast.hold(place)
    assert mean == pytest.approx(fixed + a * forecast.input + b * forecast.output, abs=1)
    assert variance == pytest.approx(a * a * forecast.input_var + b * b * forecast.output_var)
    assert doubt == pytest.approx(a * forecast.input_doubt + b * forecast.output_doubt)
    assert forecast.most(place) == pytest.approx(fixed + a * (1000 * 1.25 * 1.05 + 4) + b * 8192, abs=1)
    assert forecast.certain(place) == pytest.approx(fixed + a * 1100, abs=1)
    assert outlook(rates=RATES, choices=3).weights(place) == (fixed, a, 3 * b)


def test_what_is_not_charged_needs_no_money() -> None:
    """A free target passes a budget that is spent."""
    forecast = outlook().at()
    place = UNITS.index("cost")
    assert (forecast.hold(place), forecast.most(place), forecast.certain(place)) == ((0, 0.0, 0.0), 0, 0)


def test_several_choices_are_several_answers() -> None:
    """One prompt, three answers: three times the mean, and three times the luck, which is that of one model."""
    one, three = (outlook(choices=n).at() for n in (1, 3))
    assert (three.input, three.output) == (one.input, 3 * one.output)
    assert three.output_doubt == pytest.approx(3 * one.output_doubt)


def test_a_bound_cuts_the_expectation() -> None:
    """Its own, or the one that a limit allows."""
    assert outlook(bound=50).at().output < 50
    assert outlook().at(bound=50).output < 50
    assert outlook(bound=None).at().output == pytest.approx(616, rel=0.01)
    assert outlook(bound=None).at().most(UNITS.index("output_tokens")) == 4096


def test_the_longer_an_answer_is_out_the_longer_it_is_expected_to_become() -> None:
    """It never shrinks while it runs, so no hold has to."""
    means = [outlook().at(length).output for length in (0, 64, 128, 1000, 4000, 8000)]
    assert means == sorted(means)
    assert means[-1] >= 8000


@given(
    capacity=st.integers(1, 10**9),
    sd=st.floats(1, 1e6),
    share=st.floats(0, 1),
)
def test_the_margin_leaves_an_expected_overshoot_of_a_five_hundredth_of_the_limit(
    capacity: int, sd: float, share: float
) -> None:
    """Of sd * (phi(z) - z * (1 - Phi(z))) <= 0.002 * L the least z from 0 to 4, to a hundredth."""
    doubt = sd * share
    z = margin(capacity, sd * sd - doubt * doubt, doubt) / sd
    assert 0 <= z <= 4.0000001

    def overshoot(z: float) -> float:
        return exp(-z * z / 2) / sqrt(2 * pi) - z * erfc(z / sqrt(2)) / 2

    allowed = TOLERANCE * capacity / sd
    assert z > 3.99 or overshoot(z) <= allowed * (1 + 1e-6)
    assert z < 0.005 or overshoot(z - 0.0101) >= allowed * (1 - 1e-6)


def test_no_doubt_no_margin() -> None:
    """Requests are counted, not guessed."""
    assert margin(100, 0.0, 0.0) == 0


def test_luck_adds_up_in_squares_and_doubt_straight() -> None:
    """Of a hundred requests: ten times the luck of one, a hundred times its doubt."""
    lucky, doubtful = margin(10**4, 100 * 50.0**2, 0.0), margin(10**4, 0.0, 100 * 50.0)
    assert doubtful > 9 * lucky > 0


@pytest.mark.parametrize(
    ("bound", "room", "past", "allowed"),
    [
        pytest.param(100, 10_000, past_of(300), 100, id="the client's is lower than all"),
        pytest.param(8192, 10_000, past_of(300), 500, id="near the edge: a twentieth of the room"),
        pytest.param(8192, 1000, past_of(300), 380, id="at least a quarter more than all but one in a hundred"),
        pytest.param(8192, 1000, past_of(30), 256, id="at least 256"),
        pytest.param(8192, 350, past_of(300), 350, id="no more than there is room for"),
        pytest.param(8192, 200, past_of(300), 297, id="not less than nine in ten answers need"),
        pytest.param(8192, 20, past_of(30), 64, id="not less than 64"),
        pytest.param(50, 20, past_of(300), 50, id="but no more than was asked for"),
        pytest.param(8192, 10**6, past_of(300), 8192, id="far from the edge nothing is touched"),
        pytest.param(None, 10**6, past_of(300), 4096, id="without any bound: 4,096"),
    ],
)
def test_the_bound_of_strict(bound: int | None, room: float, past: Past, allowed: int) -> None:
    """What is held, and sent where it is lower than what client and model leave."""
    assert outlook(past, bound=bound).strict_bound(room, 10**9) == pytest.approx(allowed, abs=6)


def test_a_limit_that_never_has_room_for_the_usual_answer_gives_what_it_has() -> None:
    """Else the model would be shut for good: answers of 3,000 under a limit of 1,000."""
    asked = outlook(past_of(3000))
    assert asked.strict_bound(900, 1000) == 1000
    assert asked.strict_bound(1000, 1000) == 1000
    assert asked.strict_bound(-50, -50) == 64


def test_thoughts_have_room_for_the_answer_too() -> None:
    """A thinking budget of 2,000 leaves 1,024 for what comes after it, or the attempt is refused."""
    assert outlook(past_of(300), thinking=2000).strict_bound(500, 1000) == 3024
    assert outlook(past_of(300), thinking=2000, bound=2500).strict_bound(500, 1000) == 2500


def test_when_an_attempt_will_have_ended() -> None:
    """A second to the first token, then 100 tokens a second, of which 300 usually come."""
    steady = outlook(past_of(300, seconds=3.0))
    assert steady.clear_in(0.0) == pytest.approx(4, abs=0.3)
    assert steady.clear_in(2.0) == pytest.approx(2, abs=0.3)
    late = steady.clear_in(10.0)
    assert late is not None
    assert late > 4  # longer than almost any before it
    assert steady.clear_in(0.25, head_only=True) == pytest.approx(0.75)
    assert steady.clear_in(5.0, head_only=True) == 0
    assert outlook().clear_in(0.0) is None
