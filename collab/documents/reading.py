"""Reading: the content of a document given by its Yjs state, as JSON or as text.

Pure: no I/O, no sessions. A document's Yjs v1 state and a path go in, what stands there comes out.

**Paths** are those of operations (``operations.py``); here they lead into values too.

**Types of roots** are not written in a Yjs document: each is read as what stands in it. A root whose
whole content was deleted has lost its type, and reads as an empty text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import orjson
import pycrdt

from collab.documents.copies import load_copy, panics_contained
from collab.documents.operations import ARRAY_INDEX, Fault, parse_pointer
from collab.documents.roots import RootKind
from collab.errors import CollabError


def read(state: bytes, path: str | None = None, format: Literal["json", "text"] = "json") -> Any:
    """Content of a document.

    Args:
        state: the document, as one Yjs v1 update.
        path: a JSON pointer; None or empty: the whole document, an object with a key per root.
        format: ``json``: JSON, in which texts are strings, XML is its markup, binary values are lists
            of bytes, embeds are left out. ``text``: a string: of a text its characters; of XML its
            words, a line per paragraph; of a map, an array or the document all that they hold, a
            line each.

    Raises:
        CollabError: ``invalid_payload`` for a path that is none, ``not_found`` where it leads nowhere,
            ``invalid_update`` for a document that cannot be read.
    """
    try:
        segments = parse_pointer(path or "")
    except Fault as fault:
        raise CollabError("invalid_payload", f"The path cannot be used: {fault}.") from None
    doc, kinds = load_copy(state)
    with panics_contained("This document cannot be read."), doc.transaction():
        if not segments:
            whole = {name: _root_content(doc, name, kinds[name], format) for name in sorted(kinds)}
            return whole if format == "json" else "\n".join(_lines(whole))
        name, *inner = segments
        if name not in kinds:
            raise _nothing_at(path)
        if inner and kinds[name] not in ("map", "array"):
            raise _nothing_at(path)
        content = _root_content(doc, name, kinds[name], format)
    for segment in inner:
        if isinstance(content, dict) and segment in content:
            content = content[segment]
        elif isinstance(content, list) and ARRAY_INDEX.fullmatch(segment) and int(segment) < len(content):
            content = content[int(segment)]
        else:
            raise _nothing_at(path)
    return content if format == "json" else "\n".join(_lines(content))


def _nothing_at(path: str | None) -> CollabError:
    return CollabError("not_found", "There is nothing at this path.", detail={"path": (path or "")[:200]})


def _root_content(doc: pycrdt.Doc[Any], name: str, kind: RootKind, format: str) -> Any:
    if kind in ("text", "empty"):
        return str(doc.get(name, type=pycrdt.Text))
    if kind == "xml":
        fragment = doc.get(name, type=pycrdt.XmlFragment)
        return str(fragment) if format == "json" else "\n".join(_paragraphs(fragment))
    shared: Any = doc.get(name, type=pycrdt.Map) if kind == "map" else doc.get(name, type=pycrdt.Array)
    # Not to_py(): it takes quadratic time for arrays, and makes every number a float.
    return orjson.loads(str(shared))


def _lines(content: Any) -> Iterable[str]:
    """The strings and numbers in JSON, in order."""
    if isinstance(content, dict):
        for key in sorted(content):
            yield from _lines(content[key])
    elif isinstance(content, list):
        for item in content:
            yield from _lines(item)
    elif isinstance(content, str):
        yield content
    elif content is not None:
        yield orjson.dumps(content).decode()


def _paragraphs(parent: Any) -> Iterable[str]:
    """The words below an XML node, a line for every element that holds text itself."""
    children = list(parent.children)
    if any(isinstance(child, pycrdt.XmlText) for child in children):
        yield "".join(_words(child) for child in children)
        return
    for child in children:
        yield from _paragraphs(child)


def _words(node: Any) -> str:
    if isinstance(node, pycrdt.XmlText):
        return "".join(piece for piece, _ in node.diff() if isinstance(piece, str))
    return "".join(_words(child) for child in node.children)
