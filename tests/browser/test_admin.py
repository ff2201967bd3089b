"""The admin page with a busy house in it: fifty documents, people of all names, somebody who reads slowly."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.busy_house import DOCUMENTS, LONG, SLOW
from tests.support.repository import ROOT
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, Screenshot

DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def house() -> Iterator[CollabServer]:
    """A server with all of them in it."""
    server = CollabServer("memory://", args=["--rate-bytes", "1GiB", "--ping-interval", "1h"]).start()
    people = subprocess.Popen(
        [sys.executable, "-m", "tests.support.busy_house", server.url],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert people.stdout is not None
    assert people.stdout.readline() == "ready\n"
    yield server
    people.kill()
    people.communicate()
    server.kill()


def rows(page: Page, table: str) -> Any:
    return page.locator(f"#{table} tbody tr")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_fifty_documents_and_a_slow_reader_are_seen(
    house: CollabServer, open_page: OpenPage, screenshot: Screenshot, size: tuple[int, int], theme: str
) -> None:
    page = open_page(f"{house.url}/admin", size=size, color_scheme=theme)
    expect(page.locator("#documents-count")).to_have_text(f"{DOCUMENTS} of {DOCUMENTS}")
    expect(rows(page, "documents")).to_have_count(DOCUMENTS)
    slow = page.locator(".tile", has_text="slow readers")
    expect(slow).to_have_class(re.compile("warn"))
    expect(rows(page, "people").filter(has_text="Sloe").locator(".tag", has_text="slow")).to_have_count(1)
    name = f"admin-{'phone' if size == PHONE else 'desktop'}-{theme}"
    screenshot(page, name)
    page.locator("#people").scroll_into_view_if_needed()
    screenshot(page, f"{name}-people")
    page.locator("#recent").scroll_into_view_if_needed()
    screenshot(page, f"{name}-end")
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    # Nothing is cut off to the right of a table where nobody would scroll for it.
    for table in ("documents", "people"):
        wider = page.locator(f"#{table}").evaluate("(t) => t.parentElement.scrollWidth - t.parentElement.clientWidth")
        assert wider <= 0, table


def test_a_document_and_its_people_are_found(house: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{house.url}/admin", size=DESKTOP)
    page.locator("#find").fill("a chapter of")
    expect(rows(page, "documents")).to_have_count(1)
    expect(rows(page, "documents").locator("td.name")).to_have_attribute("title", LONG)
    page.locator("#find").fill(SLOW)
    expect(rows(page, "people").filter(has_text="Sloe")).to_have_count(1)
    page.locator("#find").fill("nobody of this name")
    expect(rows(page, "documents")).to_have_count(1)
    expect(rows(page, "documents").locator("td.empty")).to_be_visible()


def test_somebody_is_sent_away_after_a_question(house: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{house.url}/admin", size=DESKTOP)
    page.locator("#find").fill(LONG)
    expect(rows(page, "people")).to_have_count(1)
    before = rows(page, "people").locator("td").nth(0).inner_text()
    # Slowly: the page is drawn anew meanwhile, and the button is not taken away under the finger.
    rows(page, "people").get_by_role("button", name="Disconnect").hover()
    page.mouse.down()
    drawn = page.locator("#about").inner_text()
    expect(page.locator("#about")).not_to_have_text(drawn)
    page.mouse.up()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Disconnect {before}?")
    dialog.get_by_role("button", name="Disconnect").click()
    expect(page.locator("#toast")).to_contain_text("was disconnected")
    expect(rows(page, "people").locator("td.empty")).to_be_visible()
