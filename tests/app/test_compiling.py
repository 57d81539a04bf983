"""Small configurations are compiled in a thread, large ones in a child: with the same result."""

import asyncio
import os
import pickle
import sys
from pathlib import Path

import pytest

from gateway.app import compiling
from gateway.app.compiling import answer, load
from gateway.configuration import Configuration
from gateway.errors import ConfigError

GOOD = """\
providers:
  one: {base_url: "https://one.test/v1", api_key: "${KEY}", models: {m: {limits: {requests_per_day: 5}}}}
"""
BAD = GOOD.replace("models", "moddels").replace("api_key", "api_kee")


def configuration(folder: Path, text: str) -> Configuration:
    (folder / "gateway.yaml").write_text(text, "utf-8")
    return Configuration.find(folder / "gateway.yaml", {"KEY": "from the environment"}, folder)


async def test_a_child_says_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The environment reaches it, and overrides from the command line do."""
    found = configuration(tmp_path, GOOD)
    loaded = await load(found, large=0)
    assert loaded == found.load()
    assert loaded.catalog.providers["one"].targets[0].secret.reveal() == "from the environment"
    assert caplog.text == ""


async def test_a_child_finds_the_same_mistakes(tmp_path: Path) -> None:
    """With lines and carets."""
    found = configuration(tmp_path, BAD)
    with pytest.raises(ConfigError) as here:
        found.load()
    with pytest.raises(ConfigError) as there:
        await load(found, large=0)
    assert there.value.problems == here.value.problems
    assert len(there.value.problems) > 1


async def test_small_ones_need_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process takes longer to start than they do to compile."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    found = configuration(tmp_path, GOOD)
    assert await load(found) == found.load()
    assert found.size() == len(GOOD)


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false", "/bin/true"])
async def test_without_a_child_it_is_done_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, program: str
) -> None:
    """One that cannot be started, fails, or says nothing: the log tells, and streams may stutter."""
    monkeypatch.setattr(sys, "executable", program)
    found = configuration(tmp_path, GOOD)
    assert await load(found, large=0) == found.load()
    assert "the configuration is read in this process, for want of another" in caplog.text


async def test_an_answer_to_something_else_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not believed."""
    monkeypatch.setattr(compiling, "_CHILD", _SAYS_HELLO)
    found = configuration(tmp_path, GOOD)
    assert await load(found, large=0) == found.load()


_SAYS_HELLO = """
import sys; sys.path[:] = sys.argv[1:]
from gateway.app.parcels import pack
sys.stdout.buffer.write(pack("hello", None, {}))
"""


async def test_who_stops_waiting_ends_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that stops leaves nobody behind."""
    mark = tmp_path / "pid"
    monkeypatch.setattr(
        compiling, "_CHILD", f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    waiting = asyncio.ensure_future(load(configuration(tmp_path, GOOD), large=0))
    async with asyncio.timeout(20):
        while not (mark.exists() and mark.read_text()):  # noqa: ASYNC110 - a file sets no event
            await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_the_childs_side(tmp_path: Path) -> None:
    """Its question holds no variable: those are inherited."""
    found = configuration(tmp_path, GOOD)
    question = pickle.dumps((found.place, found.folder, found.options))
    assert b"from the environment" not in question
    assert b"one.test" in answer(question, found.process)
    found = configuration(tmp_path, BAD)
    assert b"did you mean" in answer(question, found.process)
