"""The gateway as a process, with a configuration of the test's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.processes import Running, running


@contextmanager
def serving(folder: Path, yaml: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A gateway that serves `yaml` from `folder / "config/gateway.yaml"` on a free port until the block ends."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/gateway.yaml").write_text(yaml, "utf-8")
    with running(folder, env=env) as server:
        yield server
