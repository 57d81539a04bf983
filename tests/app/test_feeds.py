"""The feeds in the house: from the fetch to what they change."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from gateway.app.feeds import FEEDS, follow
from gateway.app.reloads import Reloads, status
from gateway.clock import FakeClock
from gateway.configuration import Configuration
from gateway.feeds import leaderboard, prices
from gateway.state import State
from tests.fakes import FakeUpstream

YAML = "prices: {fetch: true}\nproviders: {openai: {api_key: k, models: {gpt-4o: {}, gpt-4o-mini: {}}}}\n"
SCORED = """\
leaderboard: {fetch: true}
providers: {p: {base_url: "https://p.test/v1", api_key: k, models: {m-30: {}, m-50: {}}}}
meta_models: {base: {targets: [p/m-30, p/m-50], strategy: score}}
"""


def listed(count: int = 400) -> bytes:
    """An answer with gpt-4o at 7 and 8 dollars, and others."""
    names = ["gpt-4o", *(f"model-{number}" for number in range(count - 1))]
    costs = {"operator": "equals", "input_cost_per_1m": 7, "output_cost_per_1m": 8}
    return orjson.dumps({"data": [{"provider": "OPENAI", "model": name, **costs} for name in names]})


class EndOfTestError(Exception):
    """One look was enough."""


def one_look() -> Callable[[float], Awaitable[None]]:
    """A sleep that is slept once."""
    looks = iter([None])

    async def sleep(_: float) -> None:
        if next(looks, EndOfTestError) is EndOfTestError:
            raise EndOfTestError

    return sleep


@pytest.mark.parametrize("fetch", [True, False])
async def test_a_fetched_list_comes_in_force_by_a_reload(tmp_path: Path, *, fetch: bool) -> None:
    """It goes over the shipped one where it is newer, and survives a restart. Switched off, nobody is asked."""
    (tmp_path / "config").mkdir()
    path = tmp_path / "config/gateway.yaml"
    path.write_text(YAML.replace("true", str(fetch).lower()), "utf-8")
    clock = FakeClock(1800000000.0)  # 2027-01-15
    configuration = Configuration.find(path, {"HOME": str(tmp_path)}, tmp_path)
    loaded = configuration.load()
    state = State(loaded.catalog, clock, status(configuration, loaded, clock.wall))
    reloads = Reloads(configuration, state, lambda _: None)
    upstream = FakeUpstream((200, {}, [listed()]))
    folder = configuration.snapshot_folder("snapshots")

    shipped = state.catalog.exact["openai/gpt-4o"][0].price_source
    assert shipped.startswith("list 20")
    with pytest.raises(EndOfTestError):
        await follow(prices.FEED, state, folder, upstream, reloads.reload_or_log, lambda: 0.5, sleep=one_look())
    found = [state.catalog.exact[f"openai/{name}"][0].price_source for name in ("gpt-4o", "gpt-4o-mini")]
    assert len(upstream.sent) == int(fetch)
    assert found == (["fetched 2027-01-15", shipped] if fetch else [shipped, shipped])
    assert (state.feeds["prices"].fetched_at is not None) is fetch
    assert configuration.load().catalog == state.catalog
    assert prices.FEED.path(folder).exists() is fetch


async def test_a_fetched_leaderboard_orders_by_the_next_reload(tmp_path: Path) -> None:
    """The shipped one knows nothing of the two models; the fetched one does."""
    (tmp_path / "config").mkdir()
    path = tmp_path / "config/gateway.yaml"
    path.write_text(SCORED, "utf-8")
    clock = FakeClock(1800000000.0)  # 2027-01-15
    configuration = Configuration.find(path, {"HOME": str(tmp_path)}, tmp_path)
    loaded = configuration.load()
    state = State(loaded.catalog, clock, status(configuration, loaded, clock.wall))
    reloads = Reloads(configuration, state, lambda _: None)
    rows = {f"m-{n}": {"pass@1": {"instruct": n, "complete": n}} for n in range(60)}
    upstream = FakeUpstream((200, {}, [orjson.dumps(rows)]))
    folder = configuration.snapshot_folder("snapshots")

    def order() -> list[str]:
        catalog = state.catalog
        found = state.chooser.usual(catalog.resolve("base"), catalog, state.ledger, clock.now())
        return [each.model for each in found]

    assert (state.catalog.leaderboard.name[:7], order()) == ("list 20", ["m-30", "m-50"])
    with pytest.raises(EndOfTestError):
        await follow(leaderboard.FEED, state, folder, upstream, reloads.reload_or_log, lambda: 0.5, sleep=one_look())
    assert [each.url for each in upstream.sent] == [leaderboard.URL]
    assert (state.catalog.leaderboard.name, order()) == ("fetched 2027-01-15", ["m-50", "m-30"])
    assert state.feeds["leaderboard"].fetched_at == clock.wall


def test_each_feed_has_a_name_of_its_own() -> None:
    """It is the name of its file and of its place in the state."""
    names = [feed.name for feed in FEEDS]
    assert sorted(set(names)) == sorted(names)
