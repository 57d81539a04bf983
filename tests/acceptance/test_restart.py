"""What a restart remembers: all of it after SIGTERM, and after SIGKILL what the last snapshot held."""

import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.storage.snapshot import decode
from tests import fakes
from tests.processes import Running

from .provider import Provider
from .serving import serving

YAML = """\
server: {{snapshot: {{every: {every}}}}}
clients:
  aider: {{key: of-aider, limits: {{requests_per_day: 100}}}}
providers:
  one:
    base_url: {url}
    api_keys: {{home: key-of-home, work: key-of-work}}
    rotation: round_robin
    limits:
      requests_per_day: 3
      requests_per_24h: 1000
      tokens_per_month: {{amount: 1M, algorithm: bucket}}
      cost_per_week: 1.00
    models:
      m: {{price: {{input: 0, output: 0, request: 0.01}}}}
  busy: {{base_url: {url}, api_key: made-up, models: {{full: {{}}, gone: {{}}}}}}
  refused: {{base_url: {url}, api_key: made-up, models: {{stranger: {{}}}}}}
"""
LIMITS = {
    ("one#home", "requests", "day"): 2,
    ("one#work", "requests", "day"): 2,
    ("one#home", "requests", "24h"): 2,
    ("one#work", "requests", "24h"): 2,
    ("one#home", "tokens", "month"): 24,
    ("one#work", "tokens", "month"): 24,
    ("one", "cost", "week"): 0.04,
    ("aider", "requests", "day"): 4,
}
"""What four answers of 7 and 5 tokens, two on each key, leave behind. Errors cost the client nothing."""

COOLDOWNS = {"busy/full": 3000, "busy/gone": 3600, "refused": 600}
"""Who rests after a 429 with a hint, a 404 and a 401, and for how many seconds."""


def ask(server: Running, model: str) -> int:
    """The status of one request by the client."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return server.request("POST", "/v1/chat/completions", body, {"Authorization": "Bearer of-aider"})[0]


def spend(server: Running, provider: Provider) -> None:
    """Four answers and three failures."""
    provider.plays("full", fakes.refusal(429, headers={"retry-after": "3000"}))
    provider.plays("gone", fakes.refusal(404))
    provider.plays("stranger", fakes.refusal(401))
    assert [ask(server, "one/m") for _ in range(4)] == [200] * 4
    assert [ask(server, name) for name in ("busy/full", "busy/gone", "refused/stranger")] == [429, 502, 503]


def current(server: Running) -> dict[str, Any]:
    """What `/usage/current` says."""
    found: dict[str, Any] = orjson.loads(server.request("GET", "/usage/current")[2])
    return found


def used(server: Running) -> dict[tuple[str, str, str], float]:
    """By scope, unit and window, what stands as used."""
    return {(row["scope"], row["unit"], row["window"]): row["used"] for row in current(server)["limits"]}


def resting(server: Running) -> dict[str, float]:
    """By model, provider or key, until when it rests, in Unix seconds."""
    rows = current(server)["cooldowns"]
    return {row["id"].partition("#")[0]: datetime.fromisoformat(row["until"]).timestamp() for row in rows}


def check_memory(again: Running, provider: Provider, before: dict[str, float]) -> None:
    """The second process goes on where the first one was."""
    assert used(again) == LIMITS
    assert resting(again) == pytest.approx(before, abs=0.1)
    reached = len(provider.asked())
    assert [ask(again, name) for name in ("busy/full", "busy/gone", "refused/stranger")] == [429, 503, 503]
    assert len(provider.asked()) == reached
    # Three a day on each of two keys: two are left.
    assert [ask(again, "one/m") for _ in range(3)] == [200, 200, 429]
    assert len(provider.asked("m")) == 6


def wait_until_written(path: Path) -> None:
    """Until a snapshot holds all that `spend` did."""
    deadline = time.perf_counter() + 20
    while time.perf_counter() < deadline:
        if path.is_file():
            state = orjson.loads(decode(path.read_bytes()).body)
            if len(state["cooldowns"]) == len(COOLDOWNS) and len(state["ledger"]) == len(LIMITS):
                return
        time.sleep(0.02)
    raise AssertionError(f"{path} holds {path.read_bytes()!r}")


def test_sigterm_and_a_start_keep_counters_and_cooldowns(tmp_path: Path, provider: Provider) -> None:
    """Every kind of window, for provider, key and client, and every cooldown to its moment: a snapshot comes last."""
    yaml = YAML.format(url=provider.url, every="1h")
    with serving(tmp_path, yaml) as server:
        spend(server, provider)
        assert used(server) == LIMITS
        before = resting(server)
        assert set(before) == set(COOLDOWNS)
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
    with serving(tmp_path, yaml) as again:
        assert "state restored" in again.log
        check_memory(again, provider, before)


def test_sigkill_keeps_what_the_snapshot_held(tmp_path: Path, provider: Provider) -> None:
    """No last act: what was written at the last interval is there, whole."""
    yaml = YAML.format(url=provider.url, every="0.2s")
    with serving(tmp_path, yaml) as server:
        spend(server, provider)
        before = resting(server)
        wait_until_written(tmp_path / "snapshots/state.json")
        server.process.kill()
        assert server.ended() == -signal.SIGKILL
    with serving(tmp_path, yaml) as again:
        check_memory(again, provider, before)


def test_a_snapshot_cut_in_half_falls_back_to_the_one_before(tmp_path: Path, provider: Provider) -> None:
    """It is set aside and named in the log, and the previous one is used: no start without memory."""
    yaml = YAML.format(url=provider.url, every="0.2s")
    with serving(tmp_path, yaml) as server:
        spend(server, provider)
        before = resting(server)
        wait_until_written(tmp_path / "snapshots/state.json")
        assert ask(server, "busy/full") == 429
        wait_until_written(tmp_path / "snapshots/state.prev.json")
        server.process.kill()
        server.ended()
    snapshot = tmp_path / "snapshots/state.json"
    snapshot.write_bytes(snapshot.read_bytes()[:-100])
    with serving(tmp_path, yaml) as again:
        assert "state.json is damaged" in again.log
        assert (tmp_path / "snapshots/state.json.damaged-1").is_file()
        check_memory(again, provider, before)
