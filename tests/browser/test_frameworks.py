"""What `collab init` writes for applications: their page edits with the token that they mint, and they are short."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect
from pycrdt import Text

from collab.client.sync import connect
from tests.support.api import SECRET
from tests.support.ports import free_port
from tests.support.server import CollabServer
from tests.support.starts import COMMANDS, STARTS, application

SOON = 60.0
EDITOR = "textarea:not([disabled])"


def test_each_is_short() -> None:
    applications = [*STARTS.glob("*/*_app.*"), STARTS / "page.html"]
    assert len(applications) == len(COMMANDS) + 1
    for path in applications:
        assert len(path.read_text().splitlines()) < 80, path.name


def _says_how_to_come_in(browser: Browser, site: str) -> None:
    """The page, opened as a newcomer does: without saying who they are."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site)
    expect(page.locator("#status")).to_contain_text("Open this page with ?user=ann", timeout=30_000)
    context.close()


@pytest.mark.parametrize("kind", COMMANDS)
def test_people_edit_in_the_page(
    kind: str,
    start_server: Callable[..., CollabServer],
    open_page: Callable[..., Page],
    browser: Browser,
    tmp_path: Path,
) -> None:
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    server = start_server(args=["--auth", "jwt", "--jwt-secret", SECRET, "--cors-origins", site])

    def minted(user: str) -> str:
        with urlopen(f"{site}/token?user={user}") as answer:
            return str(json.load(answer)["token"])

    with application(kind, tmp_path / kind, server.url, port):
        deadline = time.monotonic() + SOON
        while True:
            try:
                with pytest.raises(HTTPError, match="403"):
                    minted("eve")
                break
            except URLError:
                assert time.monotonic() < deadline, "the application does not start"
                time.sleep(0.05)
        with connect(server.url, "notes", token=minted("bob")) as bob:
            assert bob.role == "viewer"
        with connect(server.url, "notes", token=minted("ann")) as ann:
            assert ann.role == "editor"
            body = ann.doc.get("body", type=Text)
            body += "hello"
            ann.saved(SOON)
            _says_how_to_come_in(browser, site)
            page = open_page(f"{site}/?user=ann")
            page.wait_for_selector(EDITOR)
            expect(page.locator("textarea")).to_have_value("hello")
            page.click("textarea")
            page.keyboard.press("End")
            page.keyboard.type(" world")
            ann.until(lambda: str(body) == "hello world", SOON)
            # What others insert moves the caret along.
            body.insert(0, "well, ")
            expect(page.locator("textarea")).to_have_value("well, hello world")
            page.keyboard.type("!")
            ann.until(lambda: str(body) == "well, hello world!", SOON)
