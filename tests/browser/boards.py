"""A board in a page, under real hands: mouse, pen, fingers and keys; what they did is read over the API."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

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
        expect(self.page.locator(".board-spoken")).to_have_text("Nothing selected.")

    def shapes(self) -> dict[str, Shape]:
        """What the server has."""
        with urlopen(content_url(self.server, self.document), timeout=30) as answer:
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

    def until(self, condition: Callable[[dict[str, Shape]], bool], what: str, timeout: float = 30.0) -> None:
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

    def until_drawn(
        self, *places: tuple[float, float], what: str = "", expected: bool = True, radius: int = 3, layer: int = 0
    ) -> None:
        """Wait until there is, or is not, something at all of some places."""
        deadline = time.monotonic() + 30
        while True:
            found = {place: self.colours(*place, radius=radius, layer=layer) for place in places}
            if all(bool(colours) is expected for colours in found.values()):
                return
            assert time.monotonic() < deadline, f"{what}: {found}, expected: {expected}"
            self.page.wait_for_timeout(20)


def content_url(server: CollabServer, document: str) -> str:
    """Where the API has the content of a document."""
    return f"{server.url}/api/v1/documents/{quote(document, safe='')}/content"


def put(server: CollabServer, document: str, shapes: dict[str, Shape]) -> None:
    """Draw by script."""
    operations = [{"op": "map.set", "path": "/meta/kind", "value": "board"}]
    operations += [{"op": "map.set", "path": f"/board/shapes/{id}", "value": value} for id, value in shapes.items()]  # type: ignore[dict-item]
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
