"""Who rests, how long, who probes, and what a restart keeps."""

import math
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from gateway.clock import FakeClock
from gateway.routing.cooldown import Cooldown, Cooldowns, Kind, Schedule
from tests.providers.targets import TARGET

HOME = replace(TARGET, provider="groq", model="llama", key="home")
WORK = replace(HOME, key="work")
OTHER = replace(HOME, model="qwen")
FAR = replace(TARGET, provider="mistral", model="large", key="")
WALL = 1_767_268_800.0
DAY = 86400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL, boot=1000.0)


@pytest.fixture
def cooldowns() -> Cooldowns:
    return Cooldowns()


def rest(
    cooldowns: Cooldowns,
    clock: FakeClock,
    kind: Kind = "model_key",
    name: str = "groq/llama#home",
    *,
    wait_s: float | None = None,
    certain: bool = False,
    cause: str = "429",
    schedule: Schedule = "backoff",
    jitter: Callable[[], float] = lambda: 1.0,
) -> float:
    """Seconds of the cooldown that holds after a failure."""
    found = cooldowns.rest(
        kind,
        name,
        clock.now(),
        wait_s=wait_s,
        certain=certain,
        cause=cause,
        jitter=jitter,
        schedule=schedule,
    )
    return found.left_s(clock.now())


def fail_again(cooldowns: Cooldowns, clock: FakeClock, times: int, **how: Any) -> list[float]:
    """The lengths of cooldowns of which each is waited for."""
    found = []
    for _ in range(times):
        found.append(rest(cooldowns, clock, **how))
        clock.advance(found[-1])
    return found


