"""What leaves a whiteboard, what strangers put on it, and how it does when there is a lot."""

from __future__ import annotations

import json
import math
import os
import re
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.browser.boards import PNG, Board, OpenPage, Screenshot, Shape, box, put
from tests.browser.conftest import OUTPUT
from tests.support.cursors import Cursors
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect


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
                script = script_seconds() - before  # type: ignore[assignment]
                log = page.evaluate("frames_.stop()")
                figures = {"frames": len(log["work"]), "script_mean": round(1000 * script / len(log["work"]), 2)}  # type: ignore[operator]
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
