"""XML in a document as plain nodes, and as markup: what ProseMirror, Tiptap, BlockNote, Lexical and Slate keep text in.

The three ways in which editors nest: elements that hold texts (ProseMirror and its kin), texts that hold texts as
embeds (Slate), and the same with a map in front of every run of words, that says how they look (Lexical).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

import orjson
import pycrdt

from collab.content.operations import ARRAY_INDEX
from collab.content.roots import MAX_NESTING
from collab.errors import CollabError

#: nodes of a document that are read: some seconds of work
MAX_NODES: Final = 400_000
#: what a parser would read as a line feed
_KEPT: Final = {"\r": "&#13;"}
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}", re.ASCII)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Run:
    """Words with the same marks, as the editor names them."""

    text: str
    marks: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Embed:
    """Something in the midst of words that is neither words nor XML; of a shared map its content."""

    value: Any
    marks: dict[str, Any]


@dataclass(slots=True)
class Node:
    """An element; or a text that stands for one, which has the name ``""`` where it says none."""

    name: str
    attributes: dict[str, Any]
    children: list[Node | Run | Embed] = field(default_factory=list)


def read_fragment(doc: pycrdt.Doc[Any], root: str, inside: Sequence[str] = ()) -> list[Node]:
    """What stands in the XML root ``root``; to be called inside a transaction.

    Args:
        inside: the way to one node in it, the number of a child at each step; that node alone is read then.

    Raises:
        CollabError: ``document_too_large`` for more than :data:`MAX_NODES` nodes.
        LookupError: there is no such node.
    """
    reading = _Reading()
    here: Any = doc.get(root, type=pycrdt.XmlFragment)
    if not inside:
        return [reading.node(child) for child in here.children]
    for step in inside:
        if isinstance(here, pycrdt.XmlText) or ARRAY_INDEX.fullmatch(step) is None:
            raise LookupError(step)
        here = here.children[int(step)]
    return [reading.node(here)]


class _Reading:
    def __init__(self) -> None:
        self._left = MAX_NODES

    def node(self, source: Any) -> Node:
        self._left -= 1
        if self._left < 0:
            raise CollabError(
                "document_too_large",
                f"This document has more than {MAX_NODES} elements, too many but for the format update.",
                detail={"limit": MAX_NODES},
            )
        attributes = dict(sorted(source.attributes))
        if isinstance(source, pycrdt.XmlText):
            return Node(_type_of(attributes), attributes, list(self._pieces(source)))
        node = Node(source.tag or "", attributes)
        for child in source.children:
            if isinstance(child, pycrdt.XmlText):
                text = self.node(child)
                if text.name:
                    node.children.append(text)
                else:
                    node.children += text.children
            else:
                node.children.append(self.node(child))
        return node

    def _pieces(self, text: pycrdt.XmlText) -> Iterator[Node | Run | Embed]:
        for piece, given in text.diff():
            marks = {name: value for name, value in (given or {}).items() if value is not None and value is not False}
            if isinstance(piece, str):
                yield Run(piece, marks)
            elif isinstance(piece, (pycrdt.XmlText, pycrdt.XmlElement)):
                yield self.node(piece)
            elif isinstance(piece, (pycrdt.Map, pycrdt.Array)):
                yield Embed(orjson.loads(str(piece)), marks)
            elif not isinstance(piece, pycrdt.Doc) and not hasattr(piece, "integrated"):
                yield Embed(piece, marks)


def _type_of(attributes: dict[str, Any]) -> str:
    name = attributes.get("__type", attributes.get("type"))
    return name if isinstance(name, str) else ""


# -- as markup --------------------------------------------------------------------------------------------


def markup(nodes: Iterable[Node | Run | Embed]) -> str:
    """Well-formed XML: elements, and marks as elements around their words, by their names; attributes sorted."""
    parts: list[str] = []
    _write(nodes, parts.append)
    return "".join(parts)


def _write(nodes: Iterable[Node | Run | Embed], put: Any) -> None:
    for node in nodes:
        if isinstance(node, Run):
            marks = sorted((name, value) for name, value in node.marks.items() if _NAME.fullmatch(name))
            for name, value in marks:
                put(f"<{name}{_attributes(value if isinstance(value, dict) else {})}>")
            put(escape(_clean(node.text), _KEPT))
            for name, _ in reversed(marks):
                put(f"</{name}>")
        elif isinstance(node, Node):
            named = bool(_NAME.fullmatch(node.name))
            if named:
                put(f"<{node.name}{_attributes(node.attributes)}>")
            _write(node.children, put)
            if named:
                put(f"</{node.name}>")


def _attributes(attributes: dict[str, Any]) -> str:
    return "".join(
        f" {name}={quoteattr(_clean(shown(value)))}"
        for name, value in sorted(attributes.items())
        if _NAME.fullmatch(name) and value is not None
    )


def shown(value: Any) -> str:
    """An attribute's value as a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:  # numbers come as floating point
        return str(int(value))
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # binary values, and what else JSON does not know
        return ""


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def parse_markup(text: str) -> list[Node] | None:
    """What :func:`markup` has written; None for what is no well-formed XML, or has words outside of elements.

    What marks were come back as elements, as markup does not tell them apart.
    """
    if "<!" in text or "<?" in text:  # nothing that markup() writes, and where the dangers of XML are
        return None
    parser = ParserCreate(namespace_separator=None)
    parser.buffer_text = True
    top = Node("", {})
    opened = [top]

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(opened) > MAX_NESTING:
            raise ValueError("nested too deep")
        opened[-1].children.append(node := Node(name, attributes))
        opened.append(node)

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _name: opened.pop()
    parser.CharacterDataHandler = lambda words: opened[-1].children.append(Run(words, {}))
    try:
        parser.Parse(f"<x>{text}</x>", True)
    except (ExpatError, ValueError):
        return None
    (whole,) = top.children
    assert isinstance(whole, Node)
    elements = [child for child in whole.children if isinstance(child, Node)]
    stray = any(isinstance(child, Run) and child.text.strip() for child in whole.children)
    return None if stray else elements
