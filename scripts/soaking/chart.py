"""What was seen as CSV, and as an SVG: a line for each node over the time, one panel for each figure."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

#: column -> title and unit of its panel; the unit is what values are divided by
PANELS = {
    "memory": ("Memory, MB", 1e6), "descriptors": ("Open descriptors", 1.0), "documents": ("Documents in memory", 1.0),
    "sessions": ("Sessions", 1.0), "store": ("Store, MB", 1e6), "files": ("Files of the store", 1.0),
    "ack_p50": ("An edit is saved, p50, ms", 0.001), "ack_p99": ("An edit is saved, p99, ms", 0.001),
}  # fmt: skip
COLORS = ("#4f46e5", "#0f9d76", "#c2571a")
_WIDTH, _HEIGHT, _LEFT, _TOP = 440, 150, 46, 30
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; } .grid { stroke: #d1d9e0; }
.event { stroke: #cf222e; stroke-dasharray: 2 3; opacity: 0.5; }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc; } .grid { stroke: #3d444d; } }
"""

Row = dict[str, Any]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """One line a sample and node."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["seconds", "node", *PANELS], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_svg(path: Path, rows: Sequence[Row], events: Sequence[float], title: str) -> None:
    """The panels, with a line where something was done to the servers."""
    until = max((row["seconds"] for row in rows), default=1.0) or 1.0
    parts = [f'<text x="8" y="18">{escape(title)}</text>']
    for number, (column, (name, unit)) in enumerate(PANELS.items()):
        x, y = number % 2 * _WIDTH, _TOP + number // 2 * _HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(column, name, unit, rows, events, until)}</g>')
    height = _TOP + (len(PANELS) + 1) // 2 * _HEIGHT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {height}"><style>{_STYLE}</style>'
    path.write_text(head + "".join(parts) + "</svg>\n", "utf-8")


def _panel(column: str, name: str, unit: float, rows: Sequence[Row], events: Sequence[float], until: float) -> str:
    width, height = _WIDTH - _LEFT - 16, _HEIGHT - 48
    known = [row for row in rows if row.get(column) is not None]
    most = max((row[column] / unit for row in known), default=1.0) or 1.0

    def at(seconds: float, value: float) -> str:
        return f"{_LEFT + seconds / until * width:.1f},{20 + height - value / most * height:.1f}"

    parts = [f'<text x="{_LEFT}" y="12">{escape(name)}</text>']
    for part in (0.0, 1.0):
        y = 20 + height - part * height
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + width}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{_number(most * part)}</text>')
    for seconds in events:
        x = _LEFT + seconds / until * width
        parts.append(f'<line class="event" x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="{20 + height}"/>')
    for number, node in enumerate(sorted({row["node"] for row in known})):
        points = " ".join(at(row["seconds"], row[column] / unit) for row in known if row["node"] == node)
        parts.append(f'<polyline fill="none" stroke="{COLORS[number % len(COLORS)]}" points="{points}"/>')
    parts.append(f'<text x="{_LEFT + width}" y="{height + 34}" text-anchor="end">{until / 60:.1f} min</text>')
    return "".join(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def slope(rows: Sequence[Row], column: str) -> tuple[float, float]:
    """By how much a figure grows in an hour, by least squares, and twice the standard error of that."""
    points = [(row["seconds"] / 3600, row[column]) for row in rows if row.get(column)]
    if len(points) < 3 or len({x for x, _ in points}) < 3:
        return 0.0, 0.0
    fitted = statistics.linear_regression(*zip(*points, strict=True))
    mean = statistics.fmean(x for x, _ in points)
    off = sum((y - fitted.slope * x - fitted.intercept) ** 2 for x, y in points) / (len(points) - 2)
    return fitted.slope, 2 * sqrt(off / sum((x - mean) ** 2 for x, _ in points))
