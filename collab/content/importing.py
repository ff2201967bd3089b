"""Making a document say what a file says: Markdown, text or JSON, by a small edit.

Pure: no I/O, no sessions. A Yjs v1 state goes in, an update comes out.
"""

from __future__ import annotations

from typing import Any, Final

from pycrdt import Doc, Text, XmlFragment

from collab.content.copies import load_copy, panics_contained
from collab.content.editing import edit
from collab.content.formats.delta import WORD_FORMATS, Line, lines_of_blocks
from collab.content.formats.editors import blocks_of
from collab.content.formats.fragments import dialect_of, insert_blocks, is_editors, replace_nodes
from collab.content.formats.markdown import write_markdown
from collab.content.formats.markdown_reader import read_markdown
from collab.content.formats.tree import Block, Marks, Words, paragraph
from collab.content.operations import MAX_OPERATIONS, Fault, format_pointer, parse_pointer
from collab.content.reading import read
from collab.content.roots import RootKind
from collab.content.xml import parse_markup, read_fragment
from collab.errors import CollabError

#: where a text goes in a document that has none yet, and where rich text does, as in the demo
BODY: Final = "/body"
CONTENT: Final = "/content"
_Operations = list[dict[str, Any]]


def import_markdown(state: bytes, markdown: str, path: str | None = None) -> list[bytes]:
    """Updates after which the rich text at ``path`` is what ``markdown`` says.

    Args:
        path: a JSON pointer; by default to the one XML root that the document has, else to ``/body`` if there is a
            text, else to ``/content``. Where nothing stands yet XML is made, by Tiptap's names.

    Raises:
        CollabError: as :func:`collab.content.editing.edit`; ``invalid_payload`` for XML of an editor
            whose dialect is not spoken here.
    """
    doc, kinds = load_copy(state)
    if path is None and not _fragments(kinds) and BODY[1:] not in kinds:
        path = CONTENT
    where, root = _target(kinds, path)
    blocks = read_markdown(markdown)
    if root is not None and kinds.get(root, "xml") == "xml":
        return [_into_xml(doc, root, blocks)]
    return edited(state, _text_operations(doc, list(lines_of_blocks(blocks)), where, root))


def import_text(state: bytes, text: str, path: str | None = None) -> list[bytes]:
    """Updates after which the text at ``path`` is ``text``; of XML every line becomes a paragraph.

    Args:
        path: a JSON pointer; by default to the one XML root that the document has, else ``/body``.

    Raises:
        CollabError: as :func:`import_markdown`.
    """
    doc, kinds = load_copy(state)
    where, root = _target(kinds, path)
    if root is not None and kinds.get(root) == "xml":
        return [_into_xml(doc, root, [paragraph(line) for line in text.removesuffix("\n").split("\n")])]
    return edited(state, [{"op": "text.replace", "path": where, "text": text}])


def import_json(state: bytes, wanted: Any) -> list[bytes]:
    """Updates after which every root that ``wanted`` names holds what it says; other roots stay.

    A string is a text; for a root that is XML, and for a new one if it is nothing but elements that editors know, it
    is XML markup.

    Raises:
        CollabError: ``invalid_payload`` for what is no document.
    """
    if not isinstance(wanted, dict):
        raise CollabError("invalid_payload", "A document is an object with a key for each root.")
    current = read(state)
    doc, kinds = load_copy(state)
    before = doc.get_state()
    operations: _Operations = []
    for root, value in wanted.items():
        if value == current.get(root) and root in current:
            continue
        kind = kinds.get(root)
        nodes = parse_markup(value) if isinstance(value, str) and kind in (None, "xml") else None
        if nodes is not None and (kind == "xml" or is_editors(nodes)):
            with panics_contained("This document cannot be changed."), doc.transaction():
                replace_nodes(doc.get(root, type=XmlFragment), nodes)
        elif kind == "xml":
            raise CollabError(
                "invalid_payload", f"{format_pointer([root])}: this is no XML, and the document has XML there."
            )
        else:
            operations += _json_operations(root, current.get(root), value)
    updates = edited(state, operations) if operations else []
    if doc.get_state() != before or not updates:
        updates.append(doc.get_update(before))
    return updates


