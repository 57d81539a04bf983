"""What is known of lengths, against a list of all of them."""

from math import inf, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.histogram import BINS, HALF_LIFE, Histogram

MIDDLES = [8 * 2 ** ((i + 0.5) / 4) for i in range(BINS)]
LENGTHS = st.lists(st.integers(1, 200_000), min_size=1, max_size=50)


def of(*lengths: float) -> Histogram:
    """A histogram of these alone."""
    weights = [0.0] * BINS
    for length in lengths:
        weights[place(length)] += 1
    return Histogram(weights)


def place(length: float) -> int:
    """The bin of a length: four to the octave from 8 on."""
    return min(BINS - 1, max(0, int(4 * log2(length / 8))))


def test_before_there_is_a_past() -> None:
    """Lognormal, median 300, mean 616 (but for the cut at 131,072), worth two answers."""
    histogram = Histogram.neutral()
    mean, variance = histogram.moments()
    assert histogram.weight == pytest.approx(2)
    assert histogram.quantile(0.5) == pytest.approx(300, rel=0.03)
    assert histogram.quantile(0.9) == pytest.approx(1397, rel=0.03)
    assert mean == pytest.approx(616, rel=0.01)
    assert variance**0.5 == pytest.approx(1106, rel=0.05)


@given(lengths=LENGTHS, beyond=st.integers(0, 200_000), bound=st.integers(1, 200_000))
def test_moments_are_those_of_a_list(lengths: list[int], beyond: int, bound: int) -> None:
    """Of the middles of the bins that lie wholly beyond, cut at the bound; never less than what is out already."""
    histogram = of(*lengths)
    mean, variance = histogram.moments(beyond, bound)
    first = 0 if beyond < 8 else place(beyond) + 1
    left = [min(MIDDLES[place(length)], bound) for length in lengths if place(length) >= first]
    assert mean >= beyond
    if left and bound >= MIDDLES[first]:
        expected = sum(left) / len(left)
        assert mean == pytest.approx(max(expected, beyond))
        assert variance == pytest.approx(sum((each - expected) ** 2 for each in left) / len(left), abs=1e-3 * bound**2)


def test_longer_than_anything_known() -> None:
    """Half as much again, give or take half of it; a bound cuts that off, and what is out is out."""
    histogram = of(100, 200)
    assert histogram.moments(1000) == (1500, 750**2)
    assert histogram.moments(1000, 1200) == (1200, 600**2)
    assert histogram.moments(1000, 900) == (1000, 500**2)
    assert histogram.quantile(0.5, beyond=1000) == 1500


@given(lengths=LENGTHS, share=st.floats(0, 0.999))
def test_a_quantile_lies_in_the_bin_of_its_answer(lengths: list[int], share: float) -> None:
    """As many answers lie in the bins below it as there should be at most, and no fewer with its own."""
    at = of(*lengths).quantile(share)
    below = [length for length in lengths if 8 * 2 ** ((place(length) + 1) / 4) <= at * (1 + 1e-9)]
    reached = [length for length in lengths if 8 * 2 ** (place(length) / 4) <= at * (1 + 1e-9)]
    assert len(below) <= share * len(lengths) + 1e-6
    assert len(reached) >= share * len(lengths) - 1e-6


def test_a_quantile_is_linear_inside_a_bin_and_never_below_what_is_out() -> None:
    """All in the bin from 256 to 304: half-way in octaves. Of those longer than 300, nobody is shorter."""
    histogram = of(300, 300, 300)
    assert histogram.quantile(0.5) == pytest.approx(256 * 2 ** (0.5 / 4))
    assert of(300, 400).quantile(0.0, beyond=310) == pytest.approx(362.04, rel=1e-4)
    assert of(300, 400).quantile(0.5, beyond=250) > 250


def test_an_answer_counts_half_after_two_hundred_more() -> None:
    """Two hundred of 3,000 tokens after two hundred of 30: the mean has gone two thirds of the way."""
    histogram = of(30)
    for _ in range(HALF_LIFE):
        histogram.add(30)
    for _ in range(HALF_LIFE):
        histogram.add(3000)
    mean, _ = histogram.moments()
    new, old = MIDDLES[place(3000)], MIDDLES[place(30)]
    assert mean == pytest.approx((2 * new + old) / 3, rel=0.01)
    # Where the weight ends however many come: 1 / (1 - 2 ** (-1 / 200)).
    for _ in range(20 * HALF_LIFE):
        histogram.add(3000)
    assert histogram.weight == pytest.approx(289, abs=1)
    assert histogram.moments()[0] == pytest.approx(new)


def test_what_is_shorter_or_longer_than_all_bins_is_in_the_outermost() -> None:
    """One token, and more than anyone ever wrote."""
    histogram = of(1)
    histogram.add(1)
    histogram.add(10**9)
    assert histogram.quantile(0.0) == pytest.approx(8)
    assert histogram.quantile(0.999) == pytest.approx(8 * 2 ** (BINS / 4), rel=0.01)
    assert histogram.moments(bound=10**9)[0] == histogram.moments(bound=inf)[0]


def test_a_child_has_the_same_shape_and_less_weight() -> None:
    """Worth eight answers at most, and its own from then on."""
    model = Histogram.neutral()
    assert model.child(8).weight == pytest.approx(2)
    for _ in range(100):
        model.add(100)
    child = model.child(8)
    assert child.weight == pytest.approx(8)
    assert child.moments() == pytest.approx(model.moments())
    child.add(5000)
    assert child.moments()[0] > model.moments()[0]


def test_dumped_and_loaded_it_answers_the_same() -> None:
    """224 bytes, to the accuracy of single floats."""
    histogram = Histogram.neutral()
    for length in (30, 300, 3000):
        histogram.add(length)
    packed = histogram.dump()
    other = Histogram.load(packed)
    assert len(packed) == 224
    assert other.moments() == pytest.approx(histogram.moments(), rel=1e-5)
    assert other.weight == pytest.approx(histogram.weight, rel=1e-5)


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(224), id="no weight at all"),
        pytest.param(b"\x00\x00\xc0\x7f" * 56, id="not a number"),
        pytest.param(b"\x00\x00\x80\xbf" * 56, id="less than nothing"),
    ],
)
def test_what_is_no_histogram_is_refused(packed: bytes) -> None:
    """A damaged snapshot is found out when it is read, not in an answer's forecast."""
    with pytest.raises(ValueError, match="histogram"):
        Histogram.load(packed)
