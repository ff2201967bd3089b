"""What browser tests do on pages: look at the status, type, draw, ask the server behind them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import jwt
import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, WebSocketRoute, expect

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]

SECRET = "a secret of the tests, long enough for HS256"

#: a script for the page of somebody who has never been here
STRANGER = "if (location.protocol !== 'about:') localStorage.removeItem('collab:hint-dismissed')"
#: scripts that take a transport away from a page
NO_WEBSOCKET = """
    window.WebSocket = class {
        constructor() {
            setTimeout(() => { this.onerror?.(new Event('error')); this.onclose?.({ code: 1006, wasClean: false }) })
        }
        send() {}
        close() {}
    }
"""
STREAM_ONLY = """
    const open = XMLHttpRequest.prototype.open
    XMLHttpRequest.prototype.open = function (method, url, ...rest) {
        return open.call(this, method, String(url).includes('/socket.io/') ? '/blocked' : url, ...rest)
    }
"""


def words(page: Page) -> Any:
    """The words of the status pill."""
    return page.locator(".pill-words")


def saved(page: Page, timeout: float = 20.0) -> None:
    """Wait until the pill says that everything is on the server's disk."""
    everything = re.compile("^Saved")
    expect(words(page)).to_have_text(everything, timeout=timeout * 1000)
    # The pill follows within a frame (200 ms where frames do not come): before that it may speak of the edit before.
    page.evaluate(
        "() => new Promise((done) => { setTimeout(done, 250); requestAnimationFrame(() => requestAnimationFrame(done)) })"
    )
    expect(words(page)).to_have_text(everything, timeout=timeout * 1000)


def unsaved(page: Page) -> int:
    """The number of changes that the page says are not saved."""
    return int(page.locator(".pill").get_attribute("data-unsaved") or "0")


def write(page: Page, text: str) -> None:
    """Click into the text and type at its end."""
    page.locator(".ProseMirror").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def draw(page: Page, key: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press a tool's key and drag."""
    page.locator(".board").focus()
    page.keyboard.press(key)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    page.keyboard.press("Escape")


def shapes(page: Page) -> int:
    """How many shapes are on a board, as its inspector counts them."""
    if page.locator(".inspector").count() == 0:
        page.keyboard.press("Control+Alt+i")
        page.locator(".inspector summary", has_text="board").click()
    line = page.locator(".inspector summary", has_text="shapes").inner_text(timeout=10_000)
    found = re.search(r"Map\((\d+)\)", line)
    return int(found[1]) if found else 0


def expect_shapes(page: Page, count: int, timeout: float = 30.0) -> None:
    """Wait until a board has so many shapes."""
    shapes(page)
    line = page.locator(".inspector summary", has_text="shapes")
    expect(line).to_contain_text(f"Map({count})", timeout=timeout * 1000)


def wait_for(condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    """Wait until something is true; fail with ``what`` otherwise."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def until(page: Page, condition: str, *args: Any) -> None:
    """Wait until a JavaScript expression, or a function called with a list of ``args``, is true in a page.

    Not Playwright's own ``wait_for_function``: from its second look on it asks the page to evaluate a string, which
    the content security policy of our pages refuses.
    """
    wait_for(lambda: bool(page.evaluate(condition, list(args))), condition)


def opens_offline(page: Page) -> None:
    """Wait until the page itself is kept for a reload without a server, which its service worker sees to."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")


def token(lifetime: float = 600.0, role: str = "editor", name: str = "Ann", documents: str = "*") -> str:
    """A token that is valid for so many seconds, for the documents of a pattern."""
    claims = {
        "sub": name.lower(),
        "name": name,
        "exp": int(time.time() + lifetime),
        "grants": [{"documents": documents, "role": role}],
    }
    return jwt.encode(claims, SECRET, algorithm="HS256")


def operate(server: CollabServer, document: str, operations: list[dict[str, Any]]) -> None:
    """Edit a document as a script does."""
    request = Request(
        f"{server.url}/api/v1/documents/{document}/content",
        method="PATCH",
        headers={"Content-Type": "application/json"},
        data=json.dumps({"operations": operations}).encode(),
    )
    urlopen(request, timeout=30).close()


def content(server: CollabServer, document: str) -> Any:
    """What the server has of a document, as JSON."""
    address = f"{server.url}/api/v1/documents/{quote(document, safe='')}/content"
    with urlopen(address, timeout=30) as answer:
        return json.load(answer)


class Wire:
    """The WebSocket of a page, in the hands of a test. Make it before the page opens a document."""

    def __init__(self, page: Page) -> None:
        #: what of the server does not reach the page for now
        self.withheld: Callable[[str], bool] = lambda _message: False
        self._held: list[str | bytes] = []
        self._holding = False
        self._page: WebSocketRoute | None = None
        self._rewrite: Callable[[str], str] = lambda message: message
        page.route_web_socket(re.compile("/socket.io/"), self._open)

    def _open(self, route: WebSocketRoute) -> None:
        self._page = route
        server = route.connect_to_server()
        server.on_message(self._from_server)

    def _from_server(self, message: str | bytes) -> None:
        assert self._page is not None
        if isinstance(message, str):
            self._holding = self.withheld(message)
        # Attachments go the way of the text before them.
        if self._holding:
            self._held.append(message)
            return
        if isinstance(message, str):
            message = self._rewrite(message)
        self._page.send(message)

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Let the server say something else."""
        self._rewrite = change

    def release(self) -> None:
        """Let through what was withheld, if anything came yet, and withhold nothing more."""
        self.withheld = lambda _message: False
        # Also the attachments that are still on their way.
        self._holding = False
        for message in self._held:
            assert self._page is not None
            self._page.send(message)
        self._held.clear()

    def notice(self, document: str, code: str, **more: Any) -> None:
        """Say something to the page as if the server had."""
        assert self._page is not None
        notice = {"code": code, "message": f"What {code} means.", "retryable": True, **more}
        self._page.send(f"42/doc/{document},{json.dumps(['notice', notice])}")