def _json_operations(root: str, held: Any, wanted: Any) -> _Operations:
    path = format_pointer([root])
    if isinstance(wanted, str):
        return [{"op": "text.replace", "path": path, "text": wanted}]
    if isinstance(wanted, list):
        cleared = isinstance(held, list) and held
        before = [{"op": "array.delete", "path": path, "index": 0, "length": len(held)}] if cleared else []
        return [*before, {"op": "array.insert", "path": path, "index": 0, "values": wanted}]
    if not isinstance(wanted, dict):
        raise CollabError("invalid_payload", f"{path}: a root is a string, an object or a list.")
    held = held if isinstance(held, dict) else {}
    return [
        *(
            {"op": "map.set", "path": format_pointer([root, key]), "value": each}
            for key, each in wanted.items()
            if key not in held or held[key] != each
        ),
        *({"op": "map.delete", "path": format_pointer([root, key])} for key in held if key not in wanted),
    ]


def edited(state: bytes, operations: _Operations) -> list[bytes]:
    """The updates that carry out operations, as many as one edit may have at a time."""
    updates = []
    for first in range(0, max(len(operations), 1), MAX_OPERATIONS):
        update = edit(state, operations[first : first + MAX_OPERATIONS])
        updates.append(update)
        if first + MAX_OPERATIONS < len(operations):
            doc: Doc[Any] = Doc()
            doc.apply_update(state)
            doc.apply_update(update)
            state = doc.get_update()
    return updates


def _target(kinds: dict[str, RootKind], path: str | None) -> tuple[str, str | None]:
    """The path, and the root that it names, if it names one."""
    if path is None:
        fragments = _fragments(kinds)
        if len(fragments) != 1:
            return BODY, BODY[1:]
        return format_pointer(fragments), fragments[0]
    try:
        segments = parse_pointer(path)
    except Fault as fault:
        raise CollabError("invalid_payload", f"The path cannot be used: {fault}.") from None
    return path, segments[0] if len(segments) == 1 else None


def _fragments(kinds: dict[str, RootKind]) -> list[str]:
    return [name for name, kind in kinds.items() if kind == "xml"]


# -- into XML ---------------------------------------------------------------------------------------------


def _into_xml(doc: Doc[Any], root: str, blocks: list[Block]) -> bytes:
    before = doc.get_state()
    with panics_contained("This document cannot be changed."), doc.transaction():
        nodes = read_fragment(doc, root)
        dialect = dialect_of(nodes)
        if dialect is None:
            raise CollabError(
                "invalid_payload",
                "Only its own editor can write the text of this document; the format update can be imported.",
            )
        # What comes to the same words with the same signs stays, with what a file cannot say of it.
        old = [write_markdown(blocks_of([node])) for node in nodes]
        new = [write_markdown([block]) for block in blocks]
        head = 0
        while head < min(len(old), len(new)) and old[head] == new[head]:
            head += 1
        tail = 0
        while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        fragment = doc.get(root, type=XmlFragment)
        if head < len(old) - tail:
            del fragment.children[head : len(old) - tail]
        insert_blocks(fragment, head, blocks[head : len(new) - tail], dialect)
    return doc.get_update(before)


# -- into a text ------------------------------------------------------------------------------------------


def _text_operations(doc: Doc[Any], lines: list[Line], path: str, root: str | None) -> _Operations:
    text, spans = _spans(lines)
    operations: _Operations = [{"op": "text.replace", "path": path, "text": text}]
    present = (
        {name for _, given in doc.get(root, type=Text).diff() for name in given or {}} if root is not None else set()
    )
    length = _units(text)
    if length and present:
        cleared = dict.fromkeys(sorted(present))
        operations.append({"op": "text.format", "path": path, "index": 0, "length": length, "attributes": cleared})
    for index, count, formats in spans:
        operations.append({"op": "text.format", "path": path, "index": index, "length": count, "attributes": formats})
    return operations


def _spans(lines: list[Line]) -> tuple[str, list[tuple[int, int, dict[str, Any]]]]:
    """The plain text, and (index, length, formats) of what has formats; in UTF-16 units."""
    parts: list[str] = []
    spans: list[tuple[int, int, dict[str, Any]]] = []
    at = 0
    for line in lines:
        for words, formats in [*map(_formatted, line.content), ("\n", line.formats)]:
            length = _units(words)
            if formats:
                if spans and spans[-1][2] == formats and spans[-1][0] + spans[-1][1] == at:
                    spans[-1] = (spans[-1][0], spans[-1][1] + length, formats)
                else:
                    spans.append((at, length, formats))
            parts.append(words)
            at += length
    return "".join(parts), spans


def _formatted(piece: Any) -> tuple[str, dict[str, Any]]:
    """Words with Quill's formats. A picture is what it is called, with a link: operations know no embeds."""
    if not isinstance(piece, Words):
        link = None if piece.source.startswith("data:") else piece.source
        piece = Words(piece.words or link or "", Marks(link=link))
    return piece.text, {name: value for name in WORD_FORMATS if (value := getattr(piece.marks, name))}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
