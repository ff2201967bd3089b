"""The tables in ``collab/OPERATIONS.md``, of metrics and of events in the log: ``python -m collab.observe.table``
writes them anew."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collab.metrics import METRICS, PREFIX, Histogram

_PACKAGE = Path(__file__).parents[1]
PAGE = _PACKAGE / "OPERATIONS.md"
_MARKS = "<!-- {0}: python -m collab.observe.table -->", "<!-- /{0} -->"
#: what does not run in the server
_ELSEWHERE = ("client", "commands")
_LEVELS = ("info", "warning", "error", "exception")


class Event(NamedTuple):
    """A line in the log: its name, level, fields, the module that writes it, and whether it begins or ends something
    that lasts."""

    name: str
    level: str
    fields: tuple[str, ...]
    module: str
    lasting: bool = False


def metrics_table() -> str:
    """The table of metrics, as Markdown."""
    rows = ["| metric | kind | labels | |", "| --- | --- | --- | --- |"]
    for metric in METRICS:
        kind: str = metric.kind
        if isinstance(metric, Histogram):
            kind += f", {metric.bounds[0]:g} to {metric.bounds[-1]:g} {metric.unit}".rstrip()
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{PREFIX}{metric.name}` | {kind} | {labels} | {metric.help} |")
    return "\n".join(rows)


def events() -> list[Event]:
    """Every event that the server writes at ``info`` and above, as its source says."""
    found: dict[str, Event] = {}
    for path in sorted(_PACKAGE.rglob("*.py")):
        module = path.relative_to(_PACKAGE).as_posix()
        if not module.startswith(_ELSEWHERE):
            for event in _events_in(ast.parse(path.read_text()), module):
                found.setdefault(event.name, event)
    return sorted(found.values())


def _events_in(tree: ast.Module, module: str) -> Iterator[Event]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        fields = tuple(keyword.arg or "..." for keyword in node.keywords)
        words = [words for each in node.args for words in _words_of(each)]
        match node.func:
            case ast.Attribute(value=ast.Name(id="_log" | "log"), attr=level) if level in _LEVELS and words:
                for name in words:
                    yield Event(name, "error" if level == "exception" else level, fields, module)
            case ast.Call(func=ast.Name(id="getattr")) if words:  # a level that is found out
                yield Event(words[0], "any", fields, module)
            case ast.Name(id="Incident") if len(words) == 2:
                levels = [each.value.value for each in node.keywords if isinstance(each.value, ast.Constant)]
                yield Event(words[0], str(levels[0]) if levels else "error", ("...",), module, lasting=True)
                yield Event(words[1], "info", ("seconds", "..."), module, lasting=True)


def _words_of(value: ast.expr) -> list[str]:
    """The words of an argument that is given, or of both between which it is chosen."""
    match value:
        case ast.Constant(value=str(words)):
            return [words]
        case ast.IfExp(body=one, orelse=other):
            return _words_of(one) + _words_of(other)
    return []


def events_table() -> str:
    """The table of events, as Markdown."""
    rows = ["| event | level | fields | written by |", "| --- | --- | --- | --- |"]
    for event in events():
        fields = ", ".join(f"`{field}`" if field != "..." else field for field in event.fields)
        rows.append(f"| `{event.name}` | {event.level} | {fields} | `{event.module}` |")
    return "\n".join(rows)


def with_tables(page: str) -> str:
    """``page`` with the tables as they are now between their marks."""
    for name, table in (("metrics", metrics_table()), ("events", events_table())):
        begin, end = (mark.format(name) for mark in _MARKS)
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
