"""`llm-gateway route`, against a gateway that runs."""

from collections.abc import Iterator
from pathlib import Path

import click
import orjson
import pytest

from gateway.cli.group import run
from gateway.cli.route import summary, table
from tests.processes import Running, running

CONFIG = """
server: {admin_token: töken, paid: opt_in}
clients:
  aider: {key: schlüssel, paid: never}
providers:
  demo: {type: echo, models: {echo: {price: free, limits: {requests_per_day: 1}}}}
  paid: {base_url: "http://127.0.0.1:9/v1", api_key: k, models: {big: {price: {input: 1, output: 2}}}}
  none: {base_url: "http://127.0.0.1:9/v1", api_key: "${NOT_SET:-}", models: {m: {price: free}}}
meta_models:
  base: {targets: [paid/big, none/m]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with clients, an admin token and a limit of one request a day."""
    folder = tmp_path_factory.mktemp("route")
    (folder / "gateway.yaml").write_text(CONFIG, "utf-8")
    with running(folder, "--config", "gateway.yaml") as server:
        yield server


@pytest.fixture
def here(server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options that lead to it from an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(CONFIG, "utf-8")
    return ["--config", "gateway.yaml", "--port", str(server.port)]


def test_every_target_stands_in_a_table(here: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As the admin, with what keeps each; the columns stand one under the other."""
    assert run(["route", "base", *here]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "#  target    verdict   used  opens in  why",
        "1  none/m    left out                  no_key: NOT_SET is not set",
        "2  paid/big  left out                  paid: costs money, which needs the header x-gateway-paid: yes",
        "Nobody can answer a prompt of 4 tokens now.",
    ]


def test_who_would_answer_is_named(here: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With what it has left, for a prompt of the length that was given."""
    assert run(["route", "echo", "--tokens", "9000", *here]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "#  target     verdict  used    opens in  why",
        "1  demo/echo  chosen   0 of 1            free_first: free, 1 of 1 left today",
        "demo/echo would answer a prompt of 9,000 tokens: 10,518 tokens held, $0 expected.",
    ]


def test_as_a_client_its_rules_apply(here: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One of the configuration, by name."""
    assert run(["route", "big", "--client", "aider", "--json", *here]) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert (told["client"], told["targets"][0]["text"]) == ("aider", "costs money, and only free models are allowed")
    assert run(["route", "big", "--client", "nobody", *here]) == 2
    assert "no client is called 'nobody'; the configuration has: aider." in capsys.readouterr().err


def test_a_name_that_nothing_serves(here: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What the gateway says of it, exit code 1; as JSON too."""
    assert run(["route", "bsae", *here]) == 1
    assert "Error: No model or meta-model is called 'bsae'. Closest: base" in capsys.readouterr().err
    assert run(["route", "bsae", "--json", *here]) == 1
    assert orjson.loads(capsys.readouterr().out)["error"]["code"] == "model_not_found"


def test_a_token_that_is_not_the_gateways_is_refused(here: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The file changed, and the gateway that runs has another one."""
    Path("gateway.yaml").write_text(CONFIG.replace("töken", "other"), "utf-8")
    assert run(["route", "base", *here]) == 1
    assert capsys.readouterr().err == (
        "Error: This needs a client's key as Authorization: Bearer, x-api-key or x-goog-api-key, "
        "or the admin token as x-admin-token.\n"
    )


def test_without_a_token_it_comes_as_anybody(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which does where the gateway is open; this one is not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["route", "base", "--port", str(server.port)]) == 1
    assert "This needs a client's key" in capsys.readouterr().err


def test_without_a_gateway_it_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit code 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["route", "base", "--host", "127.0.0.1", "--port", "9"]) == 1
    told = capsys.readouterr().err
    assert told == (
        "Error: No gateway runs at http://127.0.0.1:9. Start it with `llm-gateway serve`, "
        "or say where it is with --host and --port.\n"
    )


def test_columns_are_for_people() -> None:
    """Numbers with commas, times as spans, nothing where nothing is known."""
    row = {"place": 1, "id": "a/m", "rule": "cost_per_day", "text": "$1.25 of $5.00 today"}
    known = {**row, "verdict": "left_out", "used": 12_000, "amount": 1.25, "opens_at": "2026-01-31T23:59:30.000Z"}
    over = {**row, "verdict": "not_needed", "used": None, "amount": None, "opens_at": "2026-01-31T22:00:00.000Z"}
    assert click.unstyle(table([known, over], 1769900370.0)).splitlines() == [
        "#  target  verdict     used            opens in  why",
        "1  a/m     left out    12,000 of 1.25  1 h       cost_per_day: $1.25 of $5.00 today",
        "1  a/m     not needed                  0 s       cost_per_day: $1.25 of $5.00 today",
    ]


def test_an_unknown_price_is_said() -> None:
    """It is not zero."""
    targets = [{"id": "a/m", "verdict": "chosen", "opens_at": None}]
    told = {"targets": targets, "tokens": {"estimated": 4, "reserved": 516}, "cost_usd": None}
    assert summary(told) == "a/m would answer a prompt of 4 tokens: 516 tokens held, an unknown amount expected."


def test_a_wait_is_said() -> None:
    """Who is chosen opens later."""
    targets = [{"id": "a/m", "verdict": "chosen", "opens_at": "2026-01-31T23:59:30.000Z"}]
    told = {"targets": targets, "tokens": {"estimated": 4, "reserved": 516}, "cost_usd": 0.0}
    assert summary(told) == (
        "a/m would answer a prompt of 4 tokens, after waiting in line: 516 tokens held, $0 expected."
    )
