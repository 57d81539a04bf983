"""The YAML of a running gateway is replaced in every way there is, whole and broken, while a stream runs."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests import fakes, saving
from tests.fakes import DONE, HI, ROLE, STOP
from tests.processes import Running, running

from .provider import Held, Provider

YAML = """\
# edition {n}
providers:
  one:
    base_url: {url}
    limits: {{requests_per_day: {n}000}}
    models:
      m: {{aliases: [edition-{n}]}}
meta_models:
  base: {{targets: [one/m]}}
"""


@pytest.fixture
def server(tmp_path: Path, provider: Provider) -> Iterator[Running]:
    """It looks at its files fifty times a second."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/gateway.yaml").write_text(YAML.format(n=1, url=provider.url), "utf-8")
    with running(tmp_path, command=(sys.executable, "-m", "tests.eager")) as server:
        yield server


def test_whatever_editors_and_tools_do(server: Running, provider: Provider, tmp_path: Path) -> None:
    """Each good save is in force, each bad one is refused, the stream goes on, and nothing that was used is lost."""
    held = Held()
    provider.plays("m", fakes.stream(ROLE, HI, held, STOP, DONE), *[fakes.chat()] * 100)
    bodies: list[bytes] = []
    client = threading.Thread(target=lambda: bodies.append(server.chat(stream=True)[2]))
    client.start()
    provider.wait(1)
    path = tmp_path / "config/gateway.yaml"
    for n, save in enumerate(saving.WAYS, 2):
        good = YAML.format(n=n, url=provider.url).encode()
        if n % 3 == 0:
            save(path, good.replace(b"limits", b"limit"), 0.005)
            server.wait_for("unknown key 'limit'")
            assert server.chat(f"edition-{n - 1}")[0] == 200
        save(path, good, 0.005)
        told = server.wait_for(r"changed: one requests_per_day (\S+) -> (\S+), (\d+) used kept")
        assert int(told[3]) == len(provider.asked())
        assert server.chat(f"edition-{n}")[0] == 200
    held.open()
    client.join(20)
    assert bodies == [ROLE + HI + STOP + DONE]
    (limit,) = orjson.loads(server.request("GET", "/usage/current")[2])["limits"]
    assert (limit["amount"], limit["used"]) == (11_000, len(provider.asked()))


def test_an_emptied_or_deleted_file_serves_on(server: Running, provider: Provider, tmp_path: Path) -> None:
    """A full disk leaves an empty file: by itself it would be a configuration without a single model."""
    path = tmp_path / "config/gateway.yaml"
    for lose, said in ((lambda: path.write_bytes(b""), "is empty"), (path.unlink, "is gone")):
        lose()
        server.wait_for(f"gateway.yaml: {said}: the configuration in force stays")
        assert server.chat()[0] == 200
    assert orjson.loads(server.request("GET", "/health")[2])["status"] == "degraded"
    path.write_text(YAML.format(n=2, url=provider.url), "utf-8")
    server.wait_for("configuration reloaded, changes: 3")
    health = orjson.loads(server.request("GET", "/health")[2])
    assert (health["status"], health["config"]["changes"]) == ("healthy", 3)
    assert "Configuration reloaded at" in server.request("GET", "/")[2].decode()
    assert "alias one/edition-2 of one/m added" in server.request("GET", "/")[2].decode()
