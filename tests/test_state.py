"""What a gateway remembers over reloads and restarts."""

import orjson
import pytest

from gateway.clock import FakeClock
from gateway.errors import Problem
from gateway.limits.terms import Need
from gateway.records import AttemptRecord, Settled, Usage
from gateway.state import ConfigStatus, State
from tests.fakes import FakeUpstream
from tests.history.requests import ended
from tests.relay.story import CONFIG, make


def fresh(clock: FakeClock, text: str = CONFIG) -> State:
    """A gateway that has just started."""
    return make(FakeUpstream(), clock, text).state


def use_up(state: State, clock: FakeClock) -> None:
    """One request of the free model's day, and a rest of a minute for its key and its model."""
    now = clock.now()
    meters = state.catalog.exact["free/small"][0].meters
    reservation = state.ledger.reserve(meters, Need(1), now)
    state.ledger.settle(reservation, Need(1), now)
    for kind, name in (("key", "free"), ("model", "free/small")):
        state.cooldowns.rest(
            kind,  # type: ignore[arg-type]  # the loop widens the two words to str
            name,
            now,
            wait_s=60,
            certain=False,
            cause="429",
            jitter=lambda: 1.0,
            schedule="backoff",
        )


def used(state: State, clock: FakeClock) -> float:
    """Requests of the free model today."""
    return state.ledger.used(state.catalog.exact["free/small"][0].meters[0], clock.now())


def test_a_restart_keeps_counters_and_cooldowns(clock: FakeClock) -> None:
    """The dump is JSON; another boot clock takes it up."""
    before = fresh(clock)
    use_up(before, clock)
    dump = orjson.loads(orjson.dumps(before.dump(clock.now())))
    later = FakeClock(clock.wall + 10, boot=5.0)
    after = fresh(later)
    after.restore(dump, later.now())
    assert used(after, later) == 1
    assert [round(each.left_s(later.now())) for each in after.cooldowns.active(later.now())] == [50, 50]


def test_a_restart_keeps_latencies_and_takes_up_a_dump_without(clock: FakeClock) -> None:
    """Dumps of before there were any are still dumps."""
    before = fresh(clock)
    before.note(answered(clock))
    dump = orjson.loads(orjson.dumps(before.dump(clock.now())))
    after = fresh(clock)
    after.restore(dump, clock.now())
    assert after.chooser.latencies.seconds("free/small", stream=True, wall=clock.wall) == 0.5
    del dump["latencies"]
    after.restore(dump, clock.now())
    assert after.chooser.latencies.seconds("free/small", stream=True, wall=clock.wall) is None


def answered(clock: FakeClock) -> Settled:
    """A stream whose first token took half a second."""
    attempt = AttemptRecord(
        target="free/small", status=200, cause="ok", started_at=clock.wall - 1, first_byte_s=0.4, duration_s=1.0
    )
    return Settled(
        id="r",
        at=clock.wall,
        client="",
        asked="base",
        route="free/small",
        provider="free",
        status=200,
        outcome="ok",
        stream=True,
        usage=Usage(),
        cost_nanousd=0,
        list_price_nanousd=None,
        attempts=(attempt,),
        candidates=(),
        first_token_s=0.5,
        duration_s=1.0,
        overhead_s=0.0,
    )


def test_a_request_joins_all_that_is_remembered(clock: FakeClock) -> None:
    """The list of the last ones, today's totals, the history; which is not in the dump: it has a file of its own."""
    state = fresh(clock)
    state.note(ended("ok", at=clock.wall))
    assert len(state.recent) == state.today.total(clock.now()).requests == 1
    assert list(state.history.read("provider", "1m", clock.now()).series) == ["groq"]
    assert set(state.dump(clock.now())) == {"ledger", "learned", "cooldowns", "today", "latencies"}


def test_what_is_no_dump_is_refused(clock: FakeClock) -> None:
    """Its message names what is missing."""
    with pytest.raises(ValueError, match="'ledger' is missing"):
        fresh(clock).restore({}, clock.now())


def test_a_reload_keeps_what_was_used(clock: FakeClock) -> None:
    """A larger amount has room at once; keys that did not change keep their rest."""
    state = fresh(clock)
    use_up(state, clock)
    state.replace(fresh(clock, CONFIG.replace("requests_per_day: 1", "requests_per_day: 5")).catalog, clock.now())
    assert used(state, clock) == 1
    assert {each.kind for each in state.cooldowns.active(clock.now())} == {"key", "model"}


def test_a_reload_in_steps_is_in_force_with_the_first(clock: FakeClock) -> None:
    """Limits follow; requests in between are counted once, under whichever rule their counter has then."""
    state = fresh(clock)
    use_up(state, clock)
    catalog = fresh(clock, CONFIG.replace("requests_per_day: 1", "requests_per_day: 5")).catalog
    steps = state.replacing(catalog, clock.now())
    next(steps)
    assert state.catalog is catalog
    use_meters = catalog.exact["free/small"][0].meters
    assert state.ledger.standing(use_meters[0], clock.now())[0].capacity == 1
    assert list(steps) == [None]
    assert state.ledger.standing(use_meters[0], clock.now())[0].capacity == 5
    use_up(state, clock)
    assert used(state, clock) == 2


def test_a_changed_key_gets_its_turn_at_once(clock: FakeClock) -> None:
    """It may be the mended one; what rests for other reasons rests on."""
    state = fresh(clock)
    use_up(state, clock)
    state.replace(fresh(clock, CONFIG.replace("k1", "another")).catalog, clock.now())
    assert {each.kind for each in state.cooldowns.active(clock.now())} == {"model"}


def test_a_refused_file_leaves_the_rest_of_the_status(clock: FakeClock) -> None:
    """Errors keep a file out, warnings do not."""
    status = ConfigStatus(path="p", env_file="", loaded_at=1.0, hash="h")
    problems = (Problem("p", 1, 1, "bad"), Problem("p", 2, 1, "odd", warning=True))
    refused = status.refused(problems)
    assert (refused.loaded_at, refused.errors) == (1.0, problems[:1])
