"""Reading: the content of a document given by its Yjs state, as JSON or as text.

Pure: no I/O, no sessions. A document's Yjs v1 state and a path go in, what stands there comes out.

**Paths** are those of operations (``operations.py``); here they lead into values too.

**Types of roots** are not written in a Yjs document: each is read as what stands in it. A root whose
whole content was deleted has lost its type, and reads as an empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import orjson
import pycrdt

from collab.content.copies import load_copy, panics_contained
from collab.content.formats.editors import blocks_of
from collab.content.formats.plain import plain_lines
from collab.content.mixed import json_of, read_mixed, text_of
from collab.content.operations import ARRAY_INDEX, Fault, format_pointer, parse_pointer
from collab.content.roots import RootKind
from collab.content.xml import Node, markup, read_fragment
from collab.errors import CollabError


def segments_of(path: str | None) -> tuple[str, ...]:
    """The parts of a JSON Pointer; none for no path.

    Raises:
        CollabError: ``invalid_payload`` for a path that is none.
    """
    try:
        return parse_pointer(path or "")
    except Fault as fault:
        raise CollabError("invalid_payload", f"The path cannot be used: {fault}.") from None


def read(state: bytes, path: str | None = None, format: Literal["json", "text"] = "json") -> Any:
    """Content of a document.

    Args:
        state: the document, as one Yjs v1 update.
        path: a JSON pointer; None or empty: the whole document, an object with a key per root.
        format: ``json``: JSON, in which texts are strings, XML is its markup, binary values are lists
            of bytes, embeds are left out. ``text``: a string: of a text its characters; of XML its
            words, a line per paragraph, a tab between the cells of a table; of a map, an array or the
            document all that they hold, a line each. What is several of these in one, as a type of Yjs 14 may
            be, is ``{"children": [...], "attrs": {...}}`` as JSON, and its words as text (``mixed.py``).

    Raises:
        CollabError: ``invalid_payload`` for a path that is none, ``not_found`` where it leads nowhere,
            ``invalid_update`` for a document that cannot be read.
    """
    segments = segments_of(path)
    doc, kinds = load_copy(state)
    with panics_contained("This document cannot be read."), doc.transaction():
        if not segments:
            mixed = read_mixed(state, kinds.mixed)
            whole = {
                name: _mixed_content(mixed[name], format) if name in mixed else _root_content(doc, name, kind, format)
                for name, kind in sorted(kinds.items())
            }
            return whole if format == "json" else "\n".join(lines_of_json(whole))
        name, *inner = segments
        if name not in kinds:
            raise _nothing_at(path)
        if kinds[name] == "xml" and name not in kinds.mixed:
            return _xml_content(nodes_at(doc, segments), format)
        if inner and kinds[name] not in ("map", "array") and name not in kinds.mixed:
            raise _nothing_at(path)
        if name in kinds.mixed:
            mixed = read_mixed(state, {name})
            content = _mixed_content(mixed[name], "json" if inner else format)
        else:
            content = _root_content(doc, name, kinds[name], format)
    for segment in inner:
        if isinstance(content, dict) and segment in content:
            content = content[segment]
        elif isinstance(content, list) and ARRAY_INDEX.fullmatch(segment) and int(segment) < len(content):
            content = content[int(segment)]
        else:
            raise _nothing_at(path)
    return content if format == "json" else "\n".join(lines_of_json(content))


def nodes_at(doc: pycrdt.Doc[Any], segments: Sequence[str]) -> list[Node]:
    """What stands in an XML root, or at a place in it; to be called inside a transaction.

    Raises:
        CollabError: ``not_found`` where ``segments`` lead nowhere.
    """
    try:
        return read_fragment(doc, segments[0], segments[1:])
    except LookupError:
        raise _nothing_at(format_pointer(tuple(segments))) from None


def _nothing_at(path: str | None) -> CollabError:
    return CollabError("not_found", "There is nothing at this path.", detail={"path": (path or "")[:200]})


def _mixed_content(mixed: Node, format: str) -> Any:
    return json_of(mixed) if format == "json" else text_of(mixed)


def _root_content(doc: pycrdt.Doc[Any], name: str, kind: RootKind, format: str) -> Any:
    if kind in ("text", "empty"):
        return str(doc.get(name, type=pycrdt.Text))
    if kind == "xml":
        return _xml_content(read_fragment(doc, name), format)
    shared: Any = doc.get(name, type=pycrdt.Map) if kind == "map" else doc.get(name, type=pycrdt.Array)
    # Not to_py(): it takes quadratic time for arrays, and makes every number a float.
    return orjson.loads(str(shared))


def _xml_content(nodes: list[Node], format: str) -> str:
    # Not str(): it writes words and attributes as they are, so that they could pass for markup.
    return markup(nodes) if format == "json" else "\n".join(plain_lines(blocks_of(nodes)))


def lines_of_json(content: Any) -> Iterable[str]:
    """The strings and numbers in JSON, in order."""
    if isinstance(content, dict):
        for key in sorted(content):
            yield from lines_of_json(content[key])
    elif isinstance(content, list):
        for item in content:
            yield from lines_of_json(item)
    elif isinstance(content, str):
        yield content
    elif content is not None:
        yield orjson.dumps(content).decode()
