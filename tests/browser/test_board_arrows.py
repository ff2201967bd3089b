"""Arrows on the whiteboard: curved, at right angles, bent by hand, with words on them, by two people at once."""

from __future__ import annotations

import re

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, Shape, box
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

#: an arrow from the right of one box to the left of another, which lies lower
STUCK: Shape = {"type": "arrow", "x": -100, "y": 0, "points": [[0, 0], [200, 100]], "from": "a", "to": "b"}
#: where that arrow is drawn: between (-144, -60) and (144, 60)
BOXES = {"a": box(-250, -100, fill="blue"), "b": box(150, 20, fill="green")}


def test_curved_and_at_right_angles(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "routes")
    page = board.page
    board.put(**BOXES, arrow=STUCK)
    board.until_drawn((0, 0))
    board.click(0, 0)
    page.get_by_role("button", name="Route elbow").click()
    board.until(lambda shapes: shapes["arrow"].get("route") == "elbow", "an elbow")
    # Out of the middle of one side, across in the middle, into the middle of the other side.
    board.until_drawn((-100, -60), (0, -30), (0, 30), (100, 60))
    board.until_drawn((-60, -25), (60, 25), expected=False)
    screenshot(page, "board-elbow")
    # Taken at its middle and pulled to the right.
    board.drag((0, 0), (80, 0))
    board.until(lambda shapes: shapes["arrow"].get("bend", 0) > 0.2, "pulled")
    board.until_drawn((80, -30), (80, 30))
    page.get_by_role("button", name="Route curved").click()
    board.until(
        lambda shapes: "bend" not in shapes["arrow"] and shapes["arrow"]["route"] == "curved", "curved as usual"
    )
    board.until_drawn((0, 0), expected=False)
    screenshot(page, "board-curved")
    # It follows what it sticks to, and is still a curve; the ends in the document are what they were.
    assert board.shape("arrow")["points"] == STUCK["points"]
    page.get_by_role("button", name="Route straight").click()
    board.until(lambda shapes: shapes["arrow"].get("route", "straight") == "straight", "straight again")
    board.until_drawn((0, 0))
    # The next arrow has the route that was chosen last.
    page.get_by_role("button", name="Route elbow").click()
    board.press("Escape", "a")
    board.drag((-200, 150), (0, 250))
    board.until(lambda shapes: len([s for s in shapes.values() if s.get("route") == "elbow"]) == 2, "as the last one")


def test_words_on_an_arrow(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    ann = Board(open_page, shared_server, "labels")
    ben = Board(open_page, shared_server, "labels", name="Ben", color_scheme="dark")
    ann.put(**BOXES, arrow={**STUCK, "route": "curved", "mine": 7})
    # The middle of the curve.
    middle = (-25, 80)
    ben.until_drawn(middle)
    ann.page.mouse.dblclick(*ann.at(*middle))
    field = ann.page.get_by_label("Text of the shape")
    expect(field).to_be_focused()
    ann.page.keyboard.type("depends on")
    ann.press("Escape")
    ann.until(lambda shapes: shapes["arrow"].get("text") == "depends on", "a label")
    # The other one writes in it, too: a click on the words is a click on the arrow.
    ben.click(middle[0] + 40, middle[1])
    expect(ben.page.locator(".board-spoken")).to_have_text(re.compile("Arrow: depends on"))
    ben.press("Enter")
    expect(ben.page.get_by_label("Text of the shape")).to_have_value("depends on")
    ben.press("End")
    ben.page.keyboard.type("!")
    ben.press("Escape")
    ann.until(lambda shapes: shapes["arrow"].get("text") == "depends on!", "by both")
    assert ann.shape("arrow")["mine"] == 7, "what others wrote there stays"
    ann.press("Escape")
    for board, name in ((ann, "light"), (ben, "dark")):
        board.press("Escape")
        board.page.wait_for_timeout(100)
        screenshot(board.page, f"board-label-{name}")
