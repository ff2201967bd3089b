"""The whiteboard under real hands: mouse, pen, fingers and keys in Chromium; what they did is read over the API."""

from __future__ import annotations

import base64
import json
import math
import os
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.browser.conftest import OUTPUT
from tests.support.cursors import Cursors
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import FileChooser, Page, expect

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
Shape = dict[str, Any]

#: a red dot of 4 by 3 pixels
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmRAAAAEElEQVR4nGP4z8AARww4OQD1MQv1NXv7ggAAAABJRU5ErkJggg=="


class Board:
    """A board in a page, with its origin in the middle and at 100 %, so that board units are pixels.

    Attributes:
        page: for everything that is not a drag.
    """

    def __init__(self, open_page: OpenPage, server: CollabServer, document: str, **options: Any) -> None:
        self.server = server
        self.document = document
        self.page = open_page(f"{server.url}/d/{document}?kind=board", **options)
        expect(self.page.locator(".pill-words")).to_have_text(re.compile("^Saved"), timeout=20_000)
        box = self.page.locator(".board").bounding_box()
        assert box is not None
        self._middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.locator(".board").focus()

    def put(self, **shapes: Shape) -> None:
        """Draw by script, and wait until this page has it: selecting everything says how many there are."""
        put(self.server, self.document, shapes)
        count = len(self.shapes())
        deadline = time.monotonic() + 10
        while True:
            self.press("Control+a")
            self.page.wait_for_timeout(200)
            found = re.search(r"of (\d+)", self.page.locator(".board-spoken").inner_text())
            if found and int(found[1]) == count:
                break
            assert time.monotonic() < deadline, f"{count} shapes in the page"
        self.press("Escape")
        expect(self.page.locator(".board-panel")).to_be_hidden()

    def shapes(self) -> dict[str, Shape]:
        """What the server has."""
        with urlopen(content_url(self.server, self.document), timeout=5) as answer:
            content = json.load(answer)
        found: dict[str, Shape] = content.get("board", {}).get("shapes", {})
        return found

    def shape(self, id: str) -> Shape:
        """One of them."""
        return self.shapes()[id]

    def only(self, type: str) -> Shape:
        """The one of a type."""
        (shape,) = [shape for shape in self.shapes().values() if shape["type"] == type]
        return shape

    def until(self, condition: Callable[[dict[str, Shape]], bool], what: str, timeout: float = 10.0) -> None:
        """Wait until the server has what the hands did."""
        deadline = time.monotonic() + timeout
        while not condition(shapes := self.shapes()):
            assert time.monotonic() < deadline, f"{what}: {json.dumps(shapes)[:2000]}"
            time.sleep(0.03)

    def until_shape(self, id: str, **expected: float) -> None:
        """Wait until numbers of a shape are, to a quarter of a unit, these."""

        def fits(shapes: dict[str, Shape]) -> bool:
            shape = shapes.get(id, {})
            return all(abs(shape.get(key, 0) - value) <= 0.3 for key, value in expected.items())

        self.until(fits, f"{id} with {expected}")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the board is in the window."""
        return (self._middle[0] + x, self._middle[1] + y)

    def click(self, x: float, y: float, **options: Any) -> None:
        """Click on a place of the board."""
        self.page.mouse.click(*self.at(x, y), **options)

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, keys: str = "", steps: int = 5) -> None:
        """Drag from place to place, with keys such as ``Shift+Alt`` held."""
        mouse, keyboard = self.page.mouse, self.page.keyboard
        mouse.move(*self.at(*start))
        held = [key for key in keys.split("+") if key]
        for key in held:
            keyboard.down(key)
        mouse.down()
        mouse.move(*self.at(*end), steps=steps)
        mouse.up()
        for key in held:
            keyboard.up(key)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def selected(self) -> int:
        """How many shapes a screen reader is told of as selected."""
        words = self.page.locator(".board-spoken").inner_text()
        found = re.match(r"(\d+) of \d+ selected", words)
        return int(found[1]) if found else int("selected" in words and "Nothing" not in words)

    def expect_selected(self, count: int) -> None:
        """Wait until so many shapes are selected."""
        deadline = time.monotonic() + 5
        while self.selected() != count:
            assert time.monotonic() < deadline, f"{count} selected: {self.page.locator('.board-spoken').inner_text()!r}"
            time.sleep(0.03)

    def colours(self, x: float, y: float, radius: int = 6, layer: int = 1) -> set[str]:
        """The colours of a canvas (0: shapes, 1: what lies over them) around a place."""
        at = self.at(x, y)
        found: list[str] = self.page.evaluate(
            """([x, y, radius, layer]) => {
                const canvas = document.querySelectorAll('.board-canvas')[layer]
                const { left, top } = canvas.getBoundingClientRect()
                const side = 2 * radius + 1
                const { data } = canvas.getContext('2d').getImageData((x - left - radius) * devicePixelRatio,
                    (y - top - radius) * devicePixelRatio, side * devicePixelRatio, side * devicePixelRatio)
                const colours = new Set()
                for (let i = 0; i < data.length; i += 4)
                    if (data[i + 3] > 90) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`)
                return [...colours]
            }""",
            [*at, radius, layer],
        )
        return set(found)


def content_url(server: CollabServer, document: str) -> str:
    """Where the API has the content of a document."""
    return f"{server.url}/api/v1/documents/{quote(document, safe='')}/content"


def put(server: CollabServer, document: str, shapes: dict[str, Shape]) -> None:
    """Draw by script."""
    operations = [{"op": "map.set", "path": "/meta/kind", "value": "board"}]
    operations += [{"op": "map.set", "path": f"/board/shapes/{id}", "value": value} for id, value in shapes.items()]
    request = Request(
        content_url(server, document),
        method="PATCH",
        headers={"Content-Type": "application/json"},
        data=json.dumps({"operations": operations}).encode(),
    )
    urlopen(request, timeout=20).close()


def box(x: float, y: float, w: float = 100, h: float = 80, **fields: Any) -> Shape:
    """A rectangle."""
    return {"type": "rectangle", "x": x, "y": y, "w": w, "h": h, **fields}


# -- tools ------------------------------------------------------------------------------------------


def test_every_tool_makes_its_shape(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "tools")
    page = board.page
    board.press("r")
    board.drag((-350, -250), (-250, -170))
    board.press("o")
    board.drag((-200, -250), (-100, -190), keys="Shift")
    board.press("d")
    board.click(50, -200)
    board.press("l")
    board.drag((-350, -100), (-250, -88), keys="Shift")
    board.press("n")
    board.click(250, -180)
    page.keyboard.type("<b>note</b> & more")
    board.press("Escape", "Escape", "t")
    board.click(-300, 0)
    page.keyboard.type("free")
    board.press("Enter")
    page.keyboard.type("text")
    board.press("Escape", "Escape", "a")
    board.drag((-300, -210), (-150, -210))
    board.press("Escape")
    page.locator("[data-tool=rectangle]").click()
    board.drag((400, 0), (480, 60))

    board.until(lambda shapes: len(shapes) == 8, "eight shapes")
    by_type: dict[str, list[Shape]] = {}
    for shape in board.shapes().values():
        by_type.setdefault(shape["type"], []).append(shape)
    ellipse, diamond, line = (by_type[kind][0] for kind in ("ellipse", "diamond", "line"))
    assert ellipse["w"] == ellipse["h"] == 100, "shift makes a circle"
    assert (diamond["w"], diamond["h"]) == (160, 100), "a click makes one of the usual size, around the pointer"
    assert (diamond["x"], diamond["y"]) == (-30, -250)
    assert line["points"][1][1] == 0, "shift keeps lines straight"
    assert by_type["note"][0]["text"] == "<b>note</b> & more"
    assert by_type["text"][0]["text"] == "free\ntext"
    arrow = by_type["arrow"][0]
    assert board.shape(arrow["from"]["id"])["type"] == "rectangle"
    assert board.shape(arrow["to"]["id"])["type"] == "ellipse"
    expect(page.locator("[data-tool=select]")).to_have_attribute("aria-pressed", "true")
    assert page.locator(".board b").count() == 0, "HTML stays text"
    screenshot(page, "board-tools")

    board.press("e")
    board.drag((380, 30), (410, 30))
    board.until(lambda shapes: len(shapes) == 7, "the eraser took the rectangle")
    board.press("Control+z")
    board.until(lambda shapes: len(shapes) == 8, "undo brings it back")


def test_the_pen_knows_pressure(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "pen")
    board.press("p")
    devtools = board.page.context.new_cdp_session(board.page)

    def pen(type: str, x: float, y: float, force: float) -> None:
        left, top = board.at(x, y)
        event = {"type": type, "x": left, "y": top, "button": "left", "buttons": 1, "clickCount": 1}
        devtools.send("Input.dispatchMouseEvent", {**event, "pointerType": "pen", "force": force})

    pen("mousePressed", -200, 0, 0.1)
    for step in range(1, 41):
        pen("mouseMoved", -200 + step * 10, 40 * math.sin(step / 5), 0.1 + step / 50)
    pen("mouseReleased", 200, 0, 0.9)
    board.until(lambda shapes: len(shapes) == 1, "the stroke")
    stroke = board.only("pen")
    pressures = [point[2] for point in stroke["points"]]
    assert pressures[0] < 0.3
    assert max(pressures) > 0.8
    assert pressures == sorted(pressures)
    assert stroke["x"] == -200, "the box lies around the points"
    assert abs(stroke["w"] - 400) < 5
    assert min(point[0] for point in stroke["points"]) == 0
    expect(board.page.locator("[data-tool=pen]")).to_have_attribute("aria-pressed", "true")
    screenshot(board.page, "board-pen")
    board.drag((-200, 200), (0, 250))
    board.until(lambda shapes: len(shapes) == 2, "a mouse draws, too")
    (drawn,) = [shape for shape in board.shapes().values() if shape["y"] > 150]
    assert all(len(point) == 2 for point in drawn["points"])


def test_pictures_by_tool_and_by_paste(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "pictures", permissions=["clipboard-read", "clipboard-write"])
    choosers: list[FileChooser] = []
    board.page.on("filechooser", lambda chooser: choosers.append(chooser))
    # Chromium takes a moment to be ready for it.
    board.page.wait_for_timeout(300)
    board.press("i")
    deadline = time.monotonic() + 10
    while not choosers:
        assert time.monotonic() < deadline, "a dialog to choose files"
        board.page.wait_for_timeout(30)
    choosers[0].set_files([{"name": "dot.png", "mimeType": "image/png", "buffer": base64.b64decode(PNG)}])
    board.until(lambda shapes: len(shapes) == 1, "the chosen picture")
    board.page.evaluate(
        """async (png) => {
            const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0))
            await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })])
        }""",
        PNG,
    )
    board.press("Control+v")
    board.until(lambda shapes: len(shapes) == 2, "the pasted picture")
    for shape in board.shapes().values():
        assert shape["type"] == "image"
        assert shape["src"].startswith("data:image/png;base64,")
        assert (shape["w"], shape["h"]) == (4, 3)


# -- selecting, moving, resizing --------------------------------------------------------------------


def test_arrows_stick_and_follow(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "sticky")
    board.put(a=box(-300, -100, fill="blue"), b=box(100, -100, fill="green"))
    board.press("a")
    board.drag((-250, -60), (150, -60))
    board.until(lambda shapes: len(shapes) == 3, "the arrow")
    arrow = board.only("arrow")
    assert (arrow["from"]["id"], arrow["to"]["id"]) == ("a", "b")
    board.press("Escape")
    # In the middle of the way there is ink now; after the target has moved it is on the new way.
    assert board.colours(-50, -60, layer=0)
    board.drag((150, -60), (150, 190), keys="Control")
    board.until_shape("b", x=100, y=150)
    board.page.wait_for_timeout(100)
    assert not board.colours(-50, -60, layer=0)
    assert board.colours(-50, 65, layer=0), "the arrow goes to where its target is"
    board.press("Escape")
    board.click(150, 190)
    board.press("Delete")
    board.until(lambda shapes: "b" not in shapes, "the target is gone")
    (arrow,) = [shape for shape in board.shapes().values() if shape["type"] == "arrow"]
    assert "to" not in arrow, "an arrow lets go of what is gone"
    assert arrow["from"]["id"] == "a"
    assert board.colours(-50, 65, layer=0), "and stays where it pointed"


def test_selecting_and_moving(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "moving")
    board.put(a=box(-300, -200), b=box(-100, -200, fill="red"), c=box(150, 100, fill="blue"))
    board.click(-250, -160)
    board.expect_selected(1)
    board.page.keyboard.down("Shift")
    board.click(-50, -160)
    board.page.keyboard.up("Shift")
    board.expect_selected(2)
    # Between the two there is nothing, and yet it is part of what is held.
    board.drag((-150, -160), (-150, -60), keys="Control")
    board.until_shape("a", x=-300, y=-100)
    board.until_shape("b", x=-100, y=-100)
    board.press("Escape")
    board.drag((-330, -130), (20, 0))
    board.expect_selected(2)
    board.press("ArrowRight", "Shift+ArrowDown")
    board.until_shape("a", x=-299, y=-90)
    board.until_shape("b", x=-99, y=-90)
    board.press("Escape")
    board.drag((200, 140), (300, 160), keys="Shift")
    board.until_shape("c", x=250, y=100)
    board.press("Escape")
    # Four units off the left edge of b: it snaps, and shows to what.
    mouse = board.page.mouse
    mouse.move(*board.at(300, 140))
    mouse.down()
    mouse.move(*board.at(-45, 140), steps=6)
    board.page.wait_for_timeout(60)
    assert board.colours(-99, 50), "a guide line"
    mouse.up()
    board.until_shape("c", x=-99, y=100)
    board.drag((-50, 140), (-45, 240), keys="Alt")
    board.until(lambda shapes: len(shapes) == 4, "alt leaves the original")
    board.until_shape("c", x=-99, y=100)
    board.press("Control+z")
    board.until(lambda shapes: len(shapes) == 3, "one drag is one step")
    mouse.move(*board.at(-50, 140))
    mouse.down()
    mouse.move(*board.at(200, 200), steps=3)
    board.press("Escape")
    mouse.up()
    board.press("Control+a")
    board.expect_selected(3)
    board.until_shape("c", x=-99, y=100)


def test_resizing_and_rotating(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "resizing")
    board.put(a=box(-100, -50, 200, 100, fill="blue"), far=box(300, -300, 50, 50))
    board.click(0, 0)
    changes = {
        (-100, -50): ("x", "y", "w", "h"), (0, -50): ("y", "h"), (100, -50): ("y", "w", "h"), (100, 0): ("w",),
        (100, 50): ("w", "h"), (0, 50): ("h",), (-100, 50): ("x", "w", "h"), (-100, 0): ("x", "w"),
    }  # fmt: skip
    was = {"x": -100.0, "y": -50.0, "w": 200.0, "h": 100.0}
    for (x, y), changed in changes.items():
        out = (x + 20 * (x > 0) - 20 * (x < 0), y + 20 * (y > 0) - 20 * (y < 0))
        board.drag((x, y), out, keys="Control", steps=2)
        by = {"x": -20, "y": -20, "w": 20, "h": 20}
        board.until_shape("a", **{key: was[key] + (by[key] if key in changed else 0) for key in was})
        board.press("Control+z")
        board.until_shape("a", **was)
        board.click(0, 0)
    # A side is held all along, and nothing jumps to the pointer.
    board.drag((98, 30), (118, 30), keys="Control")
    board.until_shape("a", x=-100, w=220, h=100)
    board.press("Control+z")
    board.until_shape("a", **was)
    board.click(0, 0)
    board.drag((100, 50), (200, 60), keys="Shift")
    board.until_shape("a", x=-100, y=-50, w=300, h=150)
    board.press("Control+z")
    board.until_shape("a", **was)
    board.click(0, 0)
    board.drag((100, 50), (150, 80), keys="Alt+Control")
    board.until_shape("a", x=-150, y=-80, w=300, h=160)
    board.press("Control+z")
    board.until_shape("a", **was)
    board.click(0, 0)
    board.drag((100, 0), (296, 0))
    board.until_shape("a", x=-100, w=400)
    board.press("Control+z")
    board.until_shape("a", **was)
    board.click(0, 0)
    board.drag((0, -74), (80, 3), keys="Shift", steps=8)
    board.until_shape("a", rotation=math.pi / 2, **was)
    # All together: the smaller one follows in proportion.
    board.press("Control+z", "Control+a")
    board.drag((350, 50), (350, 400), keys="Control")
    board.until_shape("a", y=200, h=200)
    board.until_shape("far", y=-300, h=100)


def test_order_lock_and_delete(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "order")
    board.put(
        a=box(-100, -100, fill="red", index="a1"),
        b=box(-80, -80, fill="blue", index="a2"),
        c=box(-60, -60, fill="green", index="a3"),
    )

    def ordered(want: str) -> Callable[[dict[str, Shape]], bool]:
        return lambda shapes: "".join(sorted(shapes, key=lambda id: shapes[id]["index"])) == want

    board.click(-90, -90)
    board.press("]")
    board.until(ordered("bca"), "to the front")
    board.press("[")
    board.until(ordered("abc"), "to the back")
    board.press("Control+]")
    board.until(ordered("bac"), "one up")
    board.press("Control+[")
    board.until(ordered("abc"), "one down")
    board.page.get_by_role("button", name="Lock").click()
    board.until(lambda shapes: shapes["a"].get("locked") is True, "locked")
    board.press("Delete")
    board.drag((-90, -90), (200, 200))
    board.press("e")
    board.drag((-95, 30), (-95, -95))
    board.press("v")
    board.until_shape("a", x=-100, y=-100)
    board.click(-90, -90)
    board.press("Control+l")
    board.until(lambda shapes: not shapes["a"].get("locked"), "unlocked")
    board.page.get_by_role("button", name="Delete").click()
    board.until(lambda shapes: set(shapes) == {"b", "c"}, "deleted")


def test_copies_within_and_between_boards(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "from", permissions=["clipboard-read", "clipboard-write"])
    board.put(
        a=box(-300, -100, text="<i>A</i>"), b=box(0, -100),
        link={"type": "arrow", "points": [[-250, -60], [50, -60]], "from": "a", "to": "b"},
    )  # fmt: skip
    board.press("Control+a")
    # The keys still mean the board after a button was used.
    board.page.get_by_role("button", name="Stroke red").click()
    board.until(lambda shapes: all(shape.get("stroke") == "red" for shape in shapes.values()), "all red")
    board.press("Control+c")
    clipboard = json.loads(board.page.evaluate("navigator.clipboard.readText()"))
    assert clipboard["format"] == "collab/board"
    assert len(clipboard["shapes"]) == 3
    board.press("Control+v")
    board.until(lambda shapes: len(shapes) == 6, "pasted here")
    board.press("Control+z")
    board.until(lambda shapes: len(shapes) == 3, "undone")
    board.press("Control+a", "Control+d")
    board.until(lambda shapes: len(shapes) == 6, "duplicated")
    board.press("Delete")
    board.until(lambda shapes: len(shapes) == 3, "the copies were selected")

    board.page.goto(f"{shared_server.url}/d/to?kind=board")
    expect(board.page.locator(".pill-words")).to_have_text(re.compile("^Saved"), timeout=20_000)
    board.document = "to"
    board.page.locator(".board").focus()
    board.press("Control+v")
    board.until(lambda shapes: len(shapes) == 3, "pasted there")
    copied = board.shapes()
    arrow = board.only("arrow")
    assert {"a", "b", "link"}.isdisjoint(copied), "copies have ids of their own"
    assert copied[arrow["from"]["id"]]["text"] == "<i>A</i>", "and stick to each other"
    assert copied[arrow["to"]["id"]]["type"] == "rectangle"
    board.page.evaluate("navigator.clipboard.writeText('words from elsewhere')")
    board.press("Control+v")
    board.until(
        lambda shapes: any(s.get("text") == "words from elsewhere" for s in shapes.values()), "text becomes text"
    )


# -- properties, keys, views ------------------------------------------------------------------------


def test_properties_and_the_keyboard_alone(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "keys")
    page = board.page
    focused = "document.activeElement.getAttribute('aria-label')"
    board.press("r", "Enter")
    board.until(lambda shapes: len(shapes) == 1, "a rectangle without a mouse")
    board.press("Escape", "n", "Enter")
    page.keyboard.type("by keys")
    board.press("Escape")
    board.until(lambda shapes: len(shapes) == 2, "and a note")
    board.press("Escape", "Enter")
    expect(page.locator(".board-spoken")).to_have_text(re.compile("Note: by keys, 2 of 2, selected"))
    board.press("Tab")
    expect(page.locator(".board-spoken")).to_have_text(re.compile("Rectangle, 1 of 2, selected"))
    board.press("ArrowDown")
    page.get_by_role("button", name="Fill green").focus()
    board.press("Enter")
    board.until(lambda shapes: any(shape.get("fill") == "green" for shape in shapes.values()), "filled")
    assert page.evaluate(focused) == "Fill green", "the focus stays where it was"
    page.get_by_role("button", name="Dash dashed").press(" ")
    page.get_by_role("button", name="Width L").press("Enter")
    page.get_by_role("button", name="Font size XL").press("Enter")
    page.get_by_label("Opacity").press("ArrowLeft")
    want = {"fill": "green", "dash": "dashed", "width": "L", "fontSize": "XL", "opacity": 0.95}
    board.until(lambda shapes: any(want.items() <= shape.items() for shape in shapes.values()), "all properties")
    board.press("Escape")
    assert page.evaluate(focused) == "Whiteboard", "Escape leads back to the board"
    board.press("Escape")
    expect(page.locator(".board-panel")).to_be_hidden()
    board.press("Tab")
    assert page.evaluate(focused) == "Select", "the tools come next"
    board.press("ArrowRight", "ArrowRight", "Enter")
    expect(page.locator("[data-tool=pen]")).to_have_attribute("aria-pressed", "true")
    board.press("ArrowLeft")
    assert page.evaluate(focused) == "Hand"
    board.press("Escape", "?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    board.press("Escape")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('.board button, .board input')]
            .filter((control) => !control.getAttribute('aria-label') && !control.textContent.trim()).length"""
    )
    assert unnamed == 0, "every control has a name"


def test_the_view(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(open_page, shared_server, "view")
    page = board.page
    percent = page.locator(".board-percent")
    board.put(a=box(-50, -50, 100, 100, fill="red"), far=box(2000, 0, 100, 100))
    page.get_by_role("button", name="Zoom in").click()
    expect(percent).to_have_text("125 %")
    percent.click()
    expect(percent).to_have_text("100 %")
    page.get_by_role("button", name="Show everything").click()
    expect(percent).to_have_text(re.compile(r"^4\d %|^5\d %"))
    board.press("Shift+Digit0")
    expect(percent).to_have_text("100 %")

    def centre_is(x: float, y: float) -> None:
        """A note put down by keys lies in the middle of the view."""
        before = set(board.shapes())
        board.press("r", "Enter")
        board.until(lambda shapes: len(shapes) == len(before) + 1, "a mark")
        (mark,) = [shape for id, shape in board.shapes().items() if id not in before]
        assert (mark["x"] + mark["w"] / 2, mark["y"] + mark["h"] / 2) == pytest.approx((x, y), abs=2)
        board.press("Delete")
        board.until(lambda shapes: len(shapes) == len(before), "no mark")

    x, y = 1025, 25
    centre_is(x, y)
    page.mouse.move(*board.at(0, 0))
    page.mouse.wheel(30, 40)
    page.wait_for_timeout(100)
    centre_is(x + 30, y + 40)
    page.keyboard.down("Space")
    board.drag((0, 0), (-100, 50))
    page.keyboard.up("Space")
    centre_is(x + 130, y - 10)
    board.press("h")
    board.drag((0, 0), (100, -50))
    board.press("v")
    centre_is(x + 30, y + 40)
    # The place under the pointer stays there.
    page.mouse.move(*board.at(200, 100))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    expect(percent).to_have_text("272 %")
    zoom = math.e
    centre_is(x + 30 + 200 - 200 / zoom, y + 40 + 100 - 100 / zoom)
    board.press("Shift+Digit0")
    # The map shows everything; a click on its left end goes there.
    small = page.locator(".board-map canvas")
    frame = small.bounding_box()
    assert frame is not None
    screenshot(page, "board-map")
    before = page.locator(".board").get_attribute("style")
    page.mouse.click(frame["x"] + 20, frame["y"] + frame["height"] / 2)
    page.wait_for_timeout(100)
    assert page.locator(".board").get_attribute("style") != before
    board.press("m")
    expect(small).to_be_hidden()


def test_fingers(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    board = Board(
        open_page, shared_server, "fingers", size=(390, 780), has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = board.page
    devtools = page.context.new_cdp_session(page)

    def touch(type: str, *points: tuple[float, float]) -> None:
        where = [dict(zip("xy", board.at(*point), strict=True), id=i) for i, point in enumerate(points)]
        devtools.send("Input.dispatchTouchEvent", {"type": type, "touchPoints": where})

    page.locator("[data-tool=pen]").tap()
    touch("touchStart", (-100, -100))
    for step in range(1, 11):
        touch("touchMove", (-100 + step * 15, -100 + step * 5))
    touch("touchEnd")
    board.until(lambda shapes: len(shapes) == 1, "a finger draws")
    # A second finger means the view: what the first had begun is given up.
    touch("touchStart", (-50, 0))
    touch("touchMove", (-50, 5))
    touch("touchStart", (-50, 5), (50, 5))
    for step in range(1, 6):
        touch("touchMove", (-50 - step * 10, 5), (50 + step * 10, 5))
    touch("touchEnd")
    expect(page.locator(".board-percent")).to_have_text("200 %")
    assert len(board.shapes()) == 1
    page.locator("[data-tool=select]").tap()
    expect(page.locator(".board-look")).to_be_hidden()
    page.locator("[data-tool=rectangle]").tap()
    page.get_by_role("button", name="Colours and lines").tap()
    page.get_by_role("button", name="Fill blue").tap()
    screenshot(page, "board-phone")
    page.get_by_role("button", name="Colours and lines").tap()
    touch("touchStart", (-100, -250))
    touch("touchMove", (0, -200))
    touch("touchMove", (20, -150))
    touch("touchEnd")
    board.until(lambda shapes: any(shape.get("fill") == "blue" for shape in shapes.values()), "a blue rectangle")
    screenshot(page, "board-phone-selected")
    wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "nothing sticks out at the side"


# -- together ---------------------------------------------------------------------------------------


def test_undo_takes_back_ones_own_drawing_only(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = Board(open_page, shared_server, "undo", name="Ann")
    ben = Board(open_page, shared_server, "undo", name="Ben", color_scheme="dark")
    ann.put(a=box(-300, -100, fill="blue"))
    ann.drag((-250, -60), (-250, 40), keys="Control")
    ann.until_shape("a", x=-300, y=0)
    ben.press("r")
    ben.drag((100, 0), (200, 80))
    ben.until(lambda shapes: len(shapes) == 2, "Ben's rectangle")
    ben.press("Escape")
    ben.drag((-250, 40), (-150, 40), keys="Control")
    ben.until_shape("a", x=-200, y=0)
    ann.press("Control+z")
    ann.until_shape("a", x=-200, y=-100)
    assert len(ann.shapes()) == 2, "what Ben drew stays"
    ann.press("Control+Shift+z")
    ann.until_shape("a", x=-200, y=0)
    # Ben's selection is a thin line of his colour around the shape, here.
    ann.press("Escape")
    ann.page.mouse.move(*ann.at(400, -300))
    deadline = time.monotonic() + 5
    while not ann.colours(-204, 40, radius=4):
        assert time.monotonic() < deadline, "an outline around what Ben has selected"
        time.sleep(0.05)
    # What somebody drags away from under one's hands is not brought back by letting go of it.
    mouse = ben.page.mouse
    mouse.move(*ben.at(-150, 40))
    mouse.down()
    mouse.move(*ben.at(-100, 140), steps=4)
    deadline = time.monotonic() + 5
    while not ann.colours(-100, 140, layer=0):
        assert time.monotonic() < deadline, "Ann sees it where Ben drags it"
        time.sleep(0.05)
    ann.click(-100, 140)
    ann.press("Delete")
    ann.until(lambda shapes: len(shapes) == 1, "deleted by Ann")
    ben.page.wait_for_timeout(200)
    mouse.move(*ben.at(0, 140), steps=2)
    mouse.up()
    ben.press("Control+a")
    ben.expect_selected(1)
    assert len(ben.shapes()) == 1


def test_exports(shared_server: CollabServer, open_page: OpenPage, tmp_path: Path) -> None:
    board = Board(open_page, shared_server, "exports/evil")
    board.put(
        a=box(-100, -100, 200, 100, text='<script>alert("1")</script> \u0000 & more', stroke="constructor", fill='"/><x'),
        b={"type": "note", "x": 100, "y": 100, "text": "]]>"},
        c={"type": "image", "x": 0, "y": 300, "w": 40, "h": 30, "src": f"data:image/png;base64,{PNG}"},
    )  # fmt: skip
    files = {}
    for format in ("SVG", "PNG"):
        board.page.get_by_role("button", name="Menu").click()
        with board.page.expect_download() as download:
            board.page.get_by_role("menuitem", name=f"Export as {format}").click()
        files[format] = tmp_path / format
        download.value.save_as(files[format])
        assert download.value.suggested_filename == f"exports-evil.{format.lower()}"
    root = ET.parse(files["SVG"]).getroot()
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "rect", "g", "path", "text", "tspan", "image"}
    assert not [name for element in root.iter() for name in element.attrib if name.lower().startswith("on")]
    words = " ".join("".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text"))
    assert "<script>alert" in words.replace(" ", "")
    assert "]]>" in words
    assert "constructor" not in files["SVG"].read_text()
    assert "undefined" not in files["SVG"].read_text()
    png = files["PNG"].read_bytes()
    assert png.startswith(b"\x89PNG")
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert (width, height) == (2 * 450, 2 * 480) or min(width, height) > 800


def test_shapes_of_strangers_do_no_harm(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "strange")
    nonsense: Any = {"x": "1", "y": None, "w": True, "h": [], "text": {"a": 1}, "stroke": 7, "fill": ["x"], "index": 9}
    neither: dict[str, Any] = {"number": 5, "text": "a text", "list": [1], "nothing": None}
    strange = dict(
        **neither,
        good=box(-50, -50, fill="blue", of_a_script={"kept": [1, 2, 3]}),
        bare={"type": "rectangle"},
        untyped={"x": 1},
        unknown={"type": "hologram", "x": 0},
        negative=box(-100, 100, -50, -80),
        huge=box(-1e300, 1e300, 1e308, 1e308, rotation=1e300, opacity=-5, dash="dashed", stroke="red", fill="none"),
        words={"type": "rectangle", "points": "none", "src": "javascript:alert(1)", **nonsense},
        odd={"type": "pen", "points": [[1], "x", None, [1e308, -1e308], [0, 0, "p"], {"x": 1}]},
        lone={"type": "arrow", "points": [[0, 0], [50, 50]], "from": "lone", "to": {"id": "nobody", "ax": 1e9}},
        **{"__proto__": box(200, 0), "constructor": box(200, 100), "<img src=x onerror=alert(1)>": box(200, 200)},
    )
    put(shared_server, "strange", strange)
    late = Board(open_page, shared_server, "strange", name="Late")
    late.press("Shift+Digit0", "r", "Enter")
    late.until(lambda shapes: len(shapes) == 17, "one can still draw")
    late.press("Delete")
    late.until(lambda shapes: len(shapes) == 16, "and delete")
    # What is known of a shape may change; what is not known stays.
    late.press("Control+a", "ArrowRight")
    late.until_shape("good", x=-49)
    assert late.shape("good")["of_a_script"] == {"kept": [1, 2, 3]}
    assert late.shape("unknown") == {"type": "hologram", "x": 0}
    # The page that was there when they came is well, too.
    board.press("Control+a")
    expect(board.page.locator(".board-spoken")).to_have_text(re.compile(r"^\d+ of \d+ selected"))


def test_heavy_shapes_do_not_stop_the_page(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "heavy")
    page = board.page
    put(
        shared_server,
        "heavy",
        {
            "pen": {"type": "pen", "points": [[i, i % 50] for i in range(100_000)]},
            "long": {"type": "text", "x": -200, "y": 200, "text": "w" * 30_000},
            "wrapped": box(200, -200, 20, 20, text="\u3042" * 20_000),
            "lines": {"type": "text", "x": 0, "y": 0, "text": "line\n" * 4000},
        },
    )
    expect(page.locator(".board-empty")).to_be_hidden(timeout=20_000)
    began = time.monotonic()
    for key in ("Control+a", "ArrowRight", "Shift+Digit1", "Shift+Digit0"):
        board.press(key)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert time.monotonic() - began < 10, "the page still answers"
    board.expect_selected(4)
    expect(page.locator(".pill-words")).to_have_text(re.compile("^Saved"), timeout=20_000)


# -- two thousand shapes ----------------------------------------------------------------------------

#: milliseconds of a frame at 60 a second that are ours; the rest is the browser's
FRAME_BUDGET = 8.0
#: neighbours on the same machine may spoil a round; a page that is too slow spoils all of them
ROUNDS = 3
#: waiting tasks per processor above which the time of the wall tells nothing about the page
CROWDED = 1.5


def many(count: int) -> dict[str, Shape]:
    """Shapes of all types in rows of fifty, around the origin."""
    kinds = ("rectangle", "ellipse", "diamond", "note", "pen", "text", "arrow", "line")
    colours = ("ink", "red", "blue", "green")
    shapes: dict[str, Shape] = {}
    for i in range(count):
        kind = kinds[i % len(kinds)]
        shape: Shape = {"type": kind, "x": i % 50 * 120 - 3000, "y": i // 50 * 110 - count // 50 * 55, "w": 90, "h": 70}
        shape |= {"index": f"a{i:05d}", "stroke": colours[i % 4], "fill": ("none", "yellow", "blue")[i % 3]}
        if kind == "pen":
            shape["points"] = [[k * 2, round(35 + 25 * math.sin(k / 4), 1)] for k in range(45)]
        elif kind in ("arrow", "line"):
            shape["points"] = [[0, 0], [80, 50]]
        else:
            shape |= {"text": f"Item {i}", "fontSize": "S"}
        if kind == "arrow":
            shape |= {"from": f"s{i - 1}", "to": f"s{i - 6}"}
        shapes[f"s{i}"] = shape
    return shapes


def test_two_thousand_shapes_and_twenty_people_are_smooth(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    put(shared_server, "crowd", many(2000))
    script = (Path(__file__).parent / "frames.js").read_text()
    board = Board(open_page, shared_server, "crowd", init_script=script)
    page = board.page
    mouse = page.mouse
    devtools = page.context.new_cdp_session(page)
    # Time of the processor, so that nobody else's work counts.
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def script_seconds() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration"))

    def pan() -> None:
        for i in range(50):
            mouse.wheel(30 * math.cos(i / 8), 30 * math.sin(i / 8))
            page.wait_for_timeout(8)

    def zoom() -> None:
        page.keyboard.down("Control")
        for i in range(50):
            mouse.wheel(0, -20 if i < 30 else 20)
            page.wait_for_timeout(8)
        page.keyboard.up("Control")
        page.wait_for_timeout(200)

    def drag() -> None:
        mouse.down()
        for i in range(50):
            mouse.move(640 + 3 * i, 424 + i)
            page.wait_for_timeout(8)
        mouse.up()

    def draw() -> None:
        board.press("p")
        drag()
        board.press("v")

    measured: dict[str, dict[str, float]] = {}
    with Cursors(shared_server, "/doc/crowd", 20, reach=1500):
        expect(page.locator(".board-cursor")).to_have_count(20, timeout=15_000)
        screenshot(page, "board-crowd")
        for motion in (pan, zoom, drag, draw):
            for _ in range(ROUNDS):
                board.press("Escape", "Shift+Digit1")
                mouse.move(640, 424)
                page.wait_for_timeout(300)
                page.evaluate("frames_.start()")
                before = script_seconds()
                motion()
                script = script_seconds() - before
                log = page.evaluate("frames_.stop()")
                figures = {"frames": len(log["work"]), "script_mean": round(1000 * script / len(log["work"]), 2)}
                figures |= {f"work_{part}": percentile(log["work"], part) for part in (50, 95, 100)}
                figures |= {f"gap_{part}": percentile(log["gaps"], part) for part in (50, 95)}
                best = measured.setdefault(motion.__name__, figures)
                if figures["work_95"] < best["work_95"]:
                    measured[motion.__name__] = figures
                if figures["work_95"] < FRAME_BUDGET or crowded():
                    break
    (OUTPUT / "board-frames.json").write_text(json.dumps(measured, indent=2))
    print(json.dumps(measured))
    assert all(figures["script_mean"] < FRAME_BUDGET / 2 for figures in measured.values()), measured
    assert crowded() or all(figures["work_95"] < FRAME_BUDGET for figures in measured.values()), measured


def crowded() -> bool:
    """Whether so many others work on this machine that the time of the wall is theirs."""
    return os.getloadavg()[0] > CROWDED * (os.cpu_count() or 1)


def percentile(values: list[float], part: int) -> float:
    """The value that so many percent do not exceed."""
    return round(sorted(values)[min(len(values) - 1, len(values) * part // 100)], 2)