def test_nothing_is_in_the_way_at_first(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """And nothing that an attempt tells needs a cooldown to be there."""
    assert cooldowns.blocking(HOME, clock.now()) is None
    assert cooldowns.enter(HOME, clock.now()) is None
    assert cooldowns.in_the_way(HOME, clock.now()) is None
    cooldowns.succeeded(HOME)
    cooldowns.left(HOME)
    cooldowns.reset("provider", "groq")
    assert cooldowns.active(clock.now()) == []


@pytest.mark.parametrize(
    ("kind", "name", "resting"),
    [
        ("provider", "groq", ["home", "work", "other"]),
        ("key", "groq#home", ["home", "other"]),
        ("model", "groq/llama", ["home", "work"]),
        ("model_key", "groq/llama#home", ["home"]),
        ("provider", "mistral", ["far"]),
        ("key", "mistral", ["far"]),
    ],
)
def test_a_scope_keeps_its_own_targets(
    cooldowns: Cooldowns, clock: FakeClock, kind: Kind, name: str, resting: list[str]
) -> None:
    """The others go on, also where a key and its provider have the same id."""
    rest(cooldowns, clock, kind, name)
    targets = {"home": HOME, "work": WORK, "other": OTHER, "far": FAR}
    assert [who for who, target in targets.items() if cooldowns.blocking(target, clock.now())] == resting
    assert [who for who, target in targets.items() if cooldowns.enter(target, clock.now())] == resting


@pytest.mark.parametrize(
    ("schedule", "lengths"),
    [
        ("backoff", [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        ("key", [600, 1200, 2400, 4800, 9600, 19200, 21600, 21600]),
        ("missing_model", [3600, 3600]),
    ],
)
def test_without_a_hint_the_schedule_says_how_long(
    cooldowns: Cooldowns, clock: FakeClock, schedule: Schedule, lengths: list[float]
) -> None:
    """Contract, section 5."""
    assert fail_again(cooldowns, clock, len(lengths), schedule=schedule) == lengths


def test_a_streak_without_end_keeps_the_longest_step(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Doubling for weeks must not overflow."""
    assert fail_again(cooldowns, clock, 2000)[-1] == 300


@pytest.mark.parametrize(("jitter", "length"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_a_back_off_lasts_half_to_all_of_its_step(
    cooldowns: Cooldowns, clock: FakeClock, jitter: float, length: float
) -> None:
    """So that gateways do not come back all at once, and never above the longest."""
    assert rest(cooldowns, clock, jitter=lambda: jitter) == length


@pytest.mark.parametrize(
    ("wait_s", "certain", "length"),
    [
        pytest.param(7.5, False, 7.5, id="as told"),
        pytest.param(DAY, False, 3600, id="a guess holds an hour at most"),
        pytest.param(DAY, True, DAY, id="a certain day"),
        pytest.param(365 * DAY, True, 32 * DAY, id="nothing is certain for longer than a month"),
        pytest.param(math.inf, False, 3600, id="for ever"),
        pytest.param(-5, True, 0, id="past"),
        pytest.param(math.nan, True, 0, id="no number"),
    ],
)
def test_a_hint_goes_before_the_schedule(
    cooldowns: Cooldowns, clock: FakeClock, wait_s: float, certain: bool, length: float
) -> None:
    """Within bounds."""
    assert rest(cooldowns, clock, wait_s=wait_s, certain=certain) == length


def test_a_later_deadline_is_never_shortened(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Its cause stays with it; a longer one brings its own."""
    assert rest(cooldowns, clock, wait_s=60, cause="first") == 60
    assert rest(cooldowns, clock, wait_s=5, cause="second") == 60
    assert cooldowns.active(clock.now()) == [Cooldown("model_key", "groq/llama#home", 1060.0, "first")]
    assert rest(cooldowns, clock, wait_s=90, cause="third") == 90
    assert cooldowns.active(clock.now()) == [Cooldown("model_key", "groq/llama#home", 1090.0, "third")]


def test_failures_of_one_outage_count_once(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Ten requests were under way when it began."""
    assert [rest(cooldowns, clock) for _ in range(10)] == [1] * 10
    clock.advance(1)
    assert rest(cooldowns, clock) == 2


def test_the_longest_cooldown_is_the_one_told(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """The others are over by then."""
    rest(cooldowns, clock, "provider", "groq", wait_s=10)
    rest(cooldowns, clock, "key", "groq#home", wait_s=30, cause="401")
    rest(cooldowns, clock, "model", "groq/llama", wait_s=20)
    assert cooldowns.blocking(HOME, clock.now()) == Cooldown("key", "groq#home", 1030.0, "401")
    assert [each.kind for each in cooldowns.active(clock.now())] == ["provider", "model", "key"]
    clock.advance(15)
    assert [each.kind for each in cooldowns.active(clock.now())] == ["model", "key"]
    clock.advance(15)
    assert cooldowns.blocking(HOME, clock.now()) is None
    assert Cooldown("provider", "groq", 1010.0, "429").left_s(clock.now()) == 0


def test_a_jump_of_the_wall_clock_changes_no_cooldown(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """They run on boot time."""
    rest(cooldowns, clock, wait_s=60)
    clock.jump(DAY)
    assert cooldowns.active(clock.now())[0].left_s(clock.now()) == 60


def probed(cooldowns: Cooldowns, clock: FakeClock, kind: Kind = "provider", name: str = "groq") -> None:
    """HOME is the probe after a cooldown of `kind`."""
    rest(cooldowns, clock, kind, name, wait_s=10)
    clock.advance(10)
    assert cooldowns.blocking(HOME, clock.now()) is None
    assert cooldowns.in_the_way(HOME, clock.now()) is None
    assert cooldowns.enter(HOME, clock.now()) is None


def test_one_request_probes_after_a_cooldown(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Others of the scope are told a second; those outside of it go."""
    probed(cooldowns, clock)
    assert cooldowns.enter(OTHER, clock.now()) == Cooldown("provider", "groq", 1011.0, "429; one request tries it now")
    assert cooldowns.in_the_way(OTHER, clock.now())
    assert cooldowns.blocking(OTHER, clock.now()) is None
    assert cooldowns.enter(FAR, clock.now()) is None


def test_success_of_the_probe_opens_the_scope(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """The next failure is a first one again."""
    probed(cooldowns, clock)
    cooldowns.succeeded(HOME)
    assert [cooldowns.enter(OTHER, clock.now()) for _ in range(3)] == [None] * 3
    assert rest(cooldowns, clock, "provider", "groq") == 1


def test_success_does_not_end_a_deadline(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """It may have begun long before the failure."""
    rest(cooldowns, clock, wait_s=10)
    cooldowns.succeeded(HOME)
    assert cooldowns.enter(HOME, clock.now()) == Cooldown("model_key", "groq/llama#home", 1010.0, "429")
    clock.advance(10)
    assert [cooldowns.enter(HOME, clock.now()) for _ in range(2)] == [None, None]
    assert cooldowns.dump(clock.now()) == []


def test_a_failed_probe_rests_longer(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """And then another one probes."""
    probed(cooldowns, clock)
    assert rest(cooldowns, clock, "provider", "groq") == 2
    clock.advance(2)
    assert cooldowns.enter(OTHER, clock.now()) is None
    assert cooldowns.enter(HOME, clock.now()) is not None


def test_a_probe_that_fails_in_another_scope_has_ended_too(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """The provider was reached, though the key was refused: the next one may probe the provider."""
    probed(cooldowns, clock)
    rest(cooldowns, clock, "key", "mistral")
    assert cooldowns.in_the_way(OTHER, clock.now())
    rest(cooldowns, clock, "key", "groq#home", schedule="key")
    assert cooldowns.enter(WORK, clock.now()) is None
    assert cooldowns.enter(replace(WORK, model="qwen"), clock.now()) is not None


def test_a_probe_without_a_verdict_lets_another_one_try(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """The client left: the streak is what it was. Only the target's own probe ends so."""
    probed(cooldowns, clock)
    cooldowns.left(OTHER)
    assert cooldowns.enter(OTHER, clock.now()) is not None
    cooldowns.left(HOME)
    assert cooldowns.enter(OTHER, clock.now()) is None
    assert rest(cooldowns, clock, "provider", "groq") == 2


def test_a_new_probe_is_not_ended_with_an_old_one(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """HOME probed two scopes; one of them was reset and is probed by another since."""
    rest(cooldowns, clock, "key", "groq#home", wait_s=10)
    probed(cooldowns, clock)
    cooldowns.reset("provider", "groq")
    rest(cooldowns, clock, "provider", "groq", wait_s=0)
    assert cooldowns.enter(WORK, clock.now()) is None
    cooldowns.left(HOME)
    assert cooldowns.enter(HOME, clock.now()) == Cooldown("provider", "groq", 1011.0, "429; one request tries it now")


def test_a_lost_probe_does_not_block_for_ever(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """After ten minutes without a word the next one probes."""
    probed(cooldowns, clock)
    clock.advance(599)
    assert cooldowns.enter(OTHER, clock.now()) is not None
    clock.advance(1)
    assert cooldowns.enter(OTHER, clock.now()) is None
    assert cooldowns.enter(HOME, clock.now()) is not None


def test_a_changed_configuration_forgets_keys(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Their streaks and probes too; the rest rests on."""
    probed(cooldowns, clock, "key", "groq#home")
    rest(cooldowns, clock, "key", "groq#work", wait_s=10)
    rest(cooldowns, clock, "model", "groq/qwen", wait_s=10)
    cooldowns.clear_keys()
    assert [each.kind for each in cooldowns.active(clock.now())] == ["model"]
    assert [cooldowns.enter(HOME, clock.now()) for _ in range(2)] == [None, None]


def test_a_person_may_reset_one(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Then nothing of it is left."""
    rest(cooldowns, clock, wait_s=10)
    cooldowns.reset("model_key", "groq/llama#home")
    assert cooldowns.enter(HOME, clock.now()) is None
    assert cooldowns.dump(clock.now()) == []


def restarted(cooldowns: Cooldowns, clock: FakeClock, *, after_s: float) -> tuple[Cooldowns, FakeClock]:
    """What another process reads `after_s` later by the wall clock."""
    values = orjson.loads(orjson.dumps(cooldowns.dump(clock.now())))
    later = FakeClock(wall=clock.wall + after_s, boot=5.0)
    found = Cooldowns()
    found.restore(values, later.now())
    return found, later


@pytest.mark.parametrize(
    ("after_s", "left_s"),
    [
        pytest.param(10, 50, id="time went by"),
        pytest.param(-DAY, 60, id="the clock went back: never longer than what was left"),
        pytest.param(60, None, id="over"),
        pytest.param(DAY, None, id="long over"),
    ],
)
def test_cooldowns_survive_a_restart(
    cooldowns: Cooldowns, clock: FakeClock, after_s: float, left_s: float | None
) -> None:
    """By wall time. The streak stays when the deadline is past, so that one request probes."""
    rest(cooldowns, clock, wait_s=60)
    found, later = restarted(cooldowns, clock, after_s=after_s)
    expected = [] if left_s is None else [Cooldown("model_key", "groq/llama#home", 5.0 + left_s, "429")]
    assert found.active(later.now()) == expected
    later.advance(left_s or 0)
    assert found.enter(HOME, later.now()) is None
    assert found.enter(HOME, later.now()) is not None
    assert rest(found, later) == 2


def test_a_past_cooldown_without_a_streak_is_dropped_by_a_restart(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """There is nothing left to know."""
    rest(cooldowns, clock, wait_s=60)
    cooldowns.succeeded(HOME)
    found, later = restarted(cooldowns, clock, after_s=60)
    assert found.dump(later.now()) == []
    clock.advance(60)
    assert cooldowns.dump(clock.now()) == []


def test_the_longest_cooldown_survives_whatever_the_boot_time(cooldowns: Cooldowns) -> None:
    """Adding and taking away a boot time may round up."""
    clock = FakeClock(wall=WALL, boot=0.1)
    rest(cooldowns, clock, wait_s=math.inf, certain=True)
    found, later = restarted(cooldowns, clock, after_s=0)
    assert found.active(later.now())[0].left_s(later.now()) == pytest.approx(32 * DAY)


def test_a_dump_says_wall_times(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Boot time means nothing after a restart."""
    rest(cooldowns, clock, wait_s=60)
    assert cooldowns.dump(clock.now()) == [
        {
            "kind": "model_key",
            "id": "groq/llama#home",
            "until": WALL + 60,
            "left_s": 60.0,
            "cause": "429",
            "streak": 1,
        }
    ]


GOOD = {"kind": "key", "id": "groq", "until": WALL, "left_s": 1.0, "cause": "401", "streak": 1}


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        [1],
        [{}],
        [{**GOOD, "kind": "planet"}],
        [{**GOOD, "id": 1}],
        [{**GOOD, "until": "soon"}],
        [{**GOOD, "until": math.nan}],
        [{**GOOD, "until": math.inf}],
        [{**GOOD, "left_s": math.nan}],
        [{**GOOD, "left_s": 1e9}],
        [{**GOOD, "streak": -1}],
        [{**GOOD, "more": 1}],
        [GOOD, None],
    ],
)
def test_garbage_changes_nothing(cooldowns: Cooldowns, clock: FakeClock, values: object) -> None:
    """It is refused as a whole."""
    rest(cooldowns, clock, wait_s=60)
    before = cooldowns.dump(clock.now())
    with pytest.raises(ValueError, match="These are no cooldowns"):
        cooldowns.restore(values, clock.now())
    assert cooldowns.dump(clock.now()) == before


def test_memory_is_bounded(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """Clients invent names of models. When there are 10,000, the tenth that ends first makes room."""
    for n in range(10_001):
        rest(cooldowns, clock, "model", f"groq/{n}", wait_s=60 + n // 100)
    left = cooldowns.active(clock.now())
    assert len(left) == 9_001
    assert left[0] == Cooldown("model", "groq/1000", 1070.0, "429")


def test_what_says_nothing_goes_first(cooldowns: Cooldowns, clock: FakeClock) -> None:
    """One cooldown that is over without a streak is room enough."""
    rest(cooldowns, clock, "model", "groq/llama", wait_s=5)
    cooldowns.succeeded(HOME)
    clock.advance(5)
    for n in range(10_000):
        rest(cooldowns, clock, "model", f"groq/{n}", wait_s=60)
    assert len(cooldowns.active(clock.now())) == 10_000
