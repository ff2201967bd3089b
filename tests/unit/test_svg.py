"""Boards as SVG."""

from __future__ import annotations

import time
from typing import Any
from xml.etree import ElementTree

import pytest

from collab.content.formats import bounds
from collab.content.formats.svg import MAX_SHAPES, to_svg
from collab.errors import CollabError

SHAPES: dict[str, Any] = {
    "box": {
        "type": "rectangle",
        "x": 10,
        "y": 20,
        "w": 200,
        "h": 50,
        "fill": "blue",
        "text": "a <b> & c",
        "index": "a1",
    },
    "round": {
        "type": "ellipse",
        "x": 300,
        "y": 20,
        "w": 80,
        "h": 80,
        "stroke": "#ff0000",
        "dash": "dashed",
        "index": "a2",
    },
    "arrow": {"type": "arrow", "points": [[0, 0], [50, 50]], "from": {"id": "box"}, "to": "round", "index": "a3"},
    "pen": {"type": "pen", "points": [[0, 0, 0.5], [5, 5, 0.7], [9, 2]], "index": "a0"},
    "note": {"type": "note", "x": 0, "y": 300, "text": "a long note that has to be wrapped", "index": "a4"},
    "words": {"type": "text", "x": 0, "y": 600, "text": "two\nlines", "fontSize": "L", "index": "a5", "rotation": 1},
    "dot": {"type": "pen", "points": [[3, 3]]},
    "turned": {"type": "diamond", "x": 0, "y": 0, "w": 10, "h": 10, "rotation": 0.5, "opacity": 0.5},
    "photo": {"type": "image", "w": 5, "h": 5, "src": "data:image/png;base64,AAAA"},
    "line": {"type": "line", "points": [[0, 0], [1, 1], [2, 0]], "width": "L"},
}


def test_a_board_is_a_picture() -> None:
    picture = to_svg(SHAPES)
    root = ElementTree.fromstring(picture)
    groups = root.findall("{http://www.w3.org/2000/svg}g")
    assert len(groups) == len(SHAPES)
    kinds = [next(iter(group)).tag.rsplit("}", 1)[-1] for group in groups]
    by_index = sorted(SHAPES, key=lambda id: (SHAPES[id].get("index", "a0"), id))
    assert kinds[by_index.index("round")] == "ellipse"
    assert kinds[by_index.index("box")] == "rect"
    assert "a &lt;b&gt; &amp; c" in picture
    x, y, w, h = map(float, root.attrib["viewBox"].split())
    assert x < 0
    assert y < 0
    assert x + w > 380
    assert y + h > 660
    again = {id: dict(reversed(shape.items())) for id, shape in reversed(SHAPES.items())}
    assert to_svg(again) == picture, "whatever the order of keys"


def test_an_arrow_stops_at_the_edge_of_its_shape() -> None:
    shapes = {
        "a": {"type": "rectangle", "x": 0, "y": 0, "w": 100, "h": 100},
        "b": {"type": "ellipse", "x": 300, "y": 0, "w": 100, "h": 100},
        "c": {"type": "arrow", "points": [[0, 0], [1, 1]], "from": "a", "to": "b"},
    }
    root = ElementTree.fromstring(to_svg(shapes))
    path = root.findall("{http://www.w3.org/2000/svg}g")[2][0].attrib["d"]
    assert path == "M106 50L294 50"


@pytest.mark.parametrize(
    "shapes",
    [
        None, [], 7, {}, {"x": None}, {"x": {"type": "circle"}}, {"x": {"type": "pen"}}, {"x": {"type": ["pen"]}},
        {"x": {"type": "pen", "points": [1, [2], ["a", "b"], [float("inf"), 1e300]]}},
        {"x": {"type": "rectangle", "w": "wide", "fill": "url(#x)", "stroke": '"/><script>', "width": {}, "dash": []}},
        {"x": {"type": "image", "src": "https://elsewhere.example.com/x.png"}},
        {"x": {"type": "text", "text": "\x00\x1b\ud800]]><script>"}},
        {"x": {"type": "arrow", "points": [[0, 0], [0, 0]], "from": "x", "to": {"id": 7}}},
        {"x": {"type": "note", "opacity": -5, "rotation": 1e9, "fontSize": 3, "index": 4}},
    ],
)  # fmt: skip
def test_nothing_of_others_gets_out_of_hand(shapes: Any) -> None:
    picture = to_svg(shapes)
    ElementTree.fromstring(picture.encode())
    for bad in ("<script", "url(", "http://", "https://"):
        assert bad not in picture.replace("http://www.w3.org/2000/svg", "")


def test_a_board_of_notes_is_drawn_in_time_that_grows_with_it() -> None:
    words = "lorem ipsum dolor " * 1000
    notes = {str(number): {"type": "note", "y": number, "text": words} for number in range(20)}
    before = time.process_time()
    picture = to_svg(notes)
    assert len(picture) > 20 * len(words)
    assert time.process_time() - before < 2, "360 KB took longer than 29 MB may"


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CollabError) as refused:
        to_svg({str(number): 0 for number in range(MAX_SHAPES + 1)})
    assert refused.value.code == "document_too_large"
    assert bounds.MAX_OUTPUT <= 2**27
    out = bounds.Output("SVG", most=10)
    out.put("123456789")
    with pytest.raises(CollabError, match="document_too_large"):
        out.put("ab")


@pytest.mark.parametrize(
    "src",
    [
        "javascript:alert(1)", "data:image/svg+xml;base64,AAAA", "data:text/html,<script>", "https://x.org/a.png",
        'data:image/png;base64,AA" onload="x',
    ],
)  # fmt: skip
def test_addresses_of_pictures_are_the_data_of_pictures(src: str) -> None:
    assert "<image" not in to_svg({"x": {"type": "image", "w": 5, "h": 5, "src": src}})
