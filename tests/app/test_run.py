"""The gateway as a whole, in a process of its own."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import orjson
import pytest

from gateway.app.persistence import Persistence
from gateway.clock import FakeClock
from gateway.records import Settled
from gateway.state import SnapshotStatus
from gateway.storage.migrations import HISTORY
from gateway.storage.snapshot import Snapshots, encode
from tests.fakes import FakeUpstream
from tests.processes import Running, running
from tests.relay.story import make

TWO_A_DAY = """\
server: {snapshot: {every: 0.2s}}
providers:
  first: {type: echo, models: {m: {price: free}}, limits: {requests_per_day: 2}}
  second: {type: echo, models: {m: {price: free}}}
  refuses: {type: echo, models: {m: {price: free, upstream_model: echo-429}}}
  ranked: {type: echo, models: {llama-3.2-1b-instruct: {}, deepseek-v3: {}, unknown: {}}}
meta_models:
  base: {targets: [first/m, second/m]}
  best: {targets: [ranked/unknown, ranked/llama-3.2-1b-instruct, ranked/deepseek-v3], strategy: score}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with the configuration above."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/gateway.yaml").write_text(TWO_A_DAY, "utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The gateway on a fresh machine: no configuration, no key."""
    with running(tmp_path_factory.mktemp("fresh")) as server:
        yield server


def test_it_answers_without_any_key(fresh: Running) -> None:
    """Model `base` is the echo while nothing else is there."""
    status, headers, body = fresh.chat()
    assert status == 200
    assert orjson.loads(body)["choices"][0]["message"]["content"] == "echo: Say hello"
    assert headers["x-gateway-route"] == "demo/echo"


def test_it_streams(fresh: Running) -> None:
    """Server-sent events to the end."""
    status, headers, body = fresh.chat(stream=True)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert body.endswith(b"data: [DONE]\n\n")


def test_every_request_is_a_line_in_the_log(fresh: Running) -> None:
    """With its id, and without its text."""
    _, headers, _ = fresh.chat(text="a secret question")
    line = fresh.wait_for(rf".*id={headers['x-request-id']} .*")[0]
    assert "model=base route=demo/echo status=200 outcome=ok attempts=1" in line
    assert "secret question" not in fresh.log


def test_health_names_the_files(fresh: Running) -> None:
    """Here the shipped one, and no `.env`."""
    health = orjson.loads(fresh.request("GET", "/health")[2])
    assert health["status"] == "healthy"
    assert health["config"]["path"].endswith("config/gateway.yaml")
    assert (health["config"]["env_file"], health["config"]["error"]) == (None, None)


def test_a_restart_keeps_counters_and_cooldowns(folder: Path) -> None:
    """Two a day are two a day, whatever the process does; who rests goes on resting."""
    with running(folder) as server:
        routes = [server.chat()[1]["x-gateway-route"] for _ in range(3)]
        assert routes == ["first/m", "first/m", "second/m"]
        assert server.chat("refuses/m")[0] == 429
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
    assert (folder / "snapshots/state.json").is_file()
    with running(folder) as again:
        assert again.chat()[1]["x-gateway-route"] == "second/m"
        current = orjson.loads(again.request("GET", "/usage/current")[2])
        [limit] = [row for row in current["limits"] if row["scope"] == "first"]
        assert (limit["used"], limit["amount"]) == (2, 2)


def test_a_score_knows_the_shipped_leaderboard(folder: Path) -> None:
    """Of three models of unknown context, the one with a good row goes before the one without any."""
    with running(folder) as server:
        assert server.chat("best")[1]["x-gateway-route"] == "ranked/deepseek-v3"


def test_a_restart_keeps_the_history(folder: Path) -> None:
    """In a file of its own, written at the end at the latest."""
    with running(folder) as server:
        server.chat("second/m")
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
    with running(folder) as again:
        again.chat("second/m")
        body = orjson.loads(again.request("GET", "/usage/historical?window=30d&by=model")[2])
        [series] = body["series"]
        assert (series["id"], series["points"][-1][1]) == ("second/m", 2)
        totals = orjson.loads(again.request("GET", "/usage/current")[2])["totals"]
        assert (totals["today"]["requests"], totals["month"]["requests"]) == (2, 2)


def test_a_damaged_history_is_set_aside(folder: Path) -> None:
    """It is no reason not to start; neither is one that is whole and makes no sense."""
    snapshots = folder / "snapshots"
    snapshots.mkdir()
    (snapshots / "history.json").write_bytes(b"x")
    body = b'{"model":[]}'
    (snapshots / "history.prev.json").write_bytes(encode(body, gen=1, saved_wall=1.0, file_format=HISTORY))
    with running(folder) as server:
        assert "history.json is damaged (its checksum is wrong): now history.json.damaged-1" in server.log
        assert "the history begins anew" in server.log
        assert server.chat()[0] == 200


async def test_a_history_that_cannot_be_written_is_told(tmp_path: Path, clock: FakeClock) -> None:
    """Where a snapshot that cannot be is told; the snapshot goes on, and it heals."""
    state = make(FakeUpstream(), clock).state
    memory = Persistence(tmp_path, state)
    memory._histories = Snapshots(tmp_path / "file", "history", HISTORY)
    (tmp_path / "file").write_text("in the way")
    await memory.save_history()
    await memory.save()
    assert state.snapshot == SnapshotStatus(at=clock.wall, error="File exists")
    (tmp_path / "file").unlink()
    await memory.save_history()
    assert state.snapshot == SnapshotStatus(at=clock.wall, error="")


def test_requests_are_recorded_where_told(folder: Path) -> None:
    """From the reload that says so to the one that does not; without their text."""
    path, record = folder / "config/gateway.yaml", folder / "records/requests.jsonl"
    with running(folder) as server:
        server.chat("second/m")
        path.write_text(TWO_A_DAY.replace("{snapshot:", "{record: {file: records/requests.jsonl}, snapshot:"), "utf-8")
        server.wait_for("configuration reloaded")
        _, headers, _ = server.chat("second/m", text="a secret question", max_tokens=7)
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
    [line] = record.read_bytes().splitlines()
    assert b"secret question" not in line
    found = msgspec.json.decode(line, type=Settled)
    assert (found.id, found.route, found.max_tokens) == (headers["x-request-id"], "second/m", 7)


def test_the_configuration_follows_the_file(folder: Path) -> None:
    """A good file is in force within 1.5 s, without a lost counter; a broken one changes nothing and is told."""
    path = folder / "config/gateway.yaml"
    mistake = "config/gateway.yaml:3:60: unknown limit 'request_per_day', did you mean 'requests_per_day'?"
    with running(folder) as server:
        server.chat()
        path.write_text(TWO_A_DAY.replace("requests_per_day: 2", "requests_per_day: 3"), "utf-8")
        server.wait_for("configuration reloaded")
        assert [server.chat()[1]["x-gateway-route"] for _ in range(3)] == ["first/m", "first/m", "second/m"]
        path.write_text(TWO_A_DAY.replace("requests_per_day", "request_per_day"), "utf-8")
        server.wait_for("configuration refused")
        server.wait_for(re.escape(mistake))
        health = orjson.loads(server.request("GET", "/health")[2])
        assert health["status"] == "degraded"
        assert health["config"]["error"] == [mistake]
        assert server.chat()[0] == 200
        path.write_text(TWO_A_DAY, "utf-8")
        server.wait_for("configuration reloaded")
        assert orjson.loads(server.request("GET", "/health")[2])["status"] == "healthy"


def test_a_key_that_appears_in_env_is_noticed(folder: Path) -> None:
    """No restart: `.env` is watched, whether it was there at the start or not."""
    (folder / "config/gateway.yaml").write_text("providers: {groq: {preset: groq}}\n", "utf-8")
    with running(folder) as server:
        assert b"groq" not in server.request("GET", "/v1/models")[2]
        (folder / ".env").write_text("GROQ_API_KEY=gsk_made_up\n", "utf-8")
        server.wait_for("configuration reloaded")
        assert b"groq/llama-3.3-70b-versatile" in server.request("GET", "/v1/models")[2]
        assert "gsk_made_up" not in server.log
