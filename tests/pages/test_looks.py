"""What holds for every page: dark and light, wide and narrow, with and without JavaScript."""

from collections.abc import Callable

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no py.typed

from gateway.state import State

from .conftest import Show
from .days import busy, calm, empty, first, reloaded

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAGES = [
    pytest.param(busy, "/?live=off", id="busy"),
    pytest.param(busy, "/?live=off&limits=all&next=code", id="all limits"),
    pytest.param(calm, "/?live=off", id="calm"),
    pytest.param(first, "/?live=off", id="first run"),
    pytest.param(empty, "/?live=off", id="empty"),
    pytest.param(busy, "/usage", id="usage"),
    pytest.param(busy, "/usage?window=24h&by=model&metric=latency", id="usage by model"),
    pytest.param(empty, "/usage", id="usage, empty"),
    pytest.param(reloaded, "/?live=off", id="reloaded"),
    pytest.param(busy, "/login", id="login"),
]
Day = Callable[[], State]


@pytest.mark.parametrize(("day", "path"), PAGES)
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
async def test_page_is_for_everybody(show: Show, day: Day, path: str, scheme: str, size: str) -> None:
    """No axe violation, nothing wider than the screen, nothing to complain about, nothing asked of anybody else."""
    shown = await show(day(), path, scheme=scheme, size=size)
    found = await Axe().run(shown.page)
    assert found.violations_count == 0, found.generate_report()
    assert await shown.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert shown.complaints == []
    assert [url for url in shown.asked if not url.startswith((shown.origin, "data:"))] == []


@pytest.mark.parametrize(
    ("scheme", "background"), [("dark", "rgb(14, 17, 22)"), ("light", "rgb(246, 247, 249)")], ids=["dark", "light"]
)
async def test_colours_follow_the_system(show: Show, scheme: str, background: str) -> None:
    """The stylesheet was loaded, and says both."""
    shown = await show(busy(), "/?live=off", scheme=scheme)
    assert await shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == background


@pytest.mark.parametrize(("day", "path"), PAGES)
async def test_page_is_complete_without_scripts(show: Show, day: Day, path: str) -> None:
    """The same text with JavaScript switched off."""
    with_scripts = await (await show(day(), path)).page.locator("main").inner_text()
    without = await (await show(day(), path, scripts=False)).page.locator("main").inner_text()
    assert _without_ports(without) == _without_ports(with_scripts)
    assert len(without) > 100


def _without_ports(text: str) -> list[str]:
    """Each server of these tests has a port of its own."""
    return [line for line in text.splitlines() if "127.0.0.1" not in line]
