"""The whiteboard's properties, keys and views, and two people on it."""

from __future__ import annotations

import math
import re
import time

import pytest

from tests.browser.boards import Board, OpenPage, Screenshot, box
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

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
    board.press("ArrowDown", "Control+Enter")
    assert page.evaluate(focused) == "Stroke ink", "a key leads into the properties"

    def tab_to(name: str) -> None:
        for _ in range(30):
            if page.evaluate(focused) == name:
                return
            board.press("Tab")
        raise AssertionError(f"Tab does not come to {name}")

    tab_to("Fill green")
    board.press("Enter")
    board.until(lambda shapes: any(shape.get("fill") == "green" for shape in shapes.values()), "filled")
    assert page.evaluate(focused) == "Fill green", "the focus stays where it was"
    tab_to("Width L")
    board.press("Enter")
    tab_to("Dash dashed")
    board.press(" ")
    tab_to("Font size XL")
    board.press("Enter")
    tab_to("Opacity")
    board.press("ArrowLeft")
    want = {"fill": "green", "dash": "dashed", "width": "L", "fontSize": "XL", "opacity": 0.95}
    board.until(lambda shapes: any(want.items() <= shape.items() for shape in shapes.values()), "all properties")
    board.press("Escape")
    assert page.evaluate(focused) == "Whiteboard", "Escape leads back to the board"
    expect(page.locator(".board-panel")).to_be_visible()
    # Past the last shape Tab leaves the board, past the first one Shift+Tab; the selection stays.
    board.press("Tab")
    assert page.evaluate(focused) == "Select", "the tools come next"
    board.press("Shift+Tab", "Shift+Tab")
    expect(page.locator(".board-spoken")).to_have_text(re.compile("Note: by keys, 2 of 2, selected"))
    board.press("Shift+Tab")
    assert page.evaluate(focused) != "Whiteboard", "Shift+Tab leaves"
    board.press("Tab")
    assert page.evaluate(focused) == "Whiteboard"
    board.press("Escape")
    expect(page.locator(".board-panel h2")).to_have_text("Next shape")
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
    view = page.locator(".board")
    before = str(view.get_attribute("style"))
    page.mouse.wheel(30, 40)
    expect(view).not_to_have_attribute("style", before)
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
    before = str(view.get_attribute("style"))
    page.mouse.click(frame["x"] + 20, frame["y"] + frame["height"] / 2)
    expect(view).not_to_have_attribute("style", before)
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


def test_no_undo_leaves_a_text_without_letters(shared_server: CollabServer, open_page: OpenPage) -> None:
    board = Board(open_page, shared_server, "undo-text")
    page = board.page

    def text_is(words: str | None) -> None:
        texts = [] if words is None else [words]
        board.until(lambda shapes: [shape.get("text") for shape in shapes.values()] == texts, f"{words!r} alone")

    def write_slowly(words: str) -> None:
        for part in words.split():
            page.keyboard.type(part)
            page.wait_for_timeout(500)
        board.press("Escape")

    board.press("t", "Enter")
    write_slowly("her on")
    text_is("heron")
    board.press("Control+z")
    text_is(None)
    board.press("Control+Shift+z")
    text_is("heron")
    # Begun and left without a letter: nothing that an undo would bring back.
    board.press("Escape", "t", "Enter", "Escape")
    board.press("Control+z")
    text_is(None)
    board.press("Control+Shift+z", "Enter", "Enter")
    text_is("heron")
    # Emptied, and so gone; one undo brings it back with its letters.
    board.press("Control+a", "Delete")
    page.wait_for_timeout(500)
    board.press("Escape")
    text_is(None)
    board.press("Control+z")
    text_is("heron")
