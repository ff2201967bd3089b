"""What belongs together on the whiteboard: groups, by one person and by two."""

from __future__ import annotations

import re

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, Shape, box, put
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect


def test_groups_by_mouse(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "groups")
    board.put(
        a=box(-200, -100, 100, 80, fill="red", mine=7),
        b=box(-50, -100, 100, 80, fill="blue"),
        c=box(150, 100, 100, 80, fill="green"),
    )
    spoken = board.page.locator(".board-spoken")
    board.click(-150, -60)
    board.page.keyboard.down("Shift")
    board.click(0, -60)
    board.page.keyboard.up("Shift")
    board.expect_selected(2)
    board.press("Control+g")
    board.until(lambda s: bool(s["a"].get("groups")) and s["a"]["groups"] == s["b"].get("groups"), "one group")
    assert board.shape("a")["mine"] == 7, "what others wrote there stays"
    assert "groups" not in board.shape("c")
    # One of them is taken, both move.
    board.press("Escape")
    board.click(200, 140)
    expect(spoken).to_have_text(re.compile("Rectangle, 3 of 3"))
    board.drag((-150, -60), (-150, 40))
    board.until_shape("a", x=-200, y=0)
    board.until_shape("b", x=-50, y=0)
    expect(spoken).to_have_text("2 of 3 selected, a group.")
    # A second click goes into the group, and what is dragged there moves alone.
    board.click(0, 40)
    expect(spoken).to_have_text(re.compile("Rectangle, 2 of 3"))
    screenshot(board.page, "board-in-group")
    board.drag((0, 40), (0, 140), keys="Control")
    board.until_shape("b", y=100)
    board.until_shape("a", y=0)
    board.press("Escape")
    expect(spoken).to_have_text("2 of 3 selected, a group.")
    # A copy is a group of its own.
    board.press("Control+d")
    board.until(lambda s: len(s) == 5 and len({tuple(shape.get("groups", ())) for shape in s.values()}) == 3, "a copy")
    board.press("Control+Shift+g")
    board.until(lambda s: sum("groups" in shape and bool(shape["groups"]) for shape in s.values()) == 2, "taken apart")
    board.press("Control+z")
    board.until(lambda s: sum(bool(shape.get("groups")) for shape in s.values()) == 4, "and back")


def test_groups_by_keys_and_by_two(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = Board(open_page, shared_server, "groups-of-two")
    ben = Board(open_page, shared_server, "groups-of-two", name="Ben")
    ann.put(a=box(-200, -100), b=box(-50, -100), c=box(100, -100), d=box(100, 100))
    spoken = ben.page.locator(".board-spoken")
    ann.drag((-300, -200), (60, 0))
    ann.expect_selected(2)
    ann.press("Control+g")
    ann.until(lambda s: bool(s["a"].get("groups")) and s["a"]["groups"] == s["b"].get("groups"), "a group of Ann's")
    # The other one walks from group to shape by keys.
    ben.press("Escape")
    for _ in range(100):
        # The edit may come after the selection.
        ben.press("Escape", "Enter")
        ben.page.wait_for_timeout(250)
        if "a group" in spoken.inner_text():
            break
    expect(spoken).to_have_text("2 of 4 selected, a group.")
    ben.press("Tab")
    expect(spoken).to_have_text(re.compile("Rectangle, 3 of 4"))
    ben.press("Shift+Tab")
    expect(spoken).to_have_text("2 of 4 selected, a group.")
    ben.press("Enter")
    expect(spoken).to_have_text(re.compile("Rectangle, 1 of 4"))
    ben.press("Tab")
    expect(spoken).to_have_text(re.compile("Rectangle, 2 of 4"))
    ben.press("ArrowDown")
    ann.until_shape("b", y=-99)
    ben.press("Escape")
    expect(spoken).to_have_text("2 of 4 selected, a group.")
    # A group around the group: taken apart, the inner one is still there.
    ben.page.keyboard.down("Shift")
    ben.click(150, -60)
    ben.page.keyboard.up("Shift")
    ben.expect_selected(3)
    ben.press("Control+g")
    ann.until(lambda s: len(s["a"]["groups"]) == 2 and len(s["c"].get("groups", [])) == 1, "a group in a group")
    assert ann.shape("a")["groups"][1] == ann.shape("c")["groups"][0]
    ben.press("Control+Shift+g")
    ann.until(lambda s: len(s["a"]["groups"]) == 1 and not s["c"].get("groups"), "the inner one alone")
    assert ann.shape("a")["groups"] == ann.shape("b")["groups"]


def test_frames_take_what_lies_in_them(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    board = Board(open_page, shared_server, "frames")
    page = board.page
    board.put(within=box(-200, -100, fill="red"), across=box(20, -60, 160, 80, fill="blue"), out=box(150, 120))
    board.press("f")
    board.drag((-250, -150), (100, 100), keys="Control")
    board.until(lambda s: any(shape["type"] == "frame" for shape in s.values()), "a frame")
    frame = board.only("frame")
    assert frame["text"] == "Frame 1"
    assert frame["index"] < min(
        shape.get("index", "a0") for shape in board.shapes().values() if shape["type"] != "frame"
    )
    expect(page.locator(".board-panel h2")).to_have_text("Frame")
    # What lies within it goes with it, what only touches it does not; the inside itself is free.
    board.press("Escape")
    board.drag((-250, 0), (-250, 50), keys="Control")
    board.until_shape("within", x=-200, y=-50)
    assert board.shape("across")["y"] == -60
    board.press("Escape")
    board.drag((-240, -90), (-60, 40))
    expect(page.locator(".board-panel h2")).to_have_text("Rectangle")
    # Its name is written above it.
    page.mouse.dblclick(*board.at(-235, -110))
    page.keyboard.type("To do")
    board.press("Escape")
    board.until(lambda s: any(shape.get("text") == "To do" for shape in s.values()), "named")
    screenshot(page, "board-frame")
    # A copy has copies in it; deleted, it leaves what is in it.
    board.press("Control+d")
    board.until(lambda s: len(s) == 6, "a copy with what is in it")
    board.press("Escape")
    board.click(-250, 20)
    expect(page.locator(".board-panel h2")).to_have_text("Frame")
    board.press("Delete")
    board.until(lambda s: len(s) == 5 and "within" in s, "without the frame")


def test_shapes_that_a_page_does_not_know_survive_it(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "of-tomorrow")
    board.put(a=box(-100, -100, groups=["g"], future={"field": 1}), b=box(50, -100, groups=["g"]))
    # A kind of shape that another build draws.
    tomorrow: Shape = {"type": "hologram", "x": 0, "y": 0, "w": 50, "h": 50, "depth": 3, "groups": ["g"]}
    put(shared_server, "of-tomorrow", {"tomorrow": tomorrow})
    board.press("Control+a")
    board.expect_selected(2)
    board.press("ArrowRight", "Control+Shift+g", "Alt+a", "Control+l", "Control+l", "Control+d")
    board.until(lambda s: len(s) == 5 and not s["a"].get("groups"), "edited and copied")
    assert board.shape("tomorrow") == tomorrow
    assert board.shape("a")["future"] == {"field": 1}
    board.press("Control+a")
    board.expect_selected(4)
    board.press("Delete")
    board.until(lambda s: list(s) == ["tomorrow"], "everything that is known is deleted")
    assert board.shape("tomorrow") == tomorrow
