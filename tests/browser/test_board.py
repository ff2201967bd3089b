"""The whiteboard's tools and gestures with real events in Chromium."""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Callable

import pytest

from tests.browser.boards import PNG, Board, OpenPage, Screenshot, Shape, box
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import FileChooser, expect

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
    choosers[0].set_files([{"name": "dot.png", "mimeType": "image/png", "buffer": base64.b64decode(PNG)}])  # type: ignore[arg-type]
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
    board.until_drawn((-50, -60), radius=6)
    board.drag((150, -60), (150, 190), keys="Control")
    board.until_shape("b", x=100, y=150)
    board.until_drawn((-50, -60), radius=6, expected=False)
    board.until_drawn((-50, 65), radius=6, what="the arrow goes to where its target is")
    board.press("Escape")
    board.click(150, 190)
    board.press("Delete")
    board.until(lambda shapes: "b" not in shapes, "the target is gone")
    (arrow,) = [shape for shape in board.shapes().values() if shape["type"] == "arrow"]
    assert "to" not in arrow, "an arrow lets go of what is gone"
    assert arrow["from"]["id"] == "a"
    board.until_drawn((-50, 65), radius=6, what="and stays where it pointed")


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
    board.until_drawn((-99, 50), radius=6, layer=1, what="a guide line")
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
