"""The content of a document in the formats that it can be asked for. Runs in a worker process.

``json`` and ``text`` are for the document or any part of it (:mod:`collab.content.reading`). ``markdown`` and ``html``
are for rich text: the XML roots of a document, or if it has none that says anything its texts. Other content comes as
paragraphs, one for each of its strings.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final, Literal

import pycrdt

from collab.content.copies import load_copy, panics_contained
from collab.content.formats.delta import blocks_of_delta
from collab.content.formats.editors import blocks_of
from collab.content.formats.html import write_html
from collab.content.formats.markdown import write_markdown
from collab.content.formats.tree import Block, Paragraph, paragraph
from collab.content.mixed import read_mixed, text_of
from collab.content.reading import lines_of_json, nodes_at, read, segments_of
from collab.content.roots import RootKind
from collab.content.xml import Embed, Node, Run, read_fragment

ContentFormat = Literal["json", "text", "markdown", "html"]
CONTENT_FORMATS: Final[tuple[ContentFormat, ...]] = ("json", "text", "markdown", "html")


def render(state: bytes, path: str | None, format: ContentFormat) -> Any:
    """The content at ``path`` of a document (Yjs v1 ``state``): JSON values for ``json``, else a string.

    Raises:
        CollabError: as :func:`collab.content.reading.read`; ``document_too_large`` for what comes to more than
            a format may write.
    """
    if format == "json" or format == "text":
        return read(state, path, format)
    blocks = rich_text(state, path)
    return write_markdown(blocks) if format == "markdown" else write_html(blocks)


def rich_text(state: bytes, path: str | None = None) -> list[Block]:
    """The content at ``path`` as rich text.

    Raises:
        CollabError: as :func:`render`.
    """
    segments = segments_of(path)
    doc, kinds = load_copy(state)
    with panics_contained("This document cannot be read."), doc.transaction():
        mixed = read_mixed(state, kinds.mixed)
        if len(segments) == 1 and segments[0] in mixed:
            return mixed_blocks(mixed[segments[0]])
        if len(segments) == 1 and kinds.get(segments[0]) in ("xml", "text", "empty"):
            return root_blocks(doc, segments[0], kinds[segments[0]])
        if segments and kinds.get(segments[0]) == "xml" and segments[0] not in mixed:
            return blocks_of(nodes_at(doc, segments))
        if not segments:
            for wanted in ("xml", "text"):
                found = [
                    mixed_blocks(mixed[name]) if name in mixed else root_blocks(doc, name, kind)
                    for name, kind in sorted(kinds.items())
                    if kind == wanted
                ]
                if blocks := [block for root in found if _says_something(root) for block in root]:
                    return blocks
    return [paragraph(line) for line in lines_of_json(read(state, path))]


def root_blocks(doc: pycrdt.Doc[Any], name: str, kind: RootKind) -> list[Block]:
    """A root that is XML or a text, as rich text; to be called inside a transaction."""
    if kind == "xml":
        return blocks_of(read_fragment(doc, name))
    return blocks_of_delta(doc.get(name, type=pycrdt.Text).diff())


def mixed_blocks(mixed: Node) -> list[Block]:
    """A root that has several faces, as rich text: its elements, and its words between them as paragraphs."""
    blocks: list[Block] = []
    for is_element, some in groupby(mixed.children, lambda child: isinstance(child, Node) and bool(child.name)):
        if is_element:
            blocks += blocks_of([child for child in some if isinstance(child, Node)])
        else:
            pieces = list(some)
            blocks += blocks_of_delta([(run.text, run.marks) for run in pieces if isinstance(run, Run)])
            others = [paragraph(text_of(child)) for child in pieces if isinstance(child, Node)]
            others += [
                paragraph(line) for piece in pieces if isinstance(piece, Embed) for line in lines_of_json(piece.value)
            ]
            blocks += others
    return blocks


def _says_something(blocks: list[Block]) -> bool:
    return any(not isinstance(block, Paragraph) or block.content for block in blocks)
