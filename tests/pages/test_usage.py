"""The usage page, used."""

import re

import pytest
from playwright.async_api import expect

from .conftest import Show
from .days import busy, empty

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_choices_are_links_that_keep_the_rest(show: Show) -> None:
    """Window, split and measure stand in the address; without any script."""
    page = (await show(busy(), "/usage", scripts=False)).page
    await page.get_by_role("group", name="Window").get_by_role("link", name="24h").click()
    await page.get_by_role("group", name="Split by").get_by_role("link", name="model").click()
    await page.get_by_role("group", name="Measure").get_by_role("link", name="tokens").click()
    await expect(page).to_have_url(re.compile(r"/usage\?window=24h&by=model&metric=tokens$"))
    await expect(page.get_by_role("heading", name="Tokens per 15 minutes")).to_be_visible()
    await expect(page.get_by_role("img", name="Tokens per 15 minutes by model")).to_be_visible()


async def test_bars_are_drawn_in_the_colour_of_their_provider(show: Show) -> None:
    """The same one in chart and table."""
    page = (await show(busy(), "/usage", scheme="light")).page
    assert await page.locator(".chart path.s1").evaluate("each => getComputedStyle(each).fill") == "rgb(47, 98, 224)"
    row = page.get_by_role("row", name="groq")
    assert await row.locator(".key").evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(47, 98, 224)"


async def test_status_and_usage_lead_to_each_other(show: Show) -> None:
    """By the bar on top; and where nothing was served, the page says so."""
    page = (await show(empty(), "/?live=off")).page
    await page.get_by_role("link", name="Usage", exact=True).click()
    await expect(page.get_by_text(re.compile("No traffic: .* to 14:32 UTC"))).to_be_visible()
    await page.get_by_role("link", name="Status", exact=True).click()
    await expect(page).to_have_title("gateway · status")
