"""A browser, and a gateway that shows one of the sample days."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from shutil import which

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright

from gateway.server import pages, routes
from gateway.server.headers import add_headers
from gateway.server.keys import STATE
from gateway.state import State

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WEB = Path(__file__).parents[2] / "web"
SIZES: dict[str, ViewportSize] = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}


class Shown:
    """A page in a tab of its own, and everything it complained about or asked for."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        self.complaints.append(message.text)


Show = Callable[..., Awaitable[Shown]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        # The last one is Playwright's own, which may not have been downloaded.
        found = next(filter(None, map(which, (*NAMES, playwright.chromium.executable_path))), None)
        if found is None:
            reason = f"no Chromium: none of {', '.join(NAMES)} is in PATH, and Playwright has none of its own"
            # Where nobody looks, a skipped test is a test that is gone.
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{reason}. The pages were not tested.")
        running = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="package")
async def show(browser: Browser) -> AsyncIterator[Show]:
    """A function that opens a path of a gateway with a given state."""
    servers: list[TestServer] = []

    async def open_(
        state: State, path: str = "/", *, scheme: str = "dark", size: str = "wide", scripts: bool = True
    ) -> Shown:
        app = web.Application()
        app[STATE] = state
        pages.setup(app, WEB)
        for route in routes.TABLE:
            if route.handler in {pages.status_page, pages.usage_page, pages.login_page, pages.static_file}:
                app.router.add_route(route.method, route.path, route.handler)
        app.on_response_prepare.append(add_headers)
        server = TestServer(app, access_log=None)
        await server.start_server()
        servers.append(server)
        context = await browser.new_context(
            color_scheme="light" if scheme == "light" else "dark", viewport=SIZES[size], java_script_enabled=scripts
        )
        shown = Shown(await context.new_page(), str(server.make_url("/")))
        await shown.page.goto(str(server.make_url(path)))
        return shown

    yield open_
    for context in browser.contexts:
        await context.close()
    for server in servers:
        await server.close()
