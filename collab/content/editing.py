"""Scripted edits: operations, carried out on a document given by its Yjs state.

Pure: no I/O, no sessions. A document's Yjs v1 state and operations go in, the Yjs v1 update that
performs the whole batch comes out. It is carried out on a throw-away copy, because pycrdt cannot roll
back: it is done as a whole or refused as a whole, and a refusal names the operation's index.

**Indices and lengths in texts** count UTF-16 code units, as Yjs does in every browser (an emoji
outside the basic plane counts two, an embed one); one that falls between the halves of a surrogate
pair is refused. pycrdt itself counts UTF-8 bytes: that is converted here.

**Types of roots** are not written in a Yjs document. An operation says which it means; it is refused,
as a text operation on a map, where something else stands in the root. A root whose whole content was
deleted has lost its type: any operation may use it.

**Values**: `map.set` of an object stores it as one value, as Yjs does, and a path does not lead into
it for editing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import orjson
import pycrdt

from collab.content.copies import load_copy, panics_contained
from collab.content.differ import Differ
from collab.content.operations import (
    ARRAY_INDEX,
    ArrayDelete,
    ArrayInsert,
    Fault,
    MapDelete,
    MapSet,
    Operation,
    TextDelete,
    TextFormat,
    TextInsert,
    TextReplace,
    format_pointer,
    refusal,
    validate,
)
from collab.content.roots import RootKind
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.schemas import load_operations

#: values that one transaction inserts into arrays
VALUES_AT_ONCE: Final = 250


def edit_json(state: bytes, json: str | bytes, max_update_bytes: int | None = None) -> bytes:
    """As :func:`edit`, of operations that nobody has parsed yet: ``{"operations": [...]}``, alone or as an event."""
    try:
        value = orjson.loads(json)
    except orjson.JSONDecodeError:
        raise CollabError("invalid_payload", "This is not JSON.") from None
    if isinstance(value, list):
        if len(value) != 2:
            raise CollabError("invalid_payload", "One argument is needed.")
        value = value[1]
    return edit(state, load_operations(value), max_update_bytes)


def edit(
    state: bytes, operations: object, max_update_bytes: int | None = None, *, client_id: int | None = None
) -> bytes:
    """The Yjs v1 update that performs a batch on a document, all or nothing.

    Args:
        state: the document, as one Yjs v1 update.
        operations: what :func:`collab.content.operations.validate` takes or returned.
        max_update_bytes: of the edit, as of any other that a client sends; None: as large as it may get.
        client_id: under which Yjs client id the edit is written; a random one by default. Two edits
            that are made from the same state need different ones, or replicas diverge.

    Returns:
        The update that turns ``state`` into the edited document, without the rest of its history;
        the empty one where the batch changes nothing.

    Raises:
        CollabError: ``invalid_payload`` with ``index`` and ``path`` of the operation that is refused;
            ``invalid_update`` for a state that cannot be read; ``update_too_large``.
    """
    checked = validate(operations)
    doc, kinds = load_copy(state, client_id)
    before = doc.get_state()
    batch = _Batch(doc, kinds)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    with panics_contained("The edit failed."):
        for stretch in _stretches(checked):
            with doc.transaction():
                for number, operation in stretch:
                    try:
                        batch.perform(operation)
                    except Fault as fault:
                        raise refusal(number, format_pointer(operation.path), fault) from None
    doc.unobserve(subscription)
    update = updates[0] if updates else EMPTY_UPDATE
    if len(updates) > 1:
        # The first has every transaction's values apart, the second everything that was ever deleted.
        update = min(pycrdt.merge_updates(*updates), doc.get_update(before), key=len)
    if max_update_bytes is not None and len(update) > max_update_bytes:
        raise CollabError("update_too_large", detail={"limit": max_update_bytes, "scope": "update"})
    return update


def apply(doc: pycrdt.Doc[Any], operations: object) -> None:
    """Perform a batch on ``doc`` in one transaction, or not at all.

    Raises:
        CollabError: as :func:`edit`; ``doc`` is unchanged then.
    """
    update = edit(doc.get_update(), operations, client_id=doc.client_id)
    if update != EMPTY_UPDATE:
        doc.apply_update(update)


def _stretches(operations: Iterable[Operation]) -> Iterator[list[tuple[int, Operation]]]:
    """Numbered operations for one transaction each; most often it is one.

    The CRDT library joins neighbouring values of an array at the end of a transaction only, and until then finds a
    place in time that grows with their number: 12,000 values in one took 6 s, and take 50 ms in parts.
    """
    stretch: list[tuple[int, Operation]] = []
    size = 0
    for number, operation in enumerate(operations):
        for part in _parts(operation):
            stretch.append((number, part))
            size += len(part.values) if isinstance(part, ArrayInsert) else 0
            if size >= VALUES_AT_ONCE:
                yield stretch
                stretch, size = [], 0
    if stretch:
        yield stretch


def _parts(operation: Operation) -> Iterator[Operation]:
    if not isinstance(operation, ArrayInsert) or len(operation.values) <= VALUES_AT_ONCE:
        yield operation
        return
    for first in range(0, len(operation.values), VALUES_AT_ONCE):
        values = operation.values[first : first + VALUES_AT_ONCE]
        yield replace(operation, index=operation.index + first, values=values)


_KIND_OF: Final[dict[type, RootKind]] = {pycrdt.Text: "text", pycrdt.Map: "map", pycrdt.Array: "array"}


class _Batch:
    """Carries out operations on a document that is thrown away if one of them fails."""

    def __init__(self, doc: pycrdt.Doc[Any], kinds: dict[str, RootKind]) -> None:
        self._doc = doc
        self._kinds = kinds
        self._differ = Differ()
        # Texts by path, because looking at one costs its length; forgotten when paths may move.
        self._texts: dict[tuple[str, ...], _TextView] = {}

    def perform(self, operation: Operation) -> None:
        """Perform one operation; raises Fault where the document does not allow it."""
        match operation:
            case TextInsert(index=index, text=text, attributes=attributes):
                self._text(operation).insert(index, text, attributes)
            case TextDelete(index=index, length=length):
                self._text(operation).delete(index, length)
            case TextFormat(index=index, length=length, attributes=attributes):
                self._text(operation).format(index, length, attributes)
            case TextReplace(text=text):
                self._text(operation).replace(text, self._differ)
            case MapSet(path=(*_, key), value=value):
                self._texts.clear()
                target = self._find(operation.path[:-1], pycrdt.Map, create=True)
                target[key] = value
            case MapDelete(path=(*_, key)):
                self._texts.clear()
                target = self._find(operation.path[:-1], pycrdt.Map, create=False)
                if target is not None and key in target:
                    del target[key]
            case ArrayInsert(index=index, values=values):
                self._texts.clear()
                target = self._find(operation.path, pycrdt.Array, create=True)
                _require(index <= len(target), f"index {index} is behind the end, {len(target)}")
                target[index:index] = values
            case ArrayDelete(index=index, length=length):
                self._texts.clear()
                target = self._find(operation.path, pycrdt.Array, create=False)
                size = 0 if target is None else len(target)
                end = index + length
                _require(end <= size, f"the range ends at {end}, behind the end, {size}")
                if target is not None and length:
                    del target[index:end]

    def _text(self, operation: Operation) -> _TextView:
        view = self._texts.get(operation.path)
        if view is None:
            create = isinstance(operation, TextInsert | TextReplace)
            text = self._find(operation.path, pycrdt.Text, create=create)
            if text is None:
                nowhere: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
                return _TextView(nowhere.get("", type=pycrdt.Text))
            view = self._texts[operation.path] = _TextView(text)
        return view

    def _find(self, path: tuple[str, ...], wanted: type, *, create: bool) -> Any:
        """The shared type at ``path``; None where there is none and ``create`` is false."""
        here = self._root(path[0], path[1:2], wanted, create=create)
        for depth, segment in enumerate(path[1:], 2):
            if here is None:
                return None
            where = path[: depth - 1]
            if isinstance(here, pycrdt.Map):
                if segment not in here:
                    if not create:
                        return None
                    here[segment] = wanted() if depth == len(path) else pycrdt.Map()
                here = here[segment]
            elif isinstance(here, pycrdt.Array):
                _require(
                    ARRAY_INDEX.fullmatch(segment) is not None and int(segment) < len(here),
                    f"{format_pointer(where)} is an array of {len(here)} without an item {segment[:32]!r}",
                )
                here = here[int(segment)]
            elif isinstance(here, pycrdt.XmlFragment | pycrdt.XmlElement):
                children = here.children
                _require(
                    ARRAY_INDEX.fullmatch(segment) is not None and int(segment) < len(children),
                    f"{format_pointer(where)} is XML with {len(children)} children, without one {segment[:32]!r}",
                )
                here = children[int(segment)]
            else:
                raise Fault(f"{format_pointer(where)} is {_name_of(here)}, not a map or an array")
        if wanted is pycrdt.Text and isinstance(here, pycrdt.XmlText):
            return here
        if here is not None and not isinstance(here, wanted):
            raise Fault(f"{format_pointer(path)} is {_name_of(here)}, not {_name_of(wanted())}")
        return here

    def _root(self, name: str, inside: tuple[str, ...], wanted: type, *, create: bool) -> Any:
        """The root ``name``, of the type that it has, or else that the operation needs."""
        kind = self._kinds.get(name, "empty")
        if kind == "empty":
            if not create:
                return None
            needed = pycrdt.Map if inside else wanted
            self._kinds[name] = _KIND_OF[needed]
            return self._doc.get(name, type=needed)
        for known, known_kind in _KIND_OF.items():
            if kind == known_kind:
                return self._doc.get(name, type=known)
        return self._doc.get(name, type=pycrdt.XmlFragment)


def _require(condition: bool, words: str) -> None:
    if not condition:
        raise Fault(words)


def _name_of(value: object) -> str:
    if isinstance(value, pycrdt.Text):
        return "a text"
    if isinstance(value, pycrdt.Map):
        return "a map"
    if isinstance(value, pycrdt.Array):
        return "an array"
    if isinstance(value, pycrdt.XmlFragment | pycrdt.XmlElement | pycrdt.XmlText):
        return "XML"
    return "a plain value"


#: stands for an embed: one code unit, and one byte, as pycrdt counts embeds
_EMBED_CHAR = "\0"


class _TextView:
    """A text with the indices of Yjs: UTF-16 code units in, pycrdt's UTF-8 bytes out."""

    def __init__(self, text: pycrdt.Text | pycrdt.XmlText) -> None:
        self._text = text
        self._look()

    def _look(self) -> None:
        content = str(self._text)
        self._embeds: list[int] = []
        if len(content.encode()) != len(self._text):
            pieces: list[str] = []
            at = 0
            for piece, _ in self._text.diff():
                if not isinstance(piece, str):
                    self._embeds.append(at)
                    piece = _EMBED_CHAR
                pieces.append(piece)
                at += len(piece)
            content = "".join(pieces)
            if len(content.encode()) != len(self._text):
                raise Fault("this text holds things that are neither characters nor embeds")
        self._content = content

    def insert(self, index: int, text: str, attributes: dict[str, Any] | None) -> None:
        """Insert ``text`` before ``index``."""
        (at,) = self._code_points(index)
        if text:
            self._insert(at, text, attributes)

    def delete(self, index: int, length: int) -> None:
        """Delete a range."""
        self._delete(*self._code_points(index, index + length))

    def format(self, index: int, length: int, attributes: dict[str, Any]) -> None:
        """Set attributes on a range."""
        start, stop = self._code_points(index, index + length)
        if length and attributes:
            self._text.format(self._bytes(start), self._bytes(stop), attributes)

    def replace(self, text: str, differ: Differ) -> None:
        """Make the characters read ``text``; embeds stay where they are."""
        self._look()
        embeds = frozenset(self._embeds)
        spots = [at for at in range(len(self._content)) if at not in embeds] if embeds else None
        plain = self._content if spots is None else "".join(self._content[at] for at in spots)
        for start, stop, new_start, new_stop in reversed(differ.hunks(plain, text)):
            # Inserting behind what is deleted, new text takes the looks of the old.
            behind = stop if spots is None or stop == 0 else spots[stop - 1] + 1
            if new_stop > new_start:
                self._insert(behind, text[new_start:new_stop], None)
            if spots is None:
                self._delete(start, stop)
                continue
            for first, last in reversed(list(_runs(spots[start:stop]))):
                self._delete(first, last)

    def _insert(self, at: int, text: str, attributes: dict[str, Any] | None) -> None:
        if attributes is None and isinstance(self._text, pycrdt.XmlText):
            attributes = self._looks_left_of(at)
        self._text.insert(self._bytes(at), text, attributes)
        self._content = self._content[:at] + text + self._content[at:]

    def _looks_left_of(self, at: int) -> dict[str, Any]:
        """What an XML text, unlike others, does not give by itself to what is inserted."""
        end = 0
        for piece, looks in self._text.diff():
            end += len(piece) if isinstance(piece, str) else 1
            if end >= at:
                return looks or {} if at else {}
        return {}

    def _delete(self, start: int, stop: int) -> None:
        if start < stop:
            del self._text[self._bytes(start) : self._bytes(stop)]
            self._content = self._content[:start] + self._content[stop:]

    def _bytes(self, at: int) -> int:
        content = self._content
        return at if content.isascii() else len(content[:at].encode())

    def _code_points(self, *indices: int) -> list[int]:
        """Code unit indices as positions in the Python string."""
        content = self._content
        if content.isascii():
            for index in indices:
                _require(index <= len(content), f"index {index} is behind the end, {len(content)}")
            return list(indices)
        units = content.encode("utf-16-le")
        size = len(units) // 2
        found: list[int] = []
        for index in indices:
            _require(index <= size, f"index {index} is behind the end, {size}")
            try:
                found.append(len(units[: 2 * index].decode("utf-16-le")))
            except UnicodeDecodeError:
                raise Fault(f"index {index} is inside a surrogate pair") from None
        return found


def _runs(numbers: list[int]) -> Iterable[tuple[int, int]]:
    """Ranges of consecutive numbers."""
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield run[0], run[-1] + 1
