"""What is kept of a request, for the day it is replayed."""

from gateway.clock import FakeClock
from tests.fakes import FakeUpstream, chat

from .story import ask, last, make


async def test_the_record_has_what_a_replay_needs(clock: FakeClock) -> None:
    """What the request asked of a target, and never what it said."""
    relay = make(FakeUpstream(chat()), clock)
    await ask(relay, max_tokens=64, may_pay=True, tools=[{"type": "function", "function": {"name": "f"}}])
    found = last(relay)
    assert (found.max_tokens, found.needs, found.may_pay) == (64, frozenset({"tools"}), True)
    assert found.estimated_tokens > 0
