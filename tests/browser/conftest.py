"""Chromium, pages of different people, and what every page must not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = os.environ.get("COLLAB_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
OUTPUT = Path(__file__).parents[1] / "output" / "browser"
#: so many milliseconds until a page paints, as on a machine that has other things to do
SLOW_FRAMES = int(os.environ.get("COLLAB_TEST_SLOW_FRAMES", "0"))

#: what a browser says by itself when a server is away, or has no such route
_EXPECTED = (
    "net::ERR_",
    "WebSocket connection to",
    "Failed to load resource",
    "An unknown error occurred when fetching the script",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests are left out where it or Playwright is missing.

    One per module: while it lives, asyncio takes this thread for one with a running loop.
    """
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    # Where many things run at once, a server's first worker process alone takes seconds to start.
    sync_api.expect.set_options(timeout=30_000)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages, each of a person of its own; ``name`` is what others call them.

    ``beside`` is a page of the same browser, with the same storage: another tab of it.

    A page that throws, or whose content security policy had to stop something, fails the test.
    """
    contexts: list[Any] = []
    faults: list[str] = []

    def open_one(
        url: str,
        *,
        name: str = "Ann",
        size: tuple[int, int] = (1280, 800),
        init_script: str | None = None,
        beside: Page | None = None,
        **options: Any,
    ) -> Page:
        if beside is not None:
            return follow(beside.context.new_page(), name, url)
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        context.add_init_script(
            f"""if (location.protocol !== 'about:' && !localStorage.getItem('collab:me')) {{
                localStorage.setItem('collab:me', JSON.stringify({{ id: {name!r}, name: {name!r} }}))
                localStorage.setItem('collab:hint-dismissed', '1')
            }}"""
        )
        if SLOW_FRAMES:
            context.add_init_script(
                f"window.requestAnimationFrame = (paint) => setTimeout(() => paint(performance.now()), {SLOW_FRAMES});"
                "window.cancelAnimationFrame = clearTimeout"
            )
        if init_script is not None:
            context.add_init_script(init_script)
        return follow(context.new_page(), name, url)

    def follow(page: Page, name: str, url: str) -> Page:
        page.on("pageerror", lambda error: faults.append(f"{name}: {error}"))
        page.on("console", lambda message: _note(message, name, faults))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


#: what a library only warns of, and loses something by
_WARNINGS = ("Changed the client-id",)


def _note(message: Any, name: str, faults: list[str]) -> None:
    if any(words in message.text for words in _WARNINGS):
        faults.append(f"{name}: {message.text}")
    if message.type == "error" and not any(words in message.text for words in _EXPECTED):
        faults.append(f"{name}: {message.text}")


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keep a picture of a page among the build's output, for people to look at."""

    def take(page: Page, name: str) -> None:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=OUTPUT / f"{name}.png")

    return take
