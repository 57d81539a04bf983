"""The status page as values."""

from collections.abc import Callable

import pytest

from gateway.catalog.catalog import Catalog
from gateway.clock import FakeClock
from gateway.records import Usage
from gateway.server.view import ROWS, Ask, Status, status
from gateway.state import ConfigStatus, SnapshotStatus, State
from tests.catalog.compiling import compiled
from tests.pages.days import busy, calm, cool_down, empty, first, reloaded
from tests.pages.sample import AT, YAML, chosen, remember, settled, state_of

ONE = "providers: {demo: {type: echo, models: {echo: {}}}}"


def shown(state: State, ask: Ask | None = None) -> Status:
    return status(state, state.clock.now(), ask or Ask(), "http://127.0.0.1:3000/v1")


def test_bad_day() -> None:
    """Everything at once: banner, line, tiles, cards in the order of the file, the last requests, the ladder."""
    page = shown(busy())
    assert (page.kind, page.at, page.time, page.uptime) == ("status", "2026-11-20T14:32:30.000Z", "14:32:30", "3 d 4 h")
    assert page.banner
    assert page.banner.title == "config/gateway.yaml was not reloaded: 1 error"
    assert page.warn
    assert page.warn.title == "google/gemini-2.5-flash: requests/day at 100 %"
    assert page.calm == ""
    assert page.summary == "4 taking traffic · 1 cooling down · 1 without a key"
    assert [(card.id, card.standing) for card in page.cards] == [
        ("groq", "ready"),
        ("google", "near_limit"),
        ("openrouter", "cooling"),
        ("mistral", "ready"),
        ("openai", "ready"),
        ("cerebras", "no_key"),
    ]
    assert len(page.rows) == ROWS
    assert [row.asked for row in page.rows[:4]] == ["smart", "code", "smart", "gpt-4.1-mini"]
    assert (page.running, page.last_minute, page.snapshot) == (1, 8, "snapshot 4 s ago")
    assert page.ladder
    assert (page.ladder.name, page.ladder.ready) == ("smart", "4 of 7 ready")


def test_tiles_count_today() -> None:
    """The budget is the providers' limit on a day's cost."""
    tiles = {tile.title: tile for tile in shown(busy()).tiles}
    assert tiles["Requests today"].value == "305"
    assert tiles["Requests today"].base == "8 in the last minute"
    assert tiles["Cost today"].base == "of $2.00 budget"


def test_calm_day_is_one_sentence() -> None:
    """Nobody has to look."""
    page = shown(calm())
    assert page.calm == "5 providers take traffic, no limit above 70 %, no failure in the last hour."
    assert (page.banner, page.warn) == (None, None)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda state: cool_down(state, "openrouter", 42, "429"), id="a cooldown"),
        pytest.param(
            lambda state: remember(state, settled("x", (), Usage(), None, status=404, outcome="model_not_found")),
            id="a failed request",
        ),
        pytest.param(
            lambda state: setattr(state, "snapshot", SnapshotStatus(at=None, error="disk full")), id="no disk"
        ),
    ],
)
def test_calm_ends_with_the_first_trouble(spoil: Callable[[State], None]) -> None:
    """Green means green."""
    state = calm()
    spoil(state)
    assert shown(state).calm == ""


def test_one_provider_takes_traffic() -> None:
    """In the singular."""
    assert shown(state_of(ONE)).calm.startswith("1 provider takes traffic")


def test_ladder_of_the_name_in_the_address() -> None:
    """The first meta-model without one, or with a name that is none."""
    assert [_ladder_name(busy(), name) for name in ("code", "", "nonsense")] == ["code", "smart", "smart"]


def _ladder_name(state: State, name: str) -> str:
    ladder = shown(state, Ask(next=name)).ladder
    return ladder.name if ladder else ""


def test_without_meta_models_there_is_no_ladder() -> None:
    """Nothing to choose from."""
    assert shown(state_of(ONE)).ladder is None


