"""A short way to compile a text, for the tests of this room."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.catalog.catalog import Catalog
from gateway.catalog.compile import compile_text
from gateway.errors import ConfigError, Problem
from gateway.price_list import PriceLists

FILE = "gateway.yaml"
NO_LISTS = PriceLists()


def compiled(
    text: str,
    *,
    env: Mapping[str, str] | None = None,
    presets: Mapping[str, str] | None = None,
    overrides: Mapping[str, tuple[Any, str]] | None = None,
    lists: PriceLists = NO_LISTS,
) -> Catalog:
    """The catalog of a text, with variables and presets out of dicts."""
    return compile_text(
        text,
        file=FILE,
        lookup=(env or {}).get,
        presets=presets or {},
        overrides=overrides,
        price_lists=lambda _: lists,
    )


def problems(text: str, **more: Any) -> tuple[Problem, ...]:
    """Everything that is wrong with a text."""
    with pytest.raises(ConfigError) as caught:
        compiled(text, **more)
    return caught.value.problems


def messages(text: str, **more: Any) -> list[str]:
    """The same as `line:column: message`."""
    return [f"{each.line}:{each.column}: {each.message}" for each in problems(text, **more)]
