"""What a file is, by what stands in it; its name only decides where the content leaves a choice."""

from __future__ import annotations

import re
from mmap import mmap
from pathlib import PurePath
from typing import Any, Final, Literal

import orjson

from collab.errors import CollabError

Kind = Literal["archive", "update", "json", "markdown", "text"]

SUFFIXES: Final = {
    ".json": "json", ".txt": "text", ".md": "markdown", ".markdown": "markdown", ".yjs": "update", ".bin": "update",
    ".svg": "svg", ".html": "html", ".htm": "html",
}  # fmt: skip
#: bytes at the beginning that say whether a file is text
_LOOK: Final = 64 * 1024
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_TAR_SIGN: Final = slice(257, 262)
_NO_TEXT = re.compile(b"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKUP = re.compile(r"\s*<(?:!doctype html|html|head|body|svg|p|h[1-6]|ul|ol|table|pre|blockquote)\b", re.IGNORECASE)
# What somebody who writes Markdown writes, and hardly anybody else.
_MARKDOWN = re.compile(
    r"^#{1,6} .*\n\n|^ {0,3}(?:```|~~~)|^ *\|(?: *:?-+:? *\|)+ *$|^ *[-*+] \[[ xX]\] |^(?:[-*+]|1[.)]) \S.*\n"
    r"|^> \S|\*\*\S(?:[^*\n]*\S)?\*\*|~~\S[^~\n]*~~|\]\([^)\s]+\)|\\\n",
    re.MULTILINE,
)


def suffix_format(name: str) -> str | None:
    """The format that a file's name asks for."""
    return SUFFIXES.get(PurePath(name).suffix.lower())


def what_is(data: bytes | mmap, name: str) -> Kind:
    """What was exported into these bytes.

    Args:
        data: all of a file.
        name: of the file; ``-`` for none.

    Raises:
        CollabError: ``invalid_payload`` where it is none of the kinds, or may be more than one.
    """
    view = memoryview(data)
    head = bytes(view[:_LOOK])
    if head[_TAR_SIGN] == b"ustar" or head.startswith(_COMPRESSED):
        return "archive"
    named = suffix_format(name)
    text = None if _NO_TEXT.search(head) else _decoded(view)
    if text is None:
        return "update"
    if _MARKUP.match(text) and named not in ("text", "markdown"):
        raise _unreadable("This is HTML or SVG, which is written but not read; say --format text to take it as it is.")
    if text.lstrip().startswith("{") and (found := _as_json(text)) is not None:
        if named == "json" or (named is None and _is_document(found)):
            return "json"
        raise _unreadable("This may be JSON or text; say which with --format json or --format text.")
    if named == "json":
        raise _unreadable("This is not the JSON of a document; say what it is with --format.")
    if named == "update":
        raise _unreadable("This is text and no Yjs state; say what it is with --format.")
    if named == "markdown" or named == "text":
        return "markdown" if named == "markdown" else "text"
    if _MARKDOWN.search(text):
        raise _unreadable("This may be Markdown or text; say which with --format markdown or --format text.")
    return "text"


def _decoded(view: memoryview) -> str | None:
    try:
        return str(view, "utf-8")
    except UnicodeDecodeError:
        return None


def _as_json(text: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _is_document(value: dict[str, Any]) -> bool:
    return all(isinstance(root, str | list | dict) for root in value.values())


def _unreadable(words: str) -> CollabError:
    return CollabError("invalid_payload", words)
