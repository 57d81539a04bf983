"""Reloading: a good file comes in force whole, a bad one changes nothing but what `/health` says."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.app.compiling import LARGE
from gateway.app.reloads import MOST_NOTES, Reloads, log_differences, log_notes, status
from gateway.catalog.catalog import Catalog
from gateway.catalog.differences import Differences
from gateway.clock import FakeClock
from gateway.configuration import Configuration, Loaded
from gateway.errors import ConfigError, Problem
from gateway.limits.terms import Need
from gateway.state import State
from gateway.storage.config_file import Watch

GOOD = "providers: {demo: {type: echo, models: {echo: {price: free}}}}\n"
BETTER = "providers: {demo: {type: echo, models: {echo: {price: free}, more: {price: free}}}}\n"
BAD = "providers: {demo: {type: echo, models: {echo: {prise: free}}}}\n"


class House:
    """A state, and the files it came from."""

    def __init__(self, folder: Path, clock: FakeClock, large: int = LARGE) -> None:
        self.path = folder / "gateway.yaml"
        self.path.write_text(GOOD, "utf-8")
        self.configuration = Configuration.find(self.path, {}, folder)
        loaded = self.configuration.load()
        self.state = State(loaded.catalog, clock, status(self.configuration, loaded, clock.now().wall))
        self.applied: list[Catalog] = []
        self.reloads = Reloads(self.configuration, self.state, self.applied.append, large=large)

    def save(self, text: str) -> None:
        """As an editor does."""
        self.path.write_text(text, "utf-8")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail after 10 s."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - a file system sets no event
            await asyncio.sleep(0)


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    """With the good file."""
    return House(tmp_path, clock)


async def test_a_good_file_comes_in_force(house: House, clock: FakeClock) -> None:
    """Catalog, status and everything that follows the catalog."""
    house.save(BETTER)
    clock.advance(10)
    await house.reloads.reload()
    assert sorted(house.state.catalog.exact) == ["demo/echo", "demo/more"]
    assert house.state.config.loaded_at == 1769903980.0
    assert house.applied == [house.state.catalog]
    assert await house.reloads.read() == BETTER


async def test_a_bad_file_changes_nothing_but_the_status(
    house: House, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The catalog stays, and the log has the place, the line and the caret."""
    before = house.state.catalog
    house.save(BAD)
    clock.advance(10)
    with pytest.raises(ConfigError):
        await house.reloads.reload()
    assert house.state.catalog is before
    assert house.state.config.loaded_at == 1769903970.0
    assert [str(each) for each in house.state.config.problems] == [
        "gateway.yaml:1:48: unknown key 'prise', did you mean 'price'?"
    ]
    assert "refused, the previous one stays in force" in caplog.text
    assert "^^^^" in caplog.text


async def test_the_next_good_file_heals(house: House) -> None:
    """The problems are gone with it."""
    house.save(BAD)
    await house.reloads.reload_or_log()
    house.save(GOOD)
    await house.reloads.reload_or_log()
    assert house.state.config.problems == ()


