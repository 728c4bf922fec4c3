"""A real Chromium in front of the console: the system's own one, never a downloaded one."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from playwright.async_api import ConsoleMessage, Page, async_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_OPTIONS = (
    # Tests run as root in containers, where Chromium's own sandbox cannot be set up.
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

# Every text's contrast with what is behind it, as WCAG 2.2, 1.4.3 has it; returns those that have too little.
_TOO_FAINT = """() => {
  const rgba = (text) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .unseen, .skip")) return false;
    const style = getComputedStyle(element);
    const [text, ground] = [light(rgba(style.color)), light(behind(element))];
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    return contrast < (isLarge ? 3 : 4.5);
  }).map((element) => `${element.tagName}.${element.className}: ${element.textContent.trim().slice(0, 40)}`);
}"""


@asynccontextmanager
async def a_page(url: str, *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> AsyncIterator[Page]:
    """A page of a browser of its own. Fails at the end when a script failed, or the page's policy forbade something."""
    assert CHROMIUM is not None
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        try:
            context = await browser.new_context(
                base_url=url, viewport={"width": width, "height": 860}, color_scheme=scheme
            )
            page = await context.new_page()
            page.on("console", note)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield page
        finally:
            await browser.close()
    assert complaints == []


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus, and shows it."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        here = await page.evaluate("document.activeElement.innerText ?? ''")
        if here.strip().startswith(name):
            assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


async def overflow(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def broken_ids(page: Page) -> list[str]:
    """Short ids at the head of a table's row that stand on more than one line."""
    found: list[str] = await page.evaluate(
        "[...document.querySelectorAll('th .id')].filter(id => id.getClientRects().length > 1).map(id => id.innerText)"
    )
    return found


async def too_faint(page: Page) -> list[str]:
    """Texts with too little contrast."""
    found: list[str] = await page.evaluate(_TOO_FAINT)
    return found
