"""A gateway and a provider for each test that asks for them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.processes import Running

from .provider import Provider
from .provider import provider as listening
from .serving import serving

Serve = Callable[[str], Running]


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that plays what it is told."""
    with listening() as one:
        yield one


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a gateway with this YAML; `tmp_path / "config/gateway.yaml"` is its file."""
    with ExitStack() as stack:
        yield lambda yaml: stack.enter_context(serving(tmp_path, yaml))
