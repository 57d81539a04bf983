"""Ledger to journal and back: what a crash leaves is what was used, and what was held as if it had been."""

from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.clock import FakeClock
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Meter, Need, Reservation
from gateway.limits.reported import Reported
from gateway.limits.shorthand import Unit, make_rule
from gateway.storage.changes import LAWS, Changes, counter_key, replay
from gateway.storage.journal_format import SIZE, Change, Record, Text, head, records

WALL = 1_767_268_800.0


def meter(unit: Unit, window: str, amount: int, **more: Any) -> Meter:
    rule = make_rule(unit, window, amount, **more)
    return Meter.of("model", "p/m", unit, window, rule)


METERS = [
    meter("requests", "minute", 20),
    meter("tokens", "day", 4000, timezone="Europe/Berlin"),
    meter("tokens", "5h", 3000),
    meter("output_tokens", "15m", 2000, algorithm="first_use"),
    meter("cost", "month", 900_000),
    meter("concurrent_requests", "", 4),
]
LASTING = METERS[:-1]


def standing(ledger: Ledger, clock: FakeClock) -> dict[str, float]:
    """What a crash has to leave of each counter."""
    now = clock.now()
    return {each.id: ledger.used(each, now) + ledger._counters[each.id].mean for each in LASTING}


class Crashes(RuleBasedStateMachine):
    """Requests, saves, reloads and words of people in any order; each state that was written can be taken up again."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock(wall=WALL)
        self.ledger = Ledger()
        self.ledger.retain(METERS, self.clock.now())
        self.changes = Changes(self.ledger, self.clock)
        self.dump: dict[str, Any] = {}
        self.journal: list[Record] = []
        self.running: list[Reservation] = []

    @rule(input_=st.integers(1, 200), output=st.integers(1, 100))
    def reserve(self, input_: int, output: int) -> None:
        """Ask for room."""
        try:
            need = Need(1, input_, output, 1000)
            self.running.append(self.ledger.reserve(METERS, need, self.clock.now()))
        except LimitReachedError:
            pass

    @precondition(lambda self: self.running)
    @rule(charged=st.booleans(), output=st.integers(0, 300), judged=st.booleans())
    def end(self, *, charged: bool, output: int, judged: bool) -> None:
        """It ends, charged or not, its head judged before or not."""
        reservation, now = self.running.pop(0), self.clock.now()
        if judged:
            (self.ledger.charge_request if charged else self.ledger.release_request)(reservation, now)
        self.ledger.settle(reservation, Need(1, 50, output, 700) if charged else NOTHING, now)

    @precondition(lambda self: self.running)
    @rule()
    def cut_off(self) -> None:
        """It ends while nothing has come."""
        self.ledger.keep(self.running.pop(), self.clock.now())

    @rule(seconds=st.floats(0.01, 20_000))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-400_000, -90_000, -3000, 3000, 90_000]))
    def jump(self, seconds: int) -> None:
        """The wall clock is set. Had it been set while nothing ran, that would count as time that passed."""
        self.clock.jump(seconds)
        self.save()

    @rule(which=st.sampled_from(LASTING), used=st.integers(0, 500))
    def adjust(self, which: Meter, used: int) -> None:
        """A person knows better."""
        self.ledger.adjust(which, used, self.clock.now())

    @rule(amount=st.integers(10, 5000), rolling=st.booleans())
    def reload(self, amount: int, *, rolling: bool) -> None:
        """Another amount, or another law."""
        changed = meter("tokens", "day", amount, algorithm="rolling" if rolling else "calendar")
        self.ledger.retain([changed if each.id == changed.id else each for each in METERS], self.clock.now())

    @rule()
    def save(self) -> None:
        """The next generation begins, then the state is read; what changes in between is in both."""
        self.changes.renew()
        self.journal.clear()
        self.write()
        self.dump = msgspec.json.decode(msgspec.json.encode(self.ledger.dump(self.clock.now())))

    @rule()
    def write(self) -> None:
        """What changed goes to the journal."""
        self.journal += [each for each in records(head(1) + self.changes.records()) if isinstance(each, Change | Text)]
        self.changes.forget()

    @invariant()
    def a_restart_knows_it_all(self) -> None:
        """Whenever all that changed is written."""
        if self.ledger.changed:
            return
        replayed = replay(self.dump, self.journal, METERS)
        again = Ledger()
        again.restore(msgspec.json.decode(msgspec.json.encode(replayed.ledger)), METERS, self.clock.now())
        assert replayed.skipped == 0
        found, wanted = (
            {each.id: one.used(each, self.clock.now()) for each in LASTING} for one in (again, self.ledger)
        )
        held = {
            each.id: self.ledger._counters[each.id].mean if each.id in self.ledger._counters else 0 for each in LASTING
        }
        # A rule that was reloaded is of the configuration, so `again` reads the old one's count under the first rule.
        for each in LASTING:
            assert found[each.id] == pytest.approx(wanted[each.id] + held[each.id], abs=2)


TestCrashes = Crashes.TestCase
TestCrashes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def written(changes: Changes) -> list[Record]:
    found = [each for each in records(head(1) + changes.records()) if isinstance(each, Change | Text)]
    changes.forget()
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def changes(ledger: Ledger, clock: FakeClock) -> Changes:
    return Changes(ledger, clock)


def one(ledger: Ledger, clock: FakeClock, meters: list[Meter]) -> Reservation:
    return ledger.reserve(meters, Need(1, 10, 10, 100), clock.now())


def test_the_first_word_of_a_generation_is_all_of_it(ledger: Ledger, clock: FakeClock, changes: Changes) -> None:
    """The next ones are 48 bytes; the judgement of the head changes nothing that a restart would see."""
    reservation = one(ledger, clock, METERS[:2])
    assert [type(each) for each in written(changes)] == [Text, Text]
    ledger.charge_request(reservation, clock.now())
    assert changes.records() == b""
    ledger.settle(reservation, Need(1, 10, 30), clock.now())
    assert len(changes.records()) == SIZE
    assert [(each.used, each.held) for each in written(changes) if isinstance(each, Change)] == [(40, 0)]
    changes.renew()
    one(ledger, clock, METERS[:2])
    assert [type(each) for each in written(changes)] == [Text, Text]


@pytest.mark.parametrize("seconds", [-400_000, 90_000])
def test_a_calendar_that_was_dated_anew_is_told_whole(
    ledger: Ledger, clock: FakeClock, changes: Changes, seconds: int
) -> None:
    """What it left behind does not fit into 48 bytes."""
    journal = []
    for jump in (0, seconds, 0):
        clock.jump(jump)
        ledger.settle(one(ledger, clock, METERS[1:2]), Need(1, 7), clock.now())
        journal += written(changes)
    assert [type(each) for each in journal] == [Text, Text, Change]
    again = Ledger()
    again.restore(replay({}, journal, []).ledger, METERS, clock.now())
    assert again.used(METERS[1], clock.now()) == ledger.used(METERS[1], clock.now())


def test_what_is_not_written_is_said_again(ledger: Ledger, clock: FakeClock, changes: Changes) -> None:
    """With the newest values."""
    one(ledger, clock, METERS[:1])
    assert changes.records() == changes.records() != b""
    changes.forget()
    assert changes.records() == b""


def test_what_has_no_window_is_not_written(ledger: Ledger, clock: FakeClock, changes: Changes) -> None:
    one(ledger, clock, METERS[-1:])
    assert changes.records() == b""


def test_a_refusal_is_remembered(ledger: Ledger, clock: FakeClock, changes: Changes) -> None:
    """And that a person lifted it."""
    told = Reported(by="p", remaining=0, over=0, drift=0, at=clock.wall, until=clock.wall + 60, shut=True)
    ledger.report(METERS[0], told, clock.now())
    shut = written(changes)
    again = Ledger()
    again.restore(replay({}, shut, []).ledger, METERS, clock.now())
    assert again.reported(METERS[0], clock.now())
    ledger.lift(METERS[0], clock.now())
    again.restore(replay({}, [*shut, *written(changes)], []).ledger, METERS, clock.now())
    assert again.reported(METERS[0], clock.now()) is None


def test_a_change_whose_text_is_lost_is_read_by_the_configuration(
    ledger: Ledger, clock: FakeClock, changes: Changes
) -> None:
    """Or by the snapshot; without either it is skipped and counted."""
    one(ledger, clock, METERS[:1])
    written(changes)
    ledger.settle(one(ledger, clock, METERS[:1]), Need(), clock.now())
    (change,) = written(changes)
    assert replay({}, [change], []).skipped == 1
    found = replay({}, [change], METERS).ledger[METERS[0].id]
    assert (found["values"][0], found["held"]) == (1, 1)
    known = replay(ledger.dump(clock.now()), [change], []).ledger[METERS[0].id]
    assert known == found


def test_a_change_under_another_law_is_not_misread(ledger: Ledger, clock: FakeClock) -> None:
    """A rule that was reloaded, and whose text is lost: the record is no value of the rule before."""
    reservation = one(ledger, clock, METERS[2:3])
    dump = ledger.dump(clock.now())
    ledger.settle(reservation, NOTHING, clock.now())
    bucket = Change(LAWS["bucket"], counter_key(METERS[2].id), 0, clock.wall, 5.0, 0)
    replayed = replay(dump, [bucket], METERS)
    assert (replayed.skipped, replayed.ledger) == (1, dump)


@pytest.mark.parametrize("text", [b"{}", b'["x"]', b'["x", {"values": []}]', b"\xff"])
def test_a_text_that_makes_no_sense_is_skipped(text: bytes) -> None:
    replayed = replay({"x": "no entry"}, [Text(counter_key("x"), text), Change(1, counter_key("x"), 0, 0, 0, 0)], [])
    assert (replayed.skipped, replayed.replayed) == (2, 0)


def test_every_algorithm_has_its_number() -> None:
    """For ever: none is given twice."""
    assert {each.rule.algorithm for each in METERS} <= set(LAWS)
    assert len(set(LAWS.values())) == len(LAWS)
