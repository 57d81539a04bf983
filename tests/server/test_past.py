"""The usage page as values."""

from gateway.server.historical import Metric, Wanted
from gateway.server.past import MOST_BARS, MOST_LINES, Past, past
from gateway.state import State
from tests.history.requests import ended
from tests.pages.days import busy, empty
from tests.pages.sample import AT, YAML, state_of


def shown(state: State, window: str = "60m", by: str = "provider", metric: Metric = "requests") -> Past:
    """What the page says."""
    return past(state, state.clock.now(), Wanted(window, by, metric))  # type: ignore[arg-type]  # from the tables below


def with_requests(*names: str) -> State:
    """A day on which these models answered, a minute ago."""
    state = state_of(YAML)
    for name in names:
        state.note(ended("ok", at=AT - 60, route=name, cost=2_000_000 if name.startswith("openai") else 0))
    return state


def test_tiles_are_of_the_window() -> None:
    """Requests are the clients', failed attempts the providers'."""
    state = with_requests("groq/a", "groq/a", "openai/b")
    state.note(ended("503", at=AT - 30, status=502, cost=None))
    tiles = {tile.title: (tile.value, tile.base) for tile in shown(state).tiles}
    assert tiles == {
        "Cost, 60m": ("$0.0020", "$0.00050 a request"),
        "Served at zero cost": ("66.7 %", "2 of 3 answered"),
        "List price avoided": ("$0.0000014", "by the free answers"),
        "Requests": ("4", "1 failed attempt behind them"),
        "Tokens": ("60", "40 in · 20 out"),
        "First token, mean": ("100 ms", "of 3 answers"),
    }


def test_nothing_is_divided_by_no_traffic() -> None:
    """Everything is zero or unknown, and there is no line."""
    found = shown(empty())
    assert (found.lines, found.models, found.clients, found.plot.paths) == ((), (), (), ())
    assert found.tiles[0].base == "no request"
    assert found.total.requests == "0"


def test_a_provider_keeps_its_colour() -> None:
    """That of its place in the YAML, however busy; beyond four they are grey."""
    state = with_requests("openai/b", "openai/b", "mistral/c", "groq/a", "gone/x")
    found = shown(state)
    assert {line.name: line.tone for line in found.lines} == {
        "openai": "s5",
        "groq": "s1",
        "mistral": "s4",
        "gone": "s5",
    }
    assert [(each.tone, each.name) for each in found.plot.legend] == [
        ("s1", "groq"),
        ("s4", "mistral"),
        ("s5", "2 others"),
    ]
    assert [tone for tone, _ in found.plot.paths] == ["s1", "s4", "s5"]


def test_of_models_the_busiest_have_a_colour() -> None:
    """The rest is drawn as one."""
    state = with_requests(*(f"groq/{name}" for name in "aaabbbccddef"))
    found = shown(state, by="model")
    assert [each.name for each in found.plot.legend] == ["groq/a", "groq/b", "groq/c", "groq/d", "2 others"]
    five = shown(with_requests(*(f"groq/{name}" for name in "aabbccdde")), by="model")
    assert five.plot.legend[-1].name == "groq/e"


def test_long_tables_end_in_the_others() -> None:
    """So that the total is the sum of what stands there."""
    state = with_requests(*(f"groq/{number:02}" for number in range(MOST_LINES + 2)))
    found = shown(state, by="model")
    assert (len(found.lines), found.lines[-1].name, found.lines[-1].requests) == (MOST_LINES + 1, "2 others", "2")
    assert (found.total.requests, found.total.share) == ("32", "100 %")
    assert len(found.models) == MOST_BARS


def test_clients_without_a_name_are_anonymous() -> None:
    """In the table and in the ranking, where the busiest fills its bar."""
    state = with_requests("groq/a")
    for _ in range(3):
        state.note(ended("ok", at=AT, client="aider"))
    found = shown(state, by="client")
    assert [line.name for line in found.lines] == ["aider", "anonymous"]
    assert [(each.name, each.width) for each in found.clients] == [("aider", 100.0), ("anonymous", 33.3)]


def test_a_refused_file_is_told_here_too() -> None:
    """In one line."""
    found = shown(busy())
    assert found.banner
    assert found.banner.title == "config/gateway.yaml was not reloaded: 1 error"
