"""What a child is started for."""

import pickle
import subprocess
import sys
from pathlib import Path

from gateway.app.parcels import unpack
from gateway.configuration import Configuration, Loaded, shipped_prices
from tests.processes import environment

YAML = 'providers: {one: {base_url: "https://one.test/v1", api_key: "${KEY}", models: {m: {}}}}\n'


def test_it_answers_on_stdout(tmp_path: Path) -> None:
    """With what is in its own environment."""
    (tmp_path / "gateway.yaml").write_text(YAML, "utf-8")
    found = Configuration.find(tmp_path / "gateway.yaml", {}, tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", "from gateway.cli.compile import main; main()"],
        input=pickle.dumps((found.place, found.folder, found.options)),
        cwd=tmp_path,
        env=environment(tmp_path, {"KEY": "k"}),
        capture_output=True,
        check=True,
    )
    steps = unpack(ended.stdout, {"shipped prices": shipped_prices()})
    try:
        while True:
            next(steps)
    except StopIteration as end:
        loaded = end.value
    assert isinstance(loaded, Loaded)
    assert loaded.catalog.exact["one/m"][0].secret.reveal() == "k"
    assert ended.stderr == b""
