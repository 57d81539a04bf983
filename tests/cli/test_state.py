"""`llm-gateway state`, over a folder that a crash left."""

import shutil
from pathlib import Path

import orjson
import pytest

from gateway.cli.group import run
from gateway.clock import SystemClock
from tests.processes import running
from tests.storage.test_survey import crashed

CONFIG = """
server: {snapshot: {directory: state}}
providers:
  p:
    base_url: https://p.test/v1
    api_key: k
    models: {m: {price: {input: 1, output: 1}, limits: {requests_per_day: 1000, cost_per_month: 5}}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(CONFIG, "utf-8")
    return tmp_path


async def test_what_a_crash_left_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was under way beside what was used, money in dollars."""
    await crashed(here / "state", CONFIG, SystemClock())
    assert run(["state", "state", "--config", "gateway.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "state"
    assert lines[1].startswith("  state.json  format 2, snapshot 1, 0 s old, followed by journal 1")
    assert lines[2:] == [
        "  journal.1   4 records",
        "",
        "4 changes after the snapshot, 0 of limits that nobody knows",
        "  model:p/m:cost_per_month    $0.50 of $5.00 used, $1.00 held",
        "  model:p/m:requests_per_day  1 of 1,000 used, 1 held",
    ]
    assert run(["state", "state", "--config", "gateway.yaml", "--json"]) == 0
    found = orjson.loads(capsys.readouterr().out)
    assert [(each["used"], each["held"]) for each in found["limits"]] == [(500_000_000, 1_000_000_000), (1, 1)]


def test_where_nothing_is_it_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["state", str(here / "nothing"), "--config", "gateway.yaml"]) == 0
    assert capsys.readouterr().out == f"{here / 'nothing'}: nothing is remembered.\n"


def test_without_a_folder_it_is_the_one_of_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside `config/`; a running gateway is not disturbed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/gateway.yaml").write_text("providers: {demo: {type: echo, models: {m: {}}}}\n", "utf-8")
    with running(tmp_path) as server:
        server.chat("demo/m")
        assert run(["state", "--config", "config/gateway.yaml"]) == 0
        assert server.chat("demo/m")[0] == 200
    shutil.rmtree(tmp_path / "snapshots")
