"""A board of the demo as an SVG picture, drawn like the demo draws it in its light theme.

Shapes are read from a document that anybody may have written: what cannot be drawn is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from collab.content.formats.bounds import Output, too_large

_MARGIN: Final = 24
#: shapes of one board that are drawn
MAX_SHAPES: Final = 50_000
_FARTHEST: Final = 1e6
_MOST_TEXT: Final = 20_000
_MOST_POINTS: Final = 20_000
_GAP: Final = 6
_PADDING: Final = 12
_LINE_HEIGHT: Final = 1.3
#: the width of a letter, in parts of its size; nothing here can measure fonts
_LETTER: Final = 0.55
_FONT: Final = "'Inter Variable', system-ui, sans-serif"
_WIDTHS: Final = {"S": 2.0, "M": 3.5, "L": 6.0}
_FONT_SIZES: Final = {"S": 14, "M": 20, "L": 28, "XL": 44}
_NOTE_SIZE: Final = 200.0
#: name -> colour of strokes and of fills
_PALETTE: Final = {
    "ink": ("#1d1f27", "#e4e5eb"), "grey": ("#80848f", "#f0f0f4"), "red": ("#d9363e", "#ffdcdd"),
    "orange": ("#e0701a", "#ffe5cf"), "yellow": ("#c99700", "#fff1b8"), "green": ("#1d9a55", "#d3f3df"),
    "blue": ("#2a6fdb", "#dbe8ff"), "violet": ("#7c4ddb", "#e9e0ff"),
}  # fmt: skip
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CLOSED: Final = frozenset({"rectangle", "ellipse", "diamond", "note", "text", "image"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """A shape, read and checked."""

    kind: str
    x: float
    y: float
    w: float
    h: float
    rotation: float
    points: list[tuple[float, float]]
    text: str
    stroke: str | None
    fill: str | None
    width: float
    dash: str
    opacity: float
    size: int
    ends: tuple[tuple[str, float, float] | None, tuple[str, float, float] | None]
    src: str
    index: str


def to_svg(shapes: Any) -> str:
    """The picture.

    Args:
        shapes: the content of ``/board/shapes``: id -> shape, as JSON.

    Raises:
        CollabError: ``document_too_large`` for more than :data:`MAX_SHAPES`, or a picture beyond
            :data:`~collab.content.formats.bounds.MAX_OUTPUT`.
    """
    if isinstance(shapes, dict) and len(shapes) > MAX_SHAPES:
        raise too_large("SVG", "shapes", MAX_SHAPES)
    read = {id: _read(one) for id, one in shapes.items()} if isinstance(shapes, dict) else {}
    known = {id: shape for id, shape in read.items() if shape is not None}
    ordered = [shape for _, shape in sorted(known.items(), key=lambda entry: (entry[1].index, entry[0]))]
    body = Output("SVG")
    boxes = []
    for shape in ordered:
        picture, box = _draw(shape, known)
        body.put(picture + "\n")
        boxes.append(box)
    x, y, w, h = _frame(boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x} {y} {w} {h}" width="{w}" height="{h}">\n'
        f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="#ffffff"/>\n{body.text()}</svg>\n'
    )


# -- reading ----------------------------------------------------------------------------------------------


def _read(source: Any) -> _Shape | None:
    kind = source.get("type") if isinstance(source, dict) else None
    if not isinstance(kind, str) or kind not in _CLOSED | {"pen", "arrow", "line"}:
        return None
    points = [
        (_number(point[0]), _number(point[1]))
        for point in _list(source.get("points"))[:_MOST_POINTS]
        if isinstance(point, list) and len(point) >= 2
    ]
    if kind not in _CLOSED and len(points) < (1 if kind == "pen" else 2):
        return None
    w, h = _number(source.get("w"), 0), _number(source.get("h"), 0)
    if kind == "note" and w == 0:
        w = h = _NOTE_SIZE
    fill = source.get("fill")
    text = source.get("text")
    src = source.get("src")
    return _Shape(
        kind=kind,
        x=_number(source.get("x")),
        y=_number(source.get("y")),
        w=max(0.0, w),
        h=max(0.0, h),
        rotation=_number(source.get("rotation")),
        points=points,
        text=_NOT_XML.sub("", text[:_MOST_TEXT]) if isinstance(text, str) else "",
        stroke=_colour(source.get("stroke"), 0, "ink"),
        fill=_colour(fill, 1, "yellow" if kind == "note" else "none"),
        width=_one_of(_WIDTHS, source.get("width"), "M"),
        dash=source["dash"] if source.get("dash") in ("dashed", "dotted") else "solid",
        opacity=min(1.0, max(0.05, _number(source.get("opacity"), 1))),
        size=int(_one_of(_FONT_SIZES, source.get("fontSize"), "M")),
        ends=(_binding(source.get("from")), _binding(source.get("to"))),
        src=src if isinstance(src, str) and _PICTURE.fullmatch(src) else "",
        index=source["index"][:200] if isinstance(source.get("index"), str) else "a0",
    )


def _number(value: Any, otherwise: float = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return otherwise
    return min(_FARTHEST, max(-_FARTHEST, value))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _one_of(table: Mapping[str, float], value: Any, otherwise: str) -> float:
    return table[value if isinstance(value, str) and value in table else otherwise]


def _colour(value: Any, column: int, otherwise: str) -> str | None:
    if not isinstance(value, str) or not (value == "none" or value in _PALETTE or _COLOUR.fullmatch(value)):
        value = otherwise
    if value == "none":
        return None
    return _PALETTE[value][column] if value in _PALETTE else str(value)


def _binding(value: Any) -> tuple[str, float, float] | None:
    if isinstance(value, str) and value:
        return value, 0.5, 0.5
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        ax, ay = (min(1.0, max(0.0, _number(value.get(key), 0.5))) for key in ("ax", "ay"))
        return value["id"], ax, ay
    return None


# -- drawing ----------------------------------------------------------------------------------------------

_Box = tuple[float, float, float, float]


def _draw(shape: _Shape, known: Mapping[str, _Shape]) -> tuple[str, _Box]:
    """A shape as SVG, and the box (left, top, right, bottom) that it fills."""
    opacity = "" if shape.opacity == 1 else f' opacity="{_short(shape.opacity)}"'
    if shape.kind in ("arrow", "line"):
        points = _ends(shape, known)
        return f"<g{opacity}>{_line(shape, points)}</g>", _around(points, shape.width * 3)
    at = f"translate({_short(shape.x)} {_short(shape.y)})"
    w, h = shape.w, shape.h
    if shape.rotation:
        at += f" rotate({_short(math.degrees(shape.rotation))} {_short(w / 2)} {_short(h / 2)})"
    inner = _pen(shape) if shape.kind == "pen" else _outline(shape) + _text(shape)
    if shape.kind == "pen":
        corners = [(shape.x + x, shape.y + y) for x, y in shape.points]
    else:
        if shape.kind == "text":
            lines = shape.text.split("\n")
            w = max(w, max(map(len, lines)) * shape.size * _LETTER)
            h = max(h, len(lines) * shape.size * _LINE_HEIGHT)
        middle = (shape.x + shape.w / 2, shape.y + shape.h / 2)
        corners = [
            _turned((x, y), middle, shape.rotation) for x in (shape.x, shape.x + w) for y in (shape.y, shape.y + h)
        ]
    return f'<g transform="{at}"{opacity}>{inner}</g>', _around(corners, shape.width)


def _outline(shape: _Shape) -> str:
    w, h = shape.w, shape.h
    style = f' fill="{shape.fill or "none"}"{_stroke(shape)}'
    size = f'width="{_short(w)}" height="{_short(h)}"'
    if shape.kind == "rectangle":
        return f'<rect {size} rx="{_short(min(8, w / 4, h / 4))}"{style}/>'
    if shape.kind == "ellipse":
        return f'<ellipse cx="{_short(w / 2)}" cy="{_short(h / 2)}" rx="{_short(w / 2)}" ry="{_short(h / 2)}"{style}/>'
    if shape.kind == "diamond":
        return f'<path d="{_path([(w / 2, 0), (w, h / 2), (w / 2, h), (0, h / 2)])}Z"{style}/>'
    if shape.kind == "note":
        return f'<rect {size} rx="4" fill="{shape.fill or _PALETTE["yellow"][1]}"/>'
    if shape.kind == "image":
        if shape.src:
            return f'<image {size} href={quoteattr(shape.src)} preserveAspectRatio="none"/>'
        return f'<rect {size} rx="4" fill="{_PALETTE["grey"][1]}"/>'
    return ""


def _stroke(shape: _Shape) -> str:
    if shape.stroke is None:
        return ""
    width = shape.width
    dash = {"dashed": f"{width * 3:g} {width * 2.4:g}", "dotted": f"0.1 {width * 2:g}"}.get(shape.dash)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f' stroke="{shape.stroke}" stroke-width="{width:g}" stroke-linecap="round" stroke-linejoin="round"{dashed}'


def _pen(shape: _Shape) -> str:
    points = shape.points if len(shape.points) > 1 else shape.points * 2
    style = f'fill="none" stroke="{shape.stroke or _PALETTE["ink"][0]}" stroke-width="{shape.width * 1.4:g}"'
    return f'<path d="{_path(points)}" {style} stroke-linecap="round" stroke-linejoin="round"/>'


def _line(shape: _Shape, points: list[tuple[float, float]]) -> str:
    drawn = f'<path d="{_path(points)}" fill="none"{_stroke(shape)}/>'
    if shape.kind == "line":
        return drawn
    (bx, by), (ex, ey) = points[-2:]
    angle = math.atan2(ey - by, ex - bx)
    length = min(10 + shape.width * 3, math.hypot(ex - bx, ey - by) * 0.6)
    wings = [(ex - length * math.cos(angle + turn), ey - length * math.sin(angle + turn)) for turn in (0.45, -0.45)]
    style = f'fill="none" stroke="{shape.stroke or _PALETTE["ink"][0]}" stroke-width="{shape.width:g}"'
    tip = _path([wings[0], (ex, ey), wings[1]])
    return f'{drawn}<path d="{tip}" {style} stroke-linecap="round" stroke-linejoin="round"/>'


def _text(shape: _Shape) -> str:
    if not shape.text:
        return ""
    step = shape.size * _LINE_HEIGHT
    colour = shape.stroke or _PALETTE["ink"][0]
    if shape.kind == "text":
        lines, anchor, x, top = shape.text.split("\n"), "start", 2.0, 0.0
    else:
        share = {"ellipse": 0.76, "diamond": 0.6}.get(shape.kind, 1.0)
        room = max(float(shape.size), shape.w * share - 2 * _PADDING)
        letters = max(1, int(room / (shape.size * _LETTER)))
        lines = [line for part in shape.text.split("\n") for line in _wrapped(part, letters)]
        anchor, x, top = "middle", shape.w / 2, shape.h / 2 - len(lines) * step / 2
        if shape.kind == "note":
            colour = _PALETTE["ink"][0]
    spans = "".join(
        f'<tspan x="{_short(x)}" y="{_short(top + number * step + shape.size * 0.98)}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return (
        f'<text font-family="{_FONT}" font-weight="500" font-size="{shape.size}" fill="{colour}"'
        f' text-anchor="{anchor}" xml:space="preserve">{spans}</text>'
    )


def _wrapped(text: str, letters: int) -> list[str]:
    """The lines of a paragraph, each of at most ``letters`` letters; longer words are broken."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) <= letters:
            lines[-1] += f" {word}"
            continue
        if lines[-1]:
            lines.append("")
        *full, lines[-1] = [word[at : at + letters] for at in range(0, len(word), letters)]
        lines[-1:-1] = full
    return lines


