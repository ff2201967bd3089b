"""What the hands expect of a whiteboard beside its shapes: a tool that stays, the way back to what is drawn."""

from __future__ import annotations

import re

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, box
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect


def test_a_tool_that_is_kept(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "kept-tool")
    page = board.page
    lock = page.get_by_role("button", name="Keep the tool after drawing")
    rectangle = page.get_by_role("button", name="Rectangle", exact=True)
    expect(lock).to_have_attribute("aria-pressed", "false")
    board.press("q")
    expect(lock).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".board-spoken")).to_have_text("Tools stay after drawing.")
    board.press("r")
    for x in (-300, -150, 0):
        board.drag((x, -100), (x + 100, -20))
    board.until(lambda shapes: len(shapes) == 3, "three rectangles, one after the other")
    expect(rectangle).to_have_attribute("aria-pressed", "true")
    screenshot(page, "board-kept-tool")
    # Notes are written in, and the next click makes the next one.
    board.press("n")
    board.click(-200, 150)
    page.keyboard.type("one")
    board.click(100, 150)
    page.keyboard.type("two")
    board.press("Escape")
    expect(page.get_by_role("button", name="Note", exact=True)).to_have_attribute("aria-pressed", "true")
    board.until(lambda shapes: {"one", "two"} <= {shape.get("text") for shape in shapes.values()}, "two notes")
    # As before, when it is let go.
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "false")
    board.press("r")
    board.drag((150, -100), (250, -20))
    board.until(lambda shapes: len(shapes) == 6, "one more")
    expect(page.get_by_role("button", name="Select", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_way_back_to_what_is_drawn(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    board = Board(open_page, shared_server, "way-back")
    page = board.page
    back = page.get_by_role("button", name="Back to content")
    percent = page.locator(".board-percent")
    expect(back).to_be_hidden()
    # Two that are seen from between them: nothing is in view, though the view lies within all that is drawn.
    board.put(left=box(-3000, 0), right=box(3000, 0))
    expect(back).to_be_visible()
    page.wait_for_timeout(100)
    screenshot(page, "board-way-back")
    back.click()
    expect(back).to_be_hidden()
    expect(percent).to_have_text(re.compile(r"^1\d %$"))
    assert page.evaluate("document.activeElement.className").startswith("board"), "the keys are the board's again"
    page.mouse.move(*board.at(0, 0))
    page.mouse.wheel(0, 5000)
    expect(back).to_be_visible()
    board.press("Shift+Digit1")
    expect(back).to_be_hidden()