async def test_an_unchanged_file_is_said_to_be_one(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """SIGHUP without a change is no news."""
    caplog.set_level(logging.INFO)
    await house.reloads.reload()
    assert "configuration read again: nothing has changed" in caplog.text


async def test_what_a_reload_changed_is_told(house: House, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """In the log and in the status, with what was used; the next one that changes nothing leaves it there."""
    caplog.set_level(logging.INFO)
    limited = "providers: {demo: {type: echo, limits: {tokens_per_day: 100k}, models: {echo: {price: free}}}}\n"
    house.save(limited)
    await house.reloads.reload()
    meters, ledger = house.state.catalog.meters, house.state.ledger
    ledger.settle(ledger.reserve(meters, Need(1, 63_120), clock.now()), Need(1, 63_120), clock.now())
    house.save(limited.replace("100k", "200k"))
    clock.advance(10)
    await house.reloads.reload()
    line = "demo tokens_per_day 100k -> 200k, 63,120 used kept"
    assert f"changed: {line}" in caplog.text
    assert (house.state.config.changed_at, house.state.config.differences.lines) == (1769903980.0, (line,))
    clock.advance(10)
    await house.reloads.reload()
    assert (house.state.config.changed_at, house.state.config.differences.lines) == (1769903980.0, (line,))
    assert ledger.used(house.state.catalog.meters[0], clock.now()) == 63_120


def test_many_changes_and_mistakes_do_not_flood_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """They are counted."""
    caplog.set_level(logging.INFO)
    log_differences(Differences(lines=("a", "b"), more=998))
    assert "configuration reloaded, changes: 1000" in caplog.text
    assert "and 998 more changes" in caplog.text
    problems = tuple(Problem("gateway.yaml", n, 1, "odd", warning=True) for n in range(MOST_NOTES + 5))
    log_notes(replace(house.state.catalog, warnings=problems))
    assert caplog.text.count("odd") == MOST_NOTES
    assert "and 5 more: llm-gateway check lists them all" in caplog.text


async def test_who_asked_may_leave_half_way(house: House, clock: FakeClock) -> None:
    """Half of the limits under the new amounts would be neither configuration."""
    models = ", ".join(f"m{n}: {{limits: {{requests_per_day: 5}}}}" for n in range(1000))
    text = f"providers: {{demo: {{type: echo, models: {{{models}}}}}}}\n"
    house.save(text)
    await house.reloads.reload()
    ledger, now = house.state.ledger, clock.now()
    for meter in house.state.catalog.meters:
        ledger.settle(ledger.reserve([meter], Need(), now), Need(1), now)
    before = house.state.catalog
    house.save(text.replace("requests_per_day: 5", "requests_per_day: 7"))
    asking = asyncio.ensure_future(house.reloads.reload())
    await until(lambda: house.state.catalog is not before)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert {ledger.standing(meter, now)[0].capacity for meter in before.meters} == {7}


async def test_a_large_file_is_compiled_in_a_child(tmp_path: Path, clock: FakeClock) -> None:
    """The same comes in force, and the same is refused."""
    house = House(tmp_path, clock, large=0)
    house.save(BETTER)
    await house.reloads.reload()
    assert sorted(house.state.catalog.exact) == ["demo/echo", "demo/more"]
    house.save(BAD)
    await house.reloads.reload_or_log()
    assert [each.line for each in house.state.config.errors] == [1]


async def test_host_and_port_need_a_restart(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Everything else of the file is in force; the log says what is not."""
    house.save(f"server: {{port: 3999}}\n{GOOD}")
    await house.reloads.reload()
    assert "host and port change with a restart only: still on 127.0.0.1:3000" in caplog.text


async def test_a_watched_file_is_followed(house: House) -> None:
    """Good ones come in force, bad and vanished ones are told."""
    watch = Watch((house.path,), settle_s=0.0, interval_s=0.01)
    following = asyncio.ensure_future(house.reloads.follow(watch))
    house.save(BAD)
    await until(lambda: bool(house.state.config.problems))
    house.path.unlink()
    await until(lambda: "is gone" in house.state.config.problems[0].message)
    house.save(BETTER)
    await until(lambda: len(house.state.catalog.exact) == 2)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


@pytest.mark.parametrize("between", ["# half\n", BAD, None], ids=["half", "broken", "gone"])
async def test_a_file_saved_again_before_it_was_read_is_not_taken_half(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, between: str | None
) -> None:
    """It came to rest, and was being written anew when it was read. Whole again it is as before, and that counts."""
    read, reads = Configuration.load, []

    def load(configuration: Configuration) -> Loaded:
        reads.append(configuration)
        if len(reads) > 1:
            house.save(BETTER)
        elif between is None:
            house.path.unlink()
        else:
            house.save(between)
        return read(configuration)

    digest = Configuration.digest

    def later(configuration: Configuration) -> str:
        try:
            return digest(configuration)
        finally:
            house.save(BETTER)

    monkeypatch.setattr(Configuration, "load", load)
    monkeypatch.setattr(Configuration, "digest", later)
    watch = Watch((house.path,), settle_s=0.0, interval_s=0.01)
    following = asyncio.ensure_future(house.reloads.follow(watch))
    house.save(BETTER)
    await until(lambda: len(reads) > 0)
    if between == "# half\n":
        await until(lambda: house.path.read_text("utf-8") == between)
        house.save(BETTER)
    await until(lambda: "demo/more" in house.state.catalog.exact)
    assert "refused" not in caplog.text
    assert house.state.config.problems == ()
    assert len(reads) == 2
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


def test_what_a_person_should_know(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who is skipped for want of a key, in one line."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "gateway.yaml"
    path.write_text("providers: {groq: {preset: groq}, mistral: {preset: mistral}}\n", "utf-8")
    log_notes(Configuration.find(path, {}, tmp_path).load().catalog)
    assert (
        "skipped until their key is in the environment or .env: "
        "groq (GROQ_API_KEY is not set), mistral (MISTRAL_API_KEY is not set)" in caplog.text
    )
