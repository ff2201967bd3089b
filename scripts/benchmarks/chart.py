"""The outcome as an SVG for the README: bars per workload, lines for what was measured at many sizes.

Drawn from the JSON (see ``report.as_json``), so that old results can be drawn again. Readable on light
and on dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.servers import OURS

_WIDTH = 880
_GUTTER = 32
_PANEL = (_WIDTH - 3 * _GUTTER) / 2
_ROW, _BAR = 22, 14
_LABEL, _VALUE = 138, 112
_HEAD = 62
_PLOT = 170

_STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 13px; font-weight: 600; }
  .small, .axis { font-size: 11px; fill: #59636e; }
  .ours { font-weight: 600; }
  .bar { fill: #b6bec9; } .bar.ours { fill: #4f46e5; }
  .line { fill: none; stroke: #4f46e5; stroke-width: 2; } .dot { fill: #4f46e5; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small, .axis { fill: #9198a1; }
    .bar { fill: #565f6b; } .bar.ours, .dot { fill: #8b8af5; } .line { stroke: #8b8af5; } .grid { stroke: #3d444d; }
  }
"""


def draw(content: Mapping[str, Any]) -> str:
    """The chart of a result file.

    Args:
        content: what ``report.as_json`` made.
    """
    panels = list(_panels(content["workloads"]))
    rows = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    y = float(_GUTTER)
    parts = []
    for row in rows:
        for column, (body, _) in enumerate(row):
            x = _GUTTER + column * (_PANEL + _GUTTER)
            parts.append(f'<g transform="translate({x:.0f} {y:.0f})">{body}</g>')
        y += max(height for _, height in row) + _GUTTER
    machine = content["machine"]
    foot = (
        f"{machine['cpu']}, Python {machine['python']}, Node {machine['node']}, {content['began'][:10]}, "
        f"commit {content['commit']}. Server on one core; durable on disk: {OURS}, and whose name says so."
    )
    parts.append(f'<text class="small" x="{_GUTTER}" y="{y:.0f}">{escape(foot)}</text>')
    height = y + _GUTTER / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="Benchmarks of {OURS} and its peers">'
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _panels(workloads: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for name, workload in workloads.items():
        ours = workload["servers"].get(OURS)
        if workload["ours_only"]:
            series = ours["rounds"][-1]["series"] if ours else {}
            for of, rows in series.items():
                if len(rows) > 1:
                    yield _lines(f"{name}: cost per delivery", of, rows)
        elif any(workload["key"] in server["figures"] for server in workload["servers"].values()):
            yield _bars(name, workload)


def _head(title: str, lines: Sequence[str]) -> str:
    head = f'<text class="title" y="12">{escape(title)}</text>'
    for index, line in enumerate(lines):
        head += f'<text class="small" y="{29 + 15 * index}">{escape(line)}</text>'
    return head


def _bars(name: str, workload: Mapping[str, Any]) -> tuple[str, float]:
    key = workload["key"]
    better = "more is better" if workload["more_is_better"] else "less is better"
    figures = {
        server: (found["figures"][key], found["ratio"])
        for server, found in workload["servers"].items()
        if key in found["figures"] and not found["problems"]
    }
    most = max((value for value, _ in figures.values()), default=1.0) or 1.0
    room = _PANEL - _LABEL - _VALUE
    body = _head(name, [workload["title"], f"{workload['key_heading']}, {better}"])
    y = float(_HEAD)
    for server, (value, ratio) in figures.items():
        ours = " ours" if server == OURS else ""
        width = max(1.0, room * value / most)
        shown = _short(value) + (f"  (ours {ratio:.2f}x)" if ratio is not None else "")
        body += (
            f'<text class="label{ours}" x="{_LABEL - 8}" y="{y + 11:.0f}" text-anchor="end">{escape(server)}</text>'
            f'<rect class="bar{ours}" x="{_LABEL}" y="{y:.0f}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
            f'<text class="label{ours}" x="{_LABEL + width + 6:.1f}" y="{y + 11:.0f}">{escape(shown)}</text>'
        )
        y += _ROW
    return body, y


def _lines(title: str, of: str, rows: Sequence[Mapping[str, float]]) -> tuple[str, float]:
    """CPU per delivery against size, both on logarithmic axes."""
    sizes = [row["size"] for row in rows]
    costs = [row["cpu_us"] for row in rows]
    low = 10 ** math.floor(math.log10(min(costs)))
    high = 10 ** math.ceil(math.log10(max(costs)))
    high = high if high > low else low * 10
    left, right, top = 44.0, _PANEL - 12, float(_HEAD - 12)
    span = math.log10(sizes[-1] / sizes[0]) or 1.0

    def x(size: float) -> float:
        return left + 16 + (right - left - 32) * math.log10(size / sizes[0]) / span

    def y(cost: float) -> float:
        return top + _PLOT * (1 - math.log10(cost / low) / math.log10(high / low))

    body = _head(title, [f"CPU us/delivery against the number of {of}"])
    mark = low
    while mark <= high:
        body += (
            f'<line class="grid" x1="{left}" x2="{right:.0f}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
            f'<text class="axis" x="{left - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{_short(mark)}</text>'
        )
        mark *= 10
    points = " ".join(f"{x(size):.1f},{y(cost):.1f}" for size, cost in zip(sizes, costs, strict=True))
    body += f'<polyline class="line" points="{points}"/>'
    for size, cost in zip(sizes, costs, strict=True):
        body += (
            f'<circle class="dot" cx="{x(size):.1f}" cy="{y(cost):.1f}" r="3"/>'
            f'<text class="axis" x="{x(size):.1f}" y="{y(cost) - 8:.1f}" text-anchor="middle">{_short(cost)}</text>'
            f'<text class="axis" x="{x(size):.1f}" y="{top + _PLOT + 18:.1f}" text-anchor="middle">{size:,.0f}</text>'
        )
    return body, top + _PLOT + 24


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1e6:.2f} M"
    if value >= 10_000:
        return f"{value / 1e3:,.0f} k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
