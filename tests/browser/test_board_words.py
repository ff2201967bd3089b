"""Words on the board have room: typed here, typed elsewhere, on the map, in what is exported."""

from __future__ import annotations

import re

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, box, put
from tests.browser.pages import saved, wait_for, words
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

_LONG = "These are many more words than a note of the usual size has room for, so it grows with them, line by line. "


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shapes_grow_with_their_words(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot, scheme: str
) -> None:
    name = f"words-{scheme}"
    shapes = {
        "note": {"type": "note", "x": -520, "y": -200, "w": 200, "h": 200, "text": _LONG * 2},
        "box": box(-280, -200, 160, 60, text=_LONG, stroke="blue", fill="blue"),
        "round": {"type": "ellipse", "x": -60, "y": -200, "w": 180, "h": 80, "text": _LONG[:90], "fill": "green"},
        "diamond": {
            "type": "diamond",
            "x": 180,
            "y": -200,
            "w": 160,
            "h": 100,
            "text": "Donaudampfschiff",
            "fill": "red",
        },
        "tiny": box(400, -200, 4, 4, text="Tiny", fill="yellow"),
        "fits": box(400, 0, 140, 80, text="Fits"),
    }
    put(shared_server, name, shapes)
    board = Board(open_page, shared_server, name, color_scheme=scheme)
    board.page.get_by_role("button", name=re.compile("Fit|everything", re.I)).first.click()
    board.page.wait_for_timeout(300)
    screenshot(board.page, f"board-words-{scheme}")
    # As one picture as well: the frame holds all of what grew.
    board.page.get_by_label("Menu").click()
    with board.page.expect_download() as download:
        board.page.get_by_role("menuitem", name="Export as SVG").click()
    svg = download.value.path().read_text()
    heights = [float(found) for found in re.findall(r"<path d=\"M4 0H[\d.]+A4 4 0 0 1 [\d.]+ 4V([\d.]+)A", svg)]
    assert heights, svg[:500]
    assert heights[0] > 280, "the note is as tall as its words"
    lines = [float(y) for y in re.findall(r'<tspan x="[\d.]+" y="([\d.]+)">', svg.split("</g>")[0])]
    assert max(lines) < heights[0] + 4
    for id, shape in shapes.items():
        assert board.shape(id)["h"] == shape["h"], "the document keeps the size that it was made with"


def test_a_note_grows_while_somebody_else_types(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = Board(open_page, shared_server, "typed-words")
    # Both look at the same place: a page that finds something shows all of it.
    ben = Board(open_page, shared_server, "typed-words", name="Ben")
    ben.put(n={"type": "note", "x": -100, "y": -200, "w": 200, "h": 100, "text": ""})
    below = (0, 60)
    assert ann.colours(*below, layer=0) == set(), "nothing is there"
    ben.page.mouse.dblclick(*ben.at(0, -150))
    ben.page.keyboard.insert_text(_LONG * 2)
    saved(ben.page)
    wait_for(lambda: ann.colours(*below, layer=0) != set(), "the note has grown", timeout=15)
    screenshot(ben.page, "board-words-typing")
    # And is taken hold of where it is seen.
    ben.press("Escape")
    ann.press("v")
    ann.click(*below)
    ann.expect_selected(1)


def test_the_map_draws_what_is_there(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    put(
        shared_server,
        "map-shapes",
        {
            "e": {"type": "ellipse", "x": -400, "y": -200, "w": 400, "h": 400, "fill": "red"},
            "d": {"type": "diamond", "x": 100, "y": -200, "w": 400, "h": 400, "fill": "blue"},
        },
    )
    board = Board(open_page, shared_server, "map-shapes")
    board.page.wait_for_timeout(600)
    screenshot(board.page, "board-map-shapes")
    # The corners of the boxes around them are empty; their middles are not.
    filled = board.page.evaluate(
        """() => {
            const canvas = document.querySelector('.board-map canvas')
            const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
            const red = ([r, g, b]) => r > g + 20 && r > b + 20
            const blue = ([r, g, b]) => b > r + 20
            const boxOf = (is) => {
                let [left, top, right, bottom, count] = [width, height, 0, 0, 0]
                for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
                    const at = 4 * (y * width + x)
                    if (data[at + 3] < 60 || !is([data[at], data[at + 1], data[at + 2]])) continue
                    count += 1
                    left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y)
                }
                return count / ((right - left + 1) * (bottom - top + 1))
            }
            return [boxOf(red), boxOf(blue)]
        }"""
    )
    assert 0.6 < filled[0] < 0.9, "an ellipse fills three quarters of its box"
    assert 0.4 < filled[1] < 0.65, "a diamond half of it"


def test_what_is_moved_by_keys_without_a_network_arrives(start_server: object, open_page: OpenPage) -> None:
    """One key of a map set three times with an undo manager is one struct of several values."""
    server = start_server()  # type: ignore[operator]
    ann = Board(open_page, server, "arrows")
    ben = Board(open_page, server, "arrows", name="Ben")
    ann.press("r")
    ann.drag((-100, -100), (0, 0))
    ann.until(lambda shapes: len(shapes) == 1, "drawn")
    before = ann.only("rectangle")
    server.kill()
    expect(words(ann.page)).to_have_text(re.compile("^Offline"))
    ann.press("ArrowRight", "ArrowRight", "ArrowRight")
    expect(ann.page.locator(".pill")).not_to_have_attribute("data-unsaved", "0")
    server.start()
    saved(ann.page)
    ann.until(lambda shapes: all(shape["x"] == before["x"] + 3 for shape in shapes.values()), "the move")
    # What comes after builds on it.
    ann.press("ArrowDown", "Control+d")
    ann.until(lambda shapes: len(shapes) == 2, "and what was done later")
    ann.press("o")
    ann.drag((100, 100), (200, 200))
    ann.until(lambda shapes: len(shapes) == 3, "and later")
    saved(ben.page)
    ben.press("Escape", "Control+a")
    ben.expect_selected(3)
