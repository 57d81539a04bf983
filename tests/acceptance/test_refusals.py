"""What the gateway refuses, it refuses in one clear line: at the start, over HTTP, and in `check`."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest

from tests.processes import Running, environment, running, start

TEN_MISTAKES = """\
server:
  prt: 3000
  log_level: loud
  request_timeout: soon
  paid: sometimes
providers:
  one:
    base_url: ftp://127.0.0.1/v1
    api_key: made-up
    limits: {requests_per_fortnight: 5}
    models:
      m: {grade: 101}
      m: {}
meta_models:
  base: {targets: [one/n], strategy: best}
"""

GUARDED = """\
server: {admin_token: the-admin-token}
clients:
  aider: {key: the-client-key}
providers:
  demo: {type: echo, models: {echo: {price: free}}}
"""


def refused_start(folder: Path, *args: str) -> tuple[int, str]:
    """Exit code and log of a start that fails."""
    failing = start(folder, *args)
    code = failing.ended()
    assert failing.process.stderr
    failing.process.stderr.close()
    return code, failing.log


def check(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`llm-gateway check args`, to its end."""
    command = [sys.executable, "-m", "gateway", "check", *args]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=20, check=False
    )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with one client and an admin token."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "gateway.yaml").write_text(GUARDED, "utf-8")
    with running(folder, "--config", "gateway.yaml") as server:
        yield server


def error(answer: tuple[int, Mapping[str, str], bytes]) -> tuple[int, dict[str, object]]:
    """Status and error of an answer that is one, in OpenAI's envelope and with a message of one line."""
    status, headers, body = answer
    assert headers["content-type"].startswith("application/json")
    found: dict[str, object] = orjson.loads(body)["error"]
    assert set(found) >= {"message", "type", "param", "code"}
    assert "\n" not in str(found["message"])
    return status, found


def test_a_second_process_on_the_snapshots(guarded: Running, tmp_path: Path) -> None:
    """Another configuration on another port, but the same folder: two would cross every limit twice."""
    [lock] = Path(f"/proc/{guarded.process.pid}/cwd").resolve().rglob(".lock")
    (tmp_path / "second.yaml").write_text(f"server: {{snapshot: {{directory: {lock.parent}}}}}\n", "utf-8")
    code, log = refused_start(tmp_path, "serve", "--config", "second.yaml", "--port", "0")
    assert code == 1
    assert log == (
        f"llm-gateway: {lock.parent} is in use by process {guarded.process.pid}: stop that one first, "
        "or give this one a folder of its own in server.snapshot.directory.\n"
    )
    assert guarded.request("GET", "/livez")[0] == 200


def test_a_taken_port(tmp_path: Path) -> None:
    """By a program that is no gateway."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, log = refused_start(tmp_path, "serve", "--port", str(port))
    assert code == 1
    assert log == (
        f"llm-gateway: 127.0.0.1:{port} is taken by another program: stop that one, "
        "or choose another port with --port or PORT.\n"
    )


@pytest.mark.parametrize("verb", [("serve", "--config"), ("check",)], ids=["serve", "check"])
def test_a_missing_file(tmp_path: Path, verb: tuple[str, ...]) -> None:
    """The whole path, so that a wrong working directory shows, and what to do."""
    code, log = refused_start(tmp_path, *verb, "nowhere.yaml")
    assert code == 78
    [line] = log.splitlines()
    assert line.startswith(f"llm-gateway: {tmp_path}/nowhere.yaml ")
    assert "is not a file: correct the path" in line


def test_check_shows_every_one_of_ten_mistakes(tmp_path: Path) -> None:
    """Each with its place, its line and a caret; exit code 78."""
    (tmp_path / "ten.yaml").write_text(TEN_MISTAKES, "utf-8")
    done = check(tmp_path, "ten.yaml")
    assert done.returncode == 78
    places = [line.split(": error: ", 1) for line in done.stdout.splitlines() if ": error: " in line]
    assert [place for place, _ in places] == [
        "ten.yaml:2:3",
        "ten.yaml:3:14",
        "ten.yaml:4:20",
        "ten.yaml:5:9",
        "ten.yaml:8:15",
        "ten.yaml:10:14",
        "ten.yaml:12:18",
        "ten.yaml:13:7",
        "ten.yaml:15:20",
        "ten.yaml:15:38",
    ]
    assert places[0][1] == "unknown key 'prt', did you mean 'port'?"
    assert "      prt: 3000\n      ^^^\n" in done.stdout
    assert done.stdout.endswith("10 errors\n")
    assert done.stderr == ""


def test_serve_refuses_the_same_file_in_the_same_words(tmp_path: Path) -> None:
    """One validator: what `check` prints is what a start says."""
    (tmp_path / "ten.yaml").write_text(TEN_MISTAKES, "utf-8")
    code, log = refused_start(tmp_path, "serve", "--config", "ten.yaml", "--port", "0")
    assert code == 78
    assert log == check(tmp_path, "ten.yaml").stdout


@pytest.mark.parametrize("path", ["/", "/health", "/v1/models", "/usage/current"])
def test_a_foreign_host(guarded: Running, path: str) -> None:
    """DNS rebinding: whoever asks under another name gets nothing, with the right keys too."""
    keys = {"Authorization": "Bearer the-client-key", "x-admin-token": "the-admin-token"}
    status, found = error(guarded.request("GET", path, headers={"Host": "gateway.attacker.example", **keys}))
    assert (status, found["code"]) == (421, "unknown_host")
    assert "server.hosts" in str(found["message"])


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"x-api-key": "wrong"}, {"x-admin-token": "the-admin-token"}],
    ids=["none", "wrong bearer", "wrong x-api-key", "the admin's"],
)
def test_a_wrong_client_key(guarded: Running, headers: Mapping[str, str]) -> None:
    """Only the keys of `clients` open inference; the line says how to send one, and does not repeat the wrong one."""
    body = {"model": "demo/echo", "messages": [{"role": "user", "content": "hi"}]}
    status, found = error(guarded.request("POST", "/v1/chat/completions", body, headers))
    assert (status, found["type"], found["code"]) == (401, "authentication_error", "invalid_api_key")
    assert "No client has this key" in str(found["message"])
    assert "wrong" not in str(found["message"])
    right = {"Authorization": "Bearer the-client-key"}
    assert guarded.request("POST", "/v1/chat/completions", body, right)[0] == 200


@pytest.mark.parametrize("path", ["/", "/usage/current", "/usage/requests", "/config"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"x-admin-token": "wrong"}, {"Authorization": "Bearer the-client-key"}],
    ids=["none", "wrong", "a client's"],
)
def test_a_wrong_admin_token(guarded: Running, path: str, headers: Mapping[str, str]) -> None:
    """On loopback too, once a token is set."""
    status, found = error(guarded.request("GET", path, headers=headers))
    assert (status, found["code"]) == (401, "invalid_api_key")
    assert "This needs the admin token" in str(found["message"])
    assert guarded.request("GET", path, headers={"x-admin-token": "the-admin-token"})[0] == 200


def test_refusals_are_lines_in_the_log_without_the_keys(guarded: Running) -> None:
    """What was tried as a key may be the key of something else."""
    secret = "sk-of-something-else"
    reply = guarded.request("GET", "/v1/models", headers={"Authorization": f"Bearer {secret}"})
    assert reply[0] == 401
    line = guarded.wait_for(rf".*id={reply[1]['x-request-id']} .*")[0]
    assert "status=401 outcome=invalid_api_key" in line
    assert secret not in guarded.log
    assert "the-client-key" not in guarded.log
    assert "the-admin-token" not in guarded.log
