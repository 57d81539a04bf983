"""The YAML is edited while requests run, in every way editors do it: none is dropped, and no counter starts anew."""

import html
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests import fakes
from tests.fakes import DONE, HI, ROLE, STOP, Step
from tests.processes import Running

from .conftest import Serve
from .provider import Asked, Held, Pause, Provider

YAML = """\
providers:
  one:
    base_url: {url}
    limits: {{requests_per_day: {amount}, requests_per_hour: {{amount: 90k, algorithm: rolling}}}}
    models:
      m: {{aliases: [{alias}]}}
meta_models:
  base: {{targets: [one/m]}}
"""
MISTAKE = "config/gateway.yaml:4:14: unknown limit 'request_per_day', did you mean 'requests_per_day'?"


class Editor:
    """Saves configurations that differ in an alias and in the amount of a limit."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url
        self._number = 0

    def next(self) -> str:
        """Another configuration than any before."""
        self._number += 1
        return YAML.format(url=self._url, amount=1000 + self._number, alias=self.alias)

    @property
    def alias(self) -> str:
        """A name that only the latest configuration knows."""
        return f"edition-{self._number}"

    def rename(self, text: str) -> None:
        """As vim does, and every tool that writes atomically."""
        beside = self._path.with_suffix(".tmp")
        beside.write_text(text, "utf-8")
        beside.replace(self._path)

    def in_place(self, text: str) -> None:
        """As nano does."""
        self._path.write_text(text, "utf-8")

    def in_two_halves(self, text: str) -> None:
        """As a slow network mount does: for a moment there is half a file, which would be no mistake by itself."""
        self._in_pieces(text, "meta_models:")

    def in_four_pieces(self, text: str) -> None:
        """The same, and longer under way than a file has to be at rest."""
        self._in_pieces(text, "    limits:", "    models:", "meta_models:")

    def _in_pieces(self, text: str, *starts: str) -> None:
        cuts = [0, *(text.index(start) for start in starts), len(text)]
        with self._path.open("w", encoding="utf-8") as file:
            for begin, end in pairwise(cuts):
                file.write(text[begin:end])
                file.flush()
                time.sleep(0.3 if end < len(text) else 0)


class Load:
    """What the running requests got: every other one is a stream that takes a while."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._over = threading.Event()
        self.count = 0
        self.wrong: list[object] = []

    def run(self) -> None:
        """One request after another, until it is over."""
        while not self._over.is_set():
            self.count += 2
            for stream in (False, True):
                try:
                    status, _, body = self._server.chat(stream=stream)
                except Exception as error:  # noqa: BLE001 - whatever it is, the request was dropped
                    self.wrong.append(error)
                else:
                    if status != 200 or (stream and body != ROLE + HI + HI + STOP + DONE):
                        self.wrong.append((status, body))

    def stop(self) -> None:
        """Let every thread finish its round."""
        self._over.set()


@contextmanager
def load(server: Running) -> Iterator[list[Load]]:
    """Four clients that ask without a pause while the block runs, and have their last answers after it."""
    loads = [Load(server) for _ in range(4)]
    threads = [threading.Thread(target=each.run, name="client") for each in loads]
    for thread in threads:
        thread.start()
    try:
        yield loads
    finally:
        for each in loads:
            each.stop()
        for thread in threads:
            thread.join(30)


def answers(asked: Asked) -> Step:
    """A plain answer at once, or a stream that is under way for a while."""
    return fakes.stream(ROLE, HI, Pause(0.2), HI, STOP, DONE) if asked.json.get("stream") else fakes.chat()


def used(server: Running) -> dict[str, int]:
    """By window, what stands as used of the requests."""
    rows: list[dict[str, Any]] = orjson.loads(server.request("GET", "/usage/current")[2])["limits"]
    return {row["window"]: row["used"] for row in rows}


def health(server: Running) -> dict[str, Any]:
    """What `/health` says."""
    found: dict[str, Any] = orjson.loads(server.request("GET", "/health")[2])
    return found


@pytest.fixture
def editor(tmp_path: Path, provider: Provider) -> Editor:
    """At work on the file that `serve` writes first."""
    return Editor(tmp_path / "config/gateway.yaml", provider.url)