def test_all_limits_on_request() -> None:
    """Otherwise the tightest six of each provider."""
    limits = ", ".join(f"requests_per_{n}h: {n}" for n in range(1, 10))
    state = state_of(f"providers: {{a: {{type: echo, limits: {{{limits}}}, models: {{m: {{}}}}}}}}")
    assert shown(state).cards[0].more == 3
    assert shown(state, Ask(all_limits=True)).cards[0].more == 0


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        pytest.param(YAML, "status", "", id="keys are set"),
        pytest.param(ONE, "status", "demo/echo", id="an echo on purpose"),
        pytest.param(
            "providers: {a: {api_key: '${A}', models: {m: {}}}, demo: {type: echo, models: {echo: {}}}}",
            "first_run",
            "demo/echo",
            id="only the echo can answer",
        ),
        pytest.param("providers: {a: {api_key: '${A}', models: {m: {}}}}", "status", "", id="nobody can answer"),
    ],
)
def test_first_run_is_while_only_the_built_in_echo_can_answer(text: str, kind: str, name: str) -> None:
    """And something waits for its key; whoever configured echoes knows what it does."""
    page = shown(state_of(text))
    assert (page.kind, page.answers_as) == (kind, name)


def test_first_run_knows_what_to_ask_for_and_which_key_comes_first() -> None:
    """A meta-model that the echo answers for, and the variable of the first free provider."""
    page = shown(first())
    assert (page.kind, page.answers_as, page.waiting, page.first_variable) == ("first_run", "base", 2, "GROQ_API_KEY")


def test_nothing_was_asked_yet() -> None:
    """No rows, no speed, no chart; and no snapshot at the start."""
    state = empty()
    state.snapshot = SnapshotStatus(at=None, error="")
    page = shown(state)
    assert (page.rows, page.last_minute, page.snapshot) == ((), 0, "no snapshot yet")
    assert page.cards[0].chart.attempts == 0


def test_snapshot_that_fails_is_told() -> None:
    """What is remembered would be lost."""
    state = empty()
    state.snapshot = SnapshotStatus(at=AT, error="disk full")
    assert shown(state).snapshot == "snapshot failed: disk full"


def test_what_a_reload_changed_is_told() -> None:
    """From the first one on."""
    assert shown(empty()).changed is None
    page = shown(reloaded())
    assert page.changed
    assert page.changed.title == "Configuration reloaded at 14:31:30: 4 changes"
    assert (page.changed.lines[0], page.changed.more) == ("groq tokens_per_day 100k -> 200k, 63,120 used kept", 2)


def test_chart_is_no_longer_than_memory() -> None:
    """A thousand requests in ten minutes are ten minutes, not thirty."""
    state = empty()
    for i in range(state.recent.maxlen or 0, 0, -1):
        remember(state, settled("x", (chosen("groq/m", "free"),), Usage(1, 1), 0.1, ago_s=i * 0.6))
    assert shown(state).cards[0].chart.minutes == 10


def test_times_are_in_the_servers_zone() -> None:
    """`server.timezone` is where the reader is."""
    text: Catalog = compiled("server: {timezone: Europe/Berlin}\nproviders: {demo: {type: echo, models: {echo: {}}}}")
    config = ConfigStatus(path="g.yaml", env_file="", loaded_at=AT, hash="", problems=(), sources={})
    state = State(catalog=text, clock=FakeClock(AT), config=config)
    page = shown(state)
    assert (page.time, page.loaded) == ("15:32:30", "15:32:30")


def test_overload_is_told() -> None:
    """Nobody is said to be well while clients are turned away."""
    state = calm()
    assert (shown(state).shortage, shown(state).load) == ("", "0 connections · event loop on time")
    assert shown(state).calm
    state.load.connections = state.load.max_connections = 3
    page = shown(state)
    assert (page.shortage, page.load, page.calm) == (
        "all 3 connections are in use",
        "3 connections · event loop on time",
        "",
    )
