"""Rich text as Markdown and back: the formats that Quill and the demo's text editor write.

Formats of lines stand on their line break, as in every Quill document: ``header``, ``list``, ``blockquote``,
``code-block``; those of words: ``bold``, ``italic``, ``strike``, ``code``, ``link``. A text without any
format is passed through as it is: it is plain, or Markdown already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pycrdt

from collab.documents.operations import parse_pointer
from collab.documents.reading import read

_INLINE: Final = ("link", "bold", "italic", "strike", "code")
_LINES: Final = ("header", "list", "blockquote", "code-block")
_SIGNS: Final = {"bold": "**", "italic": "*", "strike": "~~"}
_SPECIAL = re.compile(r"([\\*_`\[\]~])")
_LINE_START = re.compile(r"^(#{1,6} |> ?|[-+] |```|\d+[.)] )")

#: one line: runs of words with their formats, and the line's own formats
_Run = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class _Line:
    runs: list[_Run] = field(default_factory=list)
    formats: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(words for words, _ in self.runs)


# -- writing ----------------------------------------------------------------------------------------------


def to_markdown(state: bytes, path: str) -> str:
    """The text at ``path`` as Markdown.

    Args:
        state: the document, as one Yjs v1 update.
        path: a JSON pointer. What is no root text is written without formats.

    Raises:
        CollabError: as :func:`collab.documents.reading.read`.
    """
    plain = read(state, path, "text")
    segments = parse_pointer(path)
    if len(segments) != 1 or not isinstance(read(state, path), str) or not plain:
        return _ended(plain)
    pieces = _pieces(state, segments[0])
    embeds = [piece for piece, _ in pieces if not isinstance(piece, str)]
    formatted = embeds or any(formats for _, formats in pieces)
    if not formatted or not all(isinstance(embed, dict) for embed in embeds):  # XML comes as embeds of another kind
        return _ended(plain)
    return _ended("".join(_blocks(list(_lines(pieces)))))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _pieces(state: bytes, root: str) -> list[tuple[Any, dict[str, Any]]]:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get(root, type=pycrdt.Text)
    doc.apply_update(state)
    return [(piece, dict(formats or {})) for piece, formats in text.diff()]


def _lines(pieces: Iterable[tuple[Any, dict[str, Any]]]) -> Iterator[_Line]:
    line = _Line()
    for piece, formats in pieces:
        if not isinstance(piece, str):
            source = piece.get("image") if isinstance(piece, dict) else None
            if isinstance(source, str):
                line.runs.append((f"![]({source})", {"raw": True}))
            continue
        *ended, rest = piece.split("\n")
        for words in ended:
            if words:
                line.runs.append((words, formats))
            line.formats = {name: formats[name] for name in _LINES if formats.get(name)}
            yield line
            line = _Line()
        if rest:
            line.runs.append((rest, formats))
    if line.runs:
        yield line


def _blocks(lines: list[_Line]) -> Iterator[str]:
    before: str | None = None
    number = 0
    for line in lines:
        kind = next((name for name in _LINES if name in line.formats), "")
        value = line.formats.get(kind)
        number = number + 1 if value == "ordered" else 0
        if before == "code-block" and kind != "code-block":
            yield "```\n"
        if before is not None and not (kind and kind == before and kind != "header") and (line.runs or kind):
            yield "\n"
        if not line.runs and not kind:
            yield "\n"  # an empty line of its own
            before = before if before is None else ""
            continue
        if kind == "code-block":
            if before != kind:
                yield "```" + (value if isinstance(value, str) and value not in ("plain", "true") else "") + "\n"
            yield line.text + "\n"
        else:
            prefix = _prefix(kind, value, number)
            words = _inline(line.runs)
            yield prefix + (words if prefix else _LINE_START.sub(lambda found: "\\" + found[0], words)) + "\n"
        before = kind
    if before == "code-block":
        yield "```\n"


def _prefix(kind: str, value: Any, number: int) -> str:
    if kind == "header":
        # Numbers come out of a Yjs document as floating point.
        return "#" * (int(value) if isinstance(value, int | float) and 1 <= value <= 6 else 1) + " "
    if kind == "blockquote":
        return "> "
    if kind == "list":
        return {"ordered": f"{number}. ", "checked": "- [x] ", "unchecked": "- [ ] "}.get(str(value), "- ")
    return ""


def _inline(runs: list[_Run]) -> str:
    """Words with their signs; formats that go on through several runs are opened once."""
    out: list[str] = []
    opened: list[tuple[str, Any]] = []
    for words, formats in [*runs, ("", {})]:
        wanted = [(name, formats[name]) for name in _INLINE if formats.get(name) and name != "code"]
        keep = 0
        while keep < len(opened) and keep < len(wanted) and opened[keep] == wanted[keep]:
            keep += 1
        for name, value in reversed(opened[keep:]):
            out.append(f"]({value})" if name == "link" else _SIGNS[name])
        for name, _ in wanted[keep:]:
            out.append("[" if name == "link" else _SIGNS[name])
        opened = wanted
        if formats.get("raw"):
            out.append(words)
        elif formats.get("code"):
            fence = "``" if "`" in words else "`"
            out.append(f"{fence}{words}{fence}")
        else:
            out.append(_SPECIAL.sub(r"\\\1", words))
    return "".join(out)


# -- reading ----------------------------------------------------------------------------------------------

_FENCE = re.compile(r"^```\s*(\w*)\s*$")
_HEADER = re.compile(r"^(#{1,6})\s+(.*)$")
_QUOTE = re.compile(r"^>\s?(.*)$")
_CHECK = re.compile(r"^\s*[-*+]\s+\[([ xX])\]\s+(.*)$")
_BULLET = re.compile(r"^\s*[-*+]\s+(.*)$")
_ORDERED = re.compile(r"^\s*\d+[.)]\s+(.*)$")
_TOKEN = re.compile(
    r"\\(?P<escaped>[\\`*_{}\[\]()#+\-.!~>])"
    r"|``(?P<code2>.+?)``(?!`)|`(?P<code>[^`]+)`"
    r"|(?<!!)\[(?P<words>(?:\\.|[^\]\\])+)\]\((?P<link>[^()\s]+)\)"
    r"|(?P<sign>\*\*|~~|\*|_(?=\S)|(?<=\S)_)"
)


def from_markdown(markdown: str, path: str, state: bytes) -> list[dict[str, Any]]:
    """The operations that make the text at ``path`` what ``markdown`` says.

    Args:
        state: the document that it is for, as one Yjs v1 update; formats that are there are kept where
            they are right.

    Returns:
        Operations for :func:`collab.documents.editing.edit`.
    """
    text, wanted = _spans(list(_parse(markdown)))
    operations: list[dict[str, Any]] = [{"op": "text.replace", "path": path, "text": text}]
    segments = parse_pointer(path)
    present = _formats(state, segments[0]) if len(segments) == 1 else set()
    length = _units(text)
    if length and present:
        cleared = dict.fromkeys(sorted(present))
        operations.append({"op": "text.format", "path": path, "index": 0, "length": length, "attributes": cleared})
    for index, count, formats in wanted:
        operations.append({"op": "text.format", "path": path, "index": index, "length": count, "attributes": formats})
    return operations


def _formats(state: bytes, root: str) -> set[str]:
    """The names of all formats in a text."""
    return {name for _, formats in _pieces(state, root) for name in formats}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _spans(lines: list[_Line]) -> tuple[str, list[tuple[int, int, dict[str, Any]]]]:
    """The plain text, and (index, length, formats) of what has formats; in UTF-16 units."""
    parts: list[str] = []
    spans: list[tuple[int, int, dict[str, Any]]] = []
    at = 0
    for line in lines:
        for words, formats in [*line.runs, ("\n", line.formats)]:
            length = _units(words)
            if formats:
                if spans and spans[-1][2] == formats and spans[-1][0] + spans[-1][1] == at:
                    spans[-1] = (spans[-1][0], spans[-1][1] + length, formats)
                else:
                    spans.append((at, length, formats))
            parts.append(words)
            at += length
    return "".join(parts), spans


def _parse(markdown: str) -> Iterator[_Line]:
    fence: str | None = None
    blank = 0
    first = True
    for text in markdown.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        if fence is not None:
            if text.strip() == "```":
                fence = None
            else:
                yield _Line([(text, {})] if text else [], {"code-block": fence})
            continue
        if not text.strip():
            blank += 1
            continue
        # One blank line parts two paragraphs; more of them were empty lines.
        for _ in range(blank if first else blank - 1):
            yield _Line()
        blank, first = 0, False
        opening = _FENCE.match(text)
        if opening:
            fence = opening[1] or "plain"
            continue
        yield _block(text)


def _block(text: str) -> _Line:
    if found := _HEADER.match(text):
        return _Line(_words(found[2]), {"header": len(found[1])})
    if found := _QUOTE.match(text):
        return _Line(_words(found[1]), {"blockquote": True})
    if found := _CHECK.match(text):
        return _Line(_words(found[2]), {"list": "unchecked" if found[1] == " " else "checked"})
    if found := _BULLET.match(text):
        return _Line(_words(found[1]), {"list": "bullet"})
    if found := _ORDERED.match(text):
        return _Line(_words(found[1]), {"list": "ordered"})
    return _Line(_words(text))


def _words(text: str, around: dict[str, Any] | None = None) -> list[_Run]:
    """A line's words as runs. Signs without a partner are words."""
    runs: list[_Run] = []
    formats = dict(around or {})
    closers = _partners(text)
    at = 0
    for found in _TOKEN.finditer(text):
        _add(runs, text[at : found.start()], formats)
        at = found.end()
        if found["escaped"]:
            _add(runs, found["escaped"], formats)
        elif code := found["code"] or found["code2"]:
            _add(runs, code, {**formats, "code": True})
        elif found["link"]:
            for words, inner in _words(found["words"], {**formats, "link": found["link"]}):
                _add(runs, words, inner)
        elif found.start() in closers:
            name = {"**": "bold", "~~": "strike"}.get(found["sign"], "italic")
            formats.pop(name, None) if closers[found.start()] else formats.update({name: True})
        else:
            _add(runs, found["sign"], formats)
    _add(runs, text[at:], formats)
    return runs


def _partners(text: str) -> dict[int, bool]:
    """Where signs stand that come in pairs, and whether each closes."""
    waiting: dict[str, int] = {}
    partners: dict[int, bool] = {}
    for found in _TOKEN.finditer(text):
        sign = found["sign"]
        if not sign:
            continue
        begin = waiting.pop(sign, None)
        if begin is not None:
            partners[begin], partners[found.start()] = False, True
        elif found.end() < len(text) and not text[found.end()].isspace():
            waiting[sign] = found.start()
    return partners


def _add(runs: list[_Run], words: str, formats: dict[str, Any]) -> None:
    if not words:
        return
    if runs and runs[-1][1] == formats:
        runs[-1] = (runs[-1][0] + words, runs[-1][1])
    else:
        runs.append((words, dict(formats)))
