"""The first steps, on their own; what they make of whole requests is told by test_relay."""

import pytest
from msgspec.structs import replace

from gateway.catalog.catalog import Client
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import ModelNotAllowedError, UnknownModelError
from gateway.records import Secret
from gateway.relay import candidates
from tests.fakes import FakeUpstream

from .story import make

CALL = read_call(b'{"model": "base", "messages": [{"role": "user", "content": "hi"}]}', id="r")
TURNS = """
providers:
  a:
    base_url: https://a.test/v1
    api_keys: {one: k1, two: k2, three: k3}
    rotation: round_robin
    models: {m: {price: free}}
meta_models:
  base: {targets: [a/m]}
"""


def test_looking_moves_no_turn_on(clock: FakeClock) -> None:
    """Only an attempt that has its room counts a turn."""
    state = make(FakeUpstream(), clock, TURNS).state
    resolution = candidates.resolve(state, CALL, None)
    seen = []
    for _ in range(4):
        orders = [candidates.ordered(state, CALL, resolution) for _ in range(2)]
        seen.append([[target.key for target in targets] for targets in orders])
        state.chooser.began(orders[0][0])
    first, second, third = ["one", "two", "three"], ["two", "three", "one"], ["three", "one", "two"]
    assert seen == [[first] * 2, [second] * 2, [third] * 2, [first] * 2]


def test_names_that_a_client_may_not_use_are_no_names(clock: FakeClock) -> None:
    """Alone, such a name is a 403; in a list it is passed over, and a list of nothing else is a 404."""
    state = make(FakeUpstream(), clock).state
    client = Client(name="c", secret=Secret("k"), models=("paid/*",))
    with pytest.raises(ModelNotAllowedError):
        candidates.resolve(state, CALL, client)
    listed = replace(CALL, models=("paid/big", "nope"))
    assert [target.id for target in candidates.resolve(state, listed, client).targets] == ["paid/big"]
    with pytest.raises(UnknownModelError, match="None of 'base', 'nope'"):
        candidates.resolve(state, replace(CALL, models=("nope",)), client)
    with pytest.raises(UnknownModelError):
        candidates.resolve(state, replace(CALL, model="nope"), None)


def test_the_strictest_word_on_money_counts(clock: FakeClock) -> None:
    """Of server, meta-model and client."""
    state = make(FakeUpstream(), clock).state
    resolution = candidates.resolve(state, CALL, None)
    assert candidates.paid_rule(state.catalog, resolution, None) == "allow"
    client = Client(name="c", secret=Secret("k"), paid="opt_in")
    assert candidates.paid_rule(state.catalog, resolution, client) == "opt_in"
    assert candidates.paid_rule(state.catalog, replace(resolution, paid="never"), None) == "never"


def test_a_context_that_proved_too_small_leaves_out_its_equals(clock: FakeClock) -> None:
    """Those of unknown size, on either side, prove nothing."""
    (small,) = make(FakeUpstream(), clock).state.catalog.exact["free/small"]
    assert candidates.unfit(small, CALL, None, "allow") is None
    assert candidates.unfit(small, CALL, None, "allow", {None, 4000}) is None
    assert candidates.unfit(replace(small, context=None), CALL, None, "allow", {8000}) is None
    reason = candidates.unfit(small, CALL, None, "allow", {None, 8000})
    assert reason
    assert (reason.rule, "8,000" in reason.text) == ("context", True)