def test_editing_under_load_drops_no_request_and_resets_no_counter(
    serve: Serve, provider: Provider, editor: Editor
) -> None:
    """Renamed over, in place, in pieces, broken, and good again: what was answered is what was counted."""
    provider.plays("m", answers)
    server = serve(editor.next())
    ways: list[Callable[[str], None]] = [
        editor.rename,
        editor.in_place,
        editor.in_two_halves,
        editor.in_four_pieces,
    ]
    with load(server) as loads:
        for save in ways:
            provider.wait(len(provider.asked()) + 20)
            save(editor.next())
            server.wait_for("configuration reloaded")
            assert server.chat(editor.alias)[0] == 200
        assert "configuration refused" not in server.log
        editor.in_place(editor.next().replace("requests_per_day", "request_per_day"))
        server.wait_for("configuration refused")
        provider.wait(len(provider.asked()) + 20)
        assert server.chat(editor.alias)[0] == 404
        editor.rename(editor.next())
        server.wait_for("configuration reloaded")
        provider.wait(len(provider.asked()) + 20)
    assert [wrong for each in loads for wrong in each.wrong] == []
    count = sum(each.count for each in loads) + len(ways)
    assert count > 100
    assert len(provider.asked()) == count
    assert used(server) == {"day": count, "hour": count}
    assert len(re.findall("configuration reloaded", server.log)) == len(ways) + 1


def test_a_stream_outlives_the_provider_it_comes_from(serve: Serve, provider: Provider, editor: Editor) -> None:
    """It began under a configuration that is gone: it goes on to its end, and counts."""
    held = Held()
    provider.plays("m", fakes.stream(ROLE, HI, held, STOP, DONE))
    server = serve(editor.next())
    bodies: list[bytes] = []
    client = threading.Thread(target=lambda: bodies.append(server.chat(stream=True)[2]))
    client.start()
    provider.wait(1)
    editor.rename("providers: {other: {type: echo, models: {m: {price: free}}}}\n")
    server.wait_for("configuration reloaded")
    assert server.chat("one/m")[0] == 404
    held.open()
    client.join(20)
    assert bodies == [ROLE + HI + STOP + DONE]
    editor.rename(editor.next())
    server.wait_for("configuration reloaded")
    assert used(server) == {"day": 1, "hour": 1}


def test_a_limit_that_was_lowered_is_full_at_once(serve: Serve, provider: Provider, editor: Editor) -> None:
    """What was used counts against the new amount, whatever kind of window it is then."""
    server = serve(editor.next())
    assert [server.chat()[0] for _ in range(3)] == [200, 200, 200]
    for limits in ("requests_per_day: 3", "requests_per_day: {amount: 3, algorithm: rolling}"):
        editor.in_place(
            f"providers: {{one: {{base_url: {provider.url}, limits: {{{limits}}}, models: {{m: {{}}}}}}}}\n"
        )
        server.wait_for("configuration reloaded")
        assert server.chat("one/m")[0] == 429
    assert len(provider.asked()) == 3


def test_a_broken_file_shows_its_place_everywhere(serve: Serve, provider: Provider, editor: Editor) -> None:
    """File, line and column: in the log with the line and a caret, on the page, and in `/health`; then all is well."""
    server = serve(editor.next())
    good = editor.next()
    editor.in_place(good.replace("requests_per_day", "request_per_day"))
    server.wait_for("configuration refused")
    server.wait_for(re.escape(MISTAKE))
    status, _, page = server.request("GET", "/")
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.unescape(page.decode())))
    assert status == 200
    assert "config/gateway.yaml was not reloaded: 1 error" in shown
    assert "config/gateway.yaml:4:14" in shown
    assert "unknown limit 'request_per_day', did you mean 'requests_per_day'?" in shown
    assert "limits: {request_per_day:" in shown
    assert health(server)["status"] == "degraded"
    assert health(server)["config"]["error"] == [MISTAKE]
    assert server.request("GET", "/readyz")[0] == 200
    assert server.chat()[0] == 200
    editor.in_place(good)
    server.wait_for("configuration reloaded")
    assert (health(server)["status"], health(server)["config"]["error"]) == ("healthy", None)
    assert "was not reloaded" not in server.request("GET", "/")[2].decode()
    assert "request_per_day: 1002" in server.log
    assert "^^^^^^^^^^^^^^^" in server.log
    assert len(provider.asked()) == 1
