"""Words with marks as Markdown: which signs stand where, and what has to be escaped so that no others do.

A sign opens only where what follows is no space, and, if that is punctuation, only behind a space or punctuation;
for closing it is the other way round (CommonMark, "delimiter runs"). White space at the ends of marked words is
therefore left out of the marks, and a letter that is in the way is written as a character reference, whose ends are
punctuation.
"""

from __future__ import annotations

import re
import string
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Final

from collab.content.formats.inline import Step, nested
from collab.content.formats.tree import PLAIN, Inline, Marks, Picture, Words, joined

_SIGNED: Final = ("bold", "italic", "strike")
_ORDER: Final = ("link", *_SIGNED)
_SPECIAL = re.compile(r"[\\`*_\[\]~]|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]{1,40};)")
_SPECIAL_IN_TABLE = re.compile(_SPECIAL.pattern + r"|\|")
_TICKS = re.compile("`+")
_IN_ADDRESS = re.compile(r"[\\()]|&(?=#?[A-Za-z0-9]{1,40};)")
_NOT_IN_ADDRESS = re.compile(r"[\s<>\"`|]")
_PUNCTUATION: Final = frozenset(string.punctuation)


def words_of(content: Iterable[Inline], *, in_table: bool = False) -> str:
    """The words as Markdown; a line break is a backslash at the end of its line."""
    pieces = joined(_marked(piece) for piece in content)
    for index, mark in enumerate(_SIGNED):
        if any(getattr(piece.marks, mark) for piece in pieces):
            pieces = joined(_trimmed(pieces, mark, _ORDER[: index + 1]))
    return _Inline(list(nested(pieces, _ORDER)), in_table).text()


def _marked(piece: Inline) -> Inline:
    """Without what Markdown has no sign for."""
    if piece.marks is not PLAIN and piece.marks.underline:
        return replace(piece, marks=replace(piece.marks, underline=False))
    return piece


def _trimmed(content: Iterable[Inline], mark: str, outer: tuple[str, ...]) -> Iterable[Inline]:
    """White space at the ends of what ``mark`` holds is taken out of it. ``outer``: marks that end it with theirs."""
    for look, group in groupby(content, lambda piece: tuple(getattr(piece.marks, name) for name in (mark, *outer))):
        pieces = deque(group)
        if not look[0]:
            yield from pieces
            continue
        behind: list[Inline] = []
        while pieces and isinstance(first := pieces[0], Words) and not first.marks.code:
            kept = first.text.lstrip()
            yield Words(first.text[: len(first.text) - len(kept)], _without(first.marks, mark))
            pieces.popleft()
            if kept:
                pieces.appendleft(Words(kept, first.marks))
                break
        while pieces and isinstance(last := pieces[-1], Words) and not last.marks.code:
            kept = last.text.rstrip()
            behind.append(Words(last.text[len(kept) :], _without(last.marks, mark)))
            pieces.pop()
            if kept:
                pieces.append(Words(kept, last.marks))
                break
        yield from pieces
        yield from reversed(behind)


def _without(marks: Marks, mark: str) -> Marks:
    given = {name: getattr(marks, name) for name in Marks.__slots__}
    return Marks(**(given | {mark: False}))


class _Inline:
    """Writes one run of steps."""

    def __init__(self, steps: list[Step], in_table: bool) -> None:
        self._steps = steps
        self._in_table = in_table
        self._special = _SPECIAL_IN_TABLE if in_table else _SPECIAL
        self._parts: list[str] = []
        self._refer = False  # whether the next letter has to be a character reference
        bold = any(step[1] == "bold" for step in steps)
        # Two kinds of stars beside each other would be read in more than one way.
        self._signs = {"bold": "**", "italic": "_" if bold else "*", "strike": "~~"}

    def text(self) -> str:
        for index, (kind, what, link) in enumerate(self._steps):
            if isinstance(what, Words):
                self._words(what)
            elif isinstance(what, Picture):
                self._put(f"![{self._escaped(what.words)}]({_address(what.source)})")
            elif what == "link":
                self._link(kind, link or "")
            elif kind == "open":
                self._open(self._signs[what], index)
            else:
                self._close(self._signs[what], index)
        return "".join(self._parts)

    def _put(self, text: str) -> None:
        self._refer = False
        self._parts.append(text)

    def _words(self, words: Words) -> None:
        text = words.text
        # Where a link begins a line, `]:` in it would make the line a definition, in code too: words come first.
        if words.marks.code and not (words.marks.link and "]:" in text):
            self._put(self._code(text))
            return
        first = ""
        if self._refer and not _is_soft(text[0]):
            first, text = f"&#{ord(text[0])};", text[1:]
        self._put(first + self._escaped(text).replace("\n", "\\\n"))

    def _escaped(self, text: str) -> str:
        return self._special.sub(r"\\\g<0>", text)

    def _code(self, text: str) -> str:
        text = text.replace("\n", " ")
        fence = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
        if self._in_table:
            text = text.replace("|", "\\|")
        blank = not text.strip(" ")
        if text[0] == "`" or text[-1] == "`" or (text[0] == " " == text[-1] and not blank):
            text = f" {text} "
        return fence + text + fence

    def _link(self, kind: str, link: str) -> None:
        if kind == "close":
            self._put(f"]({_address(link)})")
            return
        if self._parts and self._parts[-1].endswith("!"):
            self._parts[-1] = self._parts[-1][:-1] + "\\!"  # else it would be a picture
        self._put("[")

    def _open(self, sign: str, index: int) -> None:
        before = self._parts[-1][-1] if self._parts else " "
        if not _is_soft(before) and (sign == "_" or not self._next(index).isalnum()):
            self._parts[-1] = f"{self._parts[-1][:-1]}&#{ord(before)};"
        self._put(sign)

    def _close(self, sign: str, index: int) -> None:
        before = self._parts[-1][-1]
        follows = self._next(index)
        self._put(sign)
        self._refer = not _is_soft(follows) and (sign == "_" or not before.isalnum())

    def _next(self, index: int) -> str:
        """The letter that comes next; ``*`` for a sign, a space at the end."""
        if index + 1 == len(self._steps):
            return " "
        piece = self._steps[index + 1][1]
        return piece.text[0] if isinstance(piece, Words) and not piece.marks.code else "*"


def _is_soft(char: str) -> bool:
    """Whether every parser takes it for a space or for punctuation; symbols are one or the other."""
    return char in _PUNCTUATION or char.isspace()


def _address(address: str) -> str:
    """An address as the target of a link."""
    quoted = _NOT_IN_ADDRESS.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), address)
    return _IN_ADDRESS.sub(r"\\\g<0>", quoted)
