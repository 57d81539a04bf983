"""The price feed in the house: from the fetch to a target's price."""

from pathlib import Path

import orjson
import pytest

from gateway.app.feeds import FEEDS, follow
from gateway.app.reloads import Reloads, status
from gateway.clock import FakeClock
from gateway.configuration import Configuration
from gateway.feeds import prices
from gateway.state import State
from tests.fakes import FakeUpstream

YAML = "prices: {fetch: true}\nproviders: {openai: {api_key: k, models: {gpt-4o: {}, gpt-4o-mini: {}}}}\n"


def listed(count: int = 400) -> bytes:
    """An answer with gpt-4o at 7 and 8 dollars, and others."""
    names = ["gpt-4o", *(f"model-{number}" for number in range(count - 1))]
    costs = {"operator": "equals", "input_cost_per_1m": 7, "output_cost_per_1m": 8}
    return orjson.dumps({"data": [{"provider": "OPENAI", "model": name, **costs} for name in names]})


class EndOfTestError(Exception):
    """One look was enough."""


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

    looks = iter([None])

    async def sleep(_: float) -> None:
        if next(looks, EndOfTestError) is EndOfTestError:
            raise EndOfTestError

    shipped = state.catalog.exact["openai/gpt-4o"][0].price_source
    assert shipped.startswith("list 20")
    with pytest.raises(EndOfTestError):
        await follow(prices.FEED, state, folder, upstream, reloads.reload_or_log, lambda: 0.5, sleep=sleep)
    found = [state.catalog.exact[f"openai/{name}"][0].price_source for name in ("gpt-4o", "gpt-4o-mini")]
    assert len(upstream.sent) == int(fetch)
    assert found == (["fetched 2027-01-15", shipped] if fetch else [shipped, shipped])
    assert (state.feeds["prices"].fetched_at is not None) is fetch
    assert configuration.load().catalog == state.catalog
    assert prices.FEED.path(folder).exists() is fetch


def test_each_feed_has_a_name_of_its_own() -> None:
    """It is the name of its file and of its place in the state."""
    names = [feed.name for feed in FEEDS]
    assert sorted(set(names)) == sorted(names)