# -- geometry ---------------------------------------------------------------------------------------------


def _ends(shape: _Shape, known: Mapping[str, _Shape]) -> list[tuple[float, float]]:
    """The points of an arrow; an end that sticks to a shape stops at its edge."""
    points = [(shape.x + x, shape.y + y) for x, y in shape.points]
    targets = [known.get(end[0]) if end is not None else None for end in shape.ends]
    for place, end, target in zip((0, -1), shape.ends, targets, strict=True):
        if end is not None and target is not None and target.kind in _CLOSED:
            middle = (target.x + target.w / 2, target.y + target.h / 2)
            points[place] = _turned(
                (target.x + end[1] * target.w, target.y + end[2] * target.h), middle, target.rotation
            )
    whole = list(points)
    for place, beside, target in zip((0, -1), (1, -2), targets, strict=True):
        if target is not None and target.kind in _CLOSED:
            points[place] = _edge(target, whole[place], whole[beside])
    return points


def _edge(target: _Shape, at: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Where the way from a shape to ``towards`` leaves the shape, and a little further."""
    low, high = 0.0, 1.0
    if _inside(target, towards):
        return at
    for _ in range(30):
        middle = (low + high) / 2
        point = (at[0] + (towards[0] - at[0]) * middle, at[1] + (towards[1] - at[1]) * middle)
        low, high = (middle, high) if _inside(target, point) else (low, middle)
    length = math.dist(at, towards)
    part = min(1.0, high + _GAP / length) if length * (1 - high) > 2 * _GAP else high
    return at[0] + (towards[0] - at[0]) * part, at[1] + (towards[1] - at[1]) * part


def _inside(shape: _Shape, point: tuple[float, float]) -> bool:
    middle = (shape.x + shape.w / 2, shape.y + shape.h / 2)
    x, y = _turned(point, middle, -shape.rotation)
    dx, dy = abs(x - middle[0]) / max(shape.w / 2, 0.5), abs(y - middle[1]) / max(shape.h / 2, 0.5)
    if shape.kind == "ellipse":
        return dx * dx + dy * dy <= 1
    return dx + dy <= 1 if shape.kind == "diamond" else max(dx, dy) <= 1


def _turned(point: tuple[float, float], middle: tuple[float, float], angle: float) -> tuple[float, float]:
    dx, dy = point[0] - middle[0], point[1] - middle[1]
    cos, sin = math.cos(angle), math.sin(angle)
    return middle[0] + dx * cos - dy * sin, middle[1] + dx * sin + dy * cos


def _around(points: list[tuple[float, float]], more: float) -> _Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs) - more, min(ys) - more, max(xs) + more, max(ys) + more


def _frame(boxes: list[_Box]) -> tuple[int, int, int, int]:
    """x, y, width and height of the whole picture."""
    boxes = boxes or [(0, 0, 100, 100)]
    left, top = math.floor(min(box[0] for box in boxes)) - _MARGIN, math.floor(min(box[1] for box in boxes)) - _MARGIN
    right, bottom = max(box[2] for box in boxes) + _MARGIN, max(box[3] for box in boxes) + _MARGIN
    return left, top, math.ceil(right - left), math.ceil(bottom - top)


def _path(points: list[tuple[float, float]]) -> str:
    return "".join(f"{'L' if number else 'M'}{_short(x)} {_short(y)}" for number, (x, y) in enumerate(points))


def _short(value: float) -> str:
    return f"{round(value, 2):.2f}".rstrip("0").rstrip(".")
