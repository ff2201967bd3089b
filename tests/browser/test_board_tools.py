"""What the hands expect of a whiteboard beside its shapes: a tool that stays, the way back to what is drawn."""

from __future__ import annotations

import re

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, Shape, box
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


def test_aligning_and_distributing(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "aligned")
    page = board.page
    arrow: Shape = {"type": "arrow", "x": 0, "y": 0, "points": [[0, 0], [9, 9]], "from": "a", "to": "c"}
    board.put(
        a=box(-300, -150, 60, 60),
        b=box(-180, -90, 60, 60),
        c=box(200, 60, 100, 40),
        arrow=arrow,
        # Two that are one group.
        d=box(-20, 120, 40, 40, groups=["g"]),
        e=box(-20, 180, 40, 40, groups=["g"]),
    )
    board.press("Control+a")
    board.expect_selected(6)
    screenshot(page, "board-arrange")
    page.get_by_role("button", name="Align top").click()
    for id, y in (("a", -150), ("b", -150), ("c", -150), ("d", -150), ("e", -90)):
        board.until_shape(id, y=y)
    assert board.shape("arrow")["points"] == [[0, 0], [9, 9]], "an arrow that sticks follows by itself"
    page.get_by_role("button", name="Distribute across").click()
    # From -300 to 300 there are 260 units of shapes: 340 are left for three gaps.
    for id, x in (("a", -300), ("b", -300 + 60 + 340 / 3), ("d", -300 + 120 + 680 / 3), ("c", 200)):
        board.until_shape(id, x=x)
    board.press("Control+z")
    board.until_shape("b", x=-180)
    # By keys; a group stays as it is.
    board.press("Alt+s")
    for id, y in (("a", -110), ("c", -90), ("d", -150), ("e", -90)):
        board.until_shape(id, y=y)
    board.press("Alt+h")
    for id, x in (("a", -30), ("b", -30), ("c", -50), ("d", -20), ("e", -20)):
        board.until_shape(id, x=x)
    board.click(-300, 300)
    board.click(0, -80)
    expect(page.get_by_role("button", name="Align top")).to_be_hidden()


def test_the_context_menu(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "context-menu", permissions=["clipboard-read", "clipboard-write"])
    page = board.page
    menu = page.get_by_role("menu")
    board.put(a=box(-200, -100, fill="red"), b=box(-50, -100, fill="blue"))
    # On a shape it is about that shape.
    board.click(-150, -60, button="right")
    expect(menu).to_be_visible()
    expect(page.locator(".board-panel h2")).to_have_text("Rectangle")
    page.wait_for_timeout(100)
    screenshot(page, "board-context-menu")
    menu.get_by_role("menuitem", name="Bring to front").click()
    board.until(lambda s: s["a"].get("index", "a0") > s["b"].get("index", "a0"), "in front")
    expect(menu).to_be_hidden()
    # Copied and pasted with the mouse alone.
    board.click(-150, -60, button="right")
    menu.get_by_role("menuitem", name="Copy").click()
    board.click(100, 150, button="right")
    menu.get_by_role("menuitem", name="Paste").click()
    board.until(lambda s: len(s) == 3, "pasted")
    board.until(lambda s: any(abs(shape["x"] - 50) < 1 and abs(shape["y"] - 110) < 1 for shape in s.values()), "there")
    # By keys: the focus is in the menu, and then on the board again.
    board.press("Control+a")
    board.expect_selected(3)
    board.press("Shift+F10")
    expect(menu.get_by_role("menuitem", name="Cut")).to_be_focused()
    board.press("Escape")
    expect(page.locator(".board")).to_be_focused()
    board.expect_selected(3)
    board.press("ContextMenu")
    menu.get_by_role("menuitem", name="Group").press("Enter")
    board.until(lambda s: all(shape.get("groups") for shape in s.values()), "grouped")
    board.press("Shift+F10")
    menu.get_by_role("menuitem", name="Delete").click()
    board.until(lambda s: not s, "deleted")
    # Nowhere it is about the board.
    board.click(0, 0, button="right")
    expect(menu.get_by_role("menuitem", name="Show everything")).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Delete")).to_have_count(0)
    menu.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    board.press("Escape")
    expect(page.locator(".board")).to_be_focused()
