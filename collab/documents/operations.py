"""Scripted edits and reads: operations as data, on a document given by its Yjs state.

Pure: no I/O, no sessions. What comes in is a document's Yjs v1 state and JSON from anybody; what
goes out is the Yjs v1 update that performs the whole batch, or content. A batch is checked and
carried out on a throw-away copy, because pycrdt cannot roll back: it is done as a whole or refused
as a whole, and a refusal names the operation's index.

**Paths** are RFC 6901 JSON pointers; the first segment is the root's name, further ones are map
keys or array indices. **Indices and lengths in texts** count UTF-16 code units, as Yjs does in every
browser (an emoji outside the basic plane counts two, an embed one); one that falls between the
halves of a surrogate pair is refused. pycrdt itself counts UTF-8 bytes: that is converted here.

**Types of roots** are not written in a Yjs document. An operation says which it means; for reading,
and for refusing a text operation on a map, :class:`_StructureReader` looks at what stands in the
root. A root whose whole content was deleted has lost its type: any operation may use it, and it
reads as an empty text.

**Values** are plain JSON: `map.set` of an object stores it as one value, as Yjs does, and a path
does not lead into it for editing. Integers beyond 2^53 become floating point, as in JavaScript.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

import orjson
import pycrdt

from collab.errors import CollabError
from collab.protocol.awareness import depth_exceeds
from collab.protocol.codec import MAX_CLOCK, DecodeError, Reader
from collab.protocol.scan import MAX_DEPTH

EMPTY_UPDATE: Final = b"\0\0"
#: operations of one batch
MAX_OPERATIONS: Final = 10_000
#: segments of one path
MAX_SEGMENTS: Final = 64
#: shared types inside each other; reading deeper ones would end the process
MAX_NESTING: Final = 128
#: comparisons that one batch may spend on finding smallest edits (about half a second)
DIFF_BUDGET: Final = 1_000_000
#: characters of two differing parts together up to which the very smallest edit is looked for
SHORT_DIFF: Final = 1000
#: the largest integer that JavaScript holds exactly
MAX_SAFE_INTEGER: Final = 2**53 - 1

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_WORD = re.compile(r"\w+")
_BAD_ESCAPE = re.compile(r"~(?![01])")


class _Fault(ValueError):
    """Why an operation is refused; its words go to the client."""


# -- operations as data -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """One checked operation; ``path`` is the JSON pointer, taken apart."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextInsert(Operation):
    """Insert ``text`` before ``index``; without ``attributes`` it looks like what stands left of it."""

    index: int
    text: str
    attributes: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TextDelete(Operation):
    """Delete ``length`` code units from ``index`` on."""

    index: int
    length: int


@dataclass(frozen=True, slots=True)
class TextFormat(Operation):
    """Set ``attributes`` on a range; null takes one away."""

    index: int
    length: int
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TextReplace(Operation):
    """Make the text read ``text`` by the smallest edit; embeds stay."""

    text: str


@dataclass(frozen=True, slots=True)
class MapSet(Operation):
    """Set the key that ``path`` ends with to a JSON value."""

    value: Any


@dataclass(frozen=True, slots=True)
class MapDelete(Operation):
    """Delete the key that ``path`` ends with; nothing happens where there is none."""


@dataclass(frozen=True, slots=True)
class ArrayInsert(Operation):
    """Insert JSON ``values`` before ``index``."""

    index: int
    values: list[Any]


@dataclass(frozen=True, slots=True)
class ArrayDelete(Operation):
    """Delete ``length`` items from ``index`` on."""

    index: int
    length: int


def validate(operations: object) -> list[Operation]:
    """Check the form of a batch; what it meets in a document is checked by :func:`edit`.

    Args:
        operations: JSON from anybody; entries that are :class:`Operation` already pass.

    Raises:
        CollabError: ``invalid_payload``, whose ``detail`` holds ``index`` and ``path``.
    """
    if not isinstance(operations, list | tuple):
        raise CollabError("invalid_payload", "`operations` has to be a list.")
    if len(operations) > MAX_OPERATIONS:
        raise CollabError(
            "invalid_payload",
            f"A batch has at most {MAX_OPERATIONS} operations.",
            detail={"limit": MAX_OPERATIONS},
        )
    checked: list[Operation] = []
    for number, entry in enumerate(operations):
        if isinstance(entry, Operation):
            checked.append(entry)
            continue
        try:
            checked.append(_operation(entry))
        except _Fault as fault:
            path = entry.get("path") if isinstance(entry, dict) else None
            raise _refusal(number, path if isinstance(path, str) else None, fault) from None
    return checked


def _refusal(number: int, path: str | None, fault: _Fault) -> CollabError:
    shown = path[:200].encode("utf-8", "replace").decode() if path is not None else None
    return CollabError(
        "invalid_payload", f"Operation {number}: {fault}.", detail={"index": number, "path": shown}
    )


def _operation(entry: object) -> Operation:
    if not isinstance(entry, dict):
        raise _Fault("it is not an object")
    name = entry.get("op")
    shape = _SHAPES.get(name) if isinstance(name, str) else None
    if shape is None:
        raise _Fault(f"unknown op, allowed are {', '.join(_SHAPES)}")
    if "path" not in entry:
        raise _Fault("`path` is missing")
    path = parse_pointer(entry["path"])
    if len(path) < shape.segments:
        raise _Fault("`path` has to name a key in a map" if path else "`path` has to name a root")
    fields: dict[str, Any] = {}
    for field, check in (*shape.required.items(), *shape.optional.items()):
        if field in entry:
            try:
                fields[field] = check(entry[field])
            except _Fault as fault:
                raise _Fault(f"`{field}` {fault}") from None
        elif field in shape.required:
            raise _Fault(f"`{field}` is missing")
    unknown = entry.keys() - fields.keys() - {"op", "path"}
    if unknown:
        raise _Fault(f"unknown field {sorted(map(repr, unknown))[0][:64]}")
    return shape.kind(path, **fields)


def parse_pointer(pointer: object) -> tuple[str, ...]:
    """The segments of an RFC 6901 JSON pointer; none for the empty one, the whole document.

    Raises:
        ValueError: it is none; the words complete "Operation 3: ".
    """
    if not isinstance(pointer, str):
        raise _Fault("`path` is not a string")
    if not _encodable(pointer):
        raise _Fault("`path` holds half a surrogate pair")
    if not pointer:
        return ()
    if pointer[0] != "/":
        raise _Fault("`path` does not begin with a slash")
    if _BAD_ESCAPE.search(pointer):
        raise _Fault("`path` holds a ~ that is neither ~0 nor ~1")
    segments = pointer[1:].split("/")
    if len(segments) > MAX_SEGMENTS:
        raise _Fault(f"`path` has more than {MAX_SEGMENTS} segments")
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in segments)


def format_pointer(path: Iterable[str]) -> str:
    """The JSON pointer of ``path``, the inverse of :func:`parse_pointer`."""
    return "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in path)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise _Fault("is not a whole number from 0 on")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Fault("is not a string")
    if not _encodable(value):
        raise _Fault("holds half a surrogate pair")
    return value


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(value: object) -> Any:
    if depth_exceeds(value, MAX_DEPTH):
        raise _Fault(f"is nested deeper than {MAX_DEPTH} levels")
    return _plain(value)


def _plain(value: object) -> Any:
    """JSON as a Yjs document holds it; everything that pycrdt would panic at is refused."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
            return value
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if number - number != 0:
            raise _Fault("holds a number out of range")
        return number
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    raise _Fault("is not JSON")


def _json_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _Fault("is not a list")
    return [_json(item) for item in value]


def _attributes(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault("is not an object")
    return {_text(key): _json(item) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: Callable[..., Operation]
    required: Mapping[str, Callable[[object], Any]]
    optional: Mapping[str, Callable[[object], Any]]
    segments: int = 1


_RANGE: Final = {"index": _count, "length": _count}
_SHAPES: Final[dict[str, _Shape]] = {
    "text.insert": _Shape(TextInsert, {"index": _count, "text": _text}, {"attributes": _attributes}),
    "text.delete": _Shape(TextDelete, _RANGE, {}),
    "text.format": _Shape(TextFormat, {**_RANGE, "attributes": _attributes}, {}),
    "text.replace": _Shape(TextReplace, {"text": _text}, {}),
    "map.set": _Shape(MapSet, {"value": _json}, {}, segments=2),
    "map.delete": _Shape(MapDelete, {}, {}, segments=2),
    "array.insert": _Shape(ArrayInsert, {"index": _count, "values": _json_list}, {}),
    "array.delete": _Shape(ArrayDelete, _RANGE, {}),
}


# -- what stands in which root ------------------------------------------------------------------------

RootKind = Literal["text", "map", "array", "xml", "empty"]

# What a shared type was seen to hold.
_KEYS, _CHARS, _MARKS, _VALUES, _XML = (1 << bit for bit in range(5))
# Kinds of struct content, as Yjs numbers them, and of shared types.
_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_HOLDS = {
    _JSON: _VALUES, _BINARY: _VALUES, _STRING: _CHARS, _EMBED: _MARKS, _FORMAT: _MARKS,
    _TYPE: _VALUES, _ANY: _VALUES, _DOC: _VALUES,
}  # fmt: skip
_ARRAY, _XML_ELEMENT = 0, 3
_XML_TYPES = frozenset({_XML_ELEMENT, 4, 6})


class _Node:
    """A shared type: a root, or a nested one with the type that the document gives it."""

    __slots__ = ("holds", "parent", "type")

    def __init__(self) -> None:
        self.holds = 0
        self.parent: _Node | None = None
        self.type: int | None = None


_Id = tuple[int, int]  # client and clock
#: whose child a struct is: a type, nobody's, or the same as the first of these structs that has one
_Owner = _Node | tuple[_Id, ...] | None


class _StructureReader:
    """Tells from a Yjs v1 state which types it holds, without integrating anything.

    A struct names its parent only where it has no neighbour; the others are found by following their
    origins.
    """

    def __init__(self, state: bytes) -> None:
        self.reader = Reader(state)
        self.roots: dict[str, _Node] = {}
        self.nested: dict[_Id, _Node] = {}
        self.sections: dict[int, tuple[list[int], list[_Owner]]] = {}
        self.unresolved: list[tuple[tuple[_Id, ...], int, _Node | None]] = []

    def kinds(self) -> dict[str, RootKind]:
        """The kind of every root.

        Raises:
            CollabError: ``invalid_update`` for a state that cannot be read safely.
        """
        try:
            self._read()
        except (DecodeError, IndexError):
            raise CollabError("invalid_update", "This document is damaged.") from None
        for neighbours, holds, node in self.unresolved:
            self._adopt(self._resolve(neighbours), holds, node)
        self._check_nested()
        return {name: _root_kind(node.holds) for name, node in self.roots.items()}

    def _read(self) -> None:
        reader = self.reader
        for _ in range(reader.var_uint()):
            count, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint(MAX_CLOCK)
            starts, owners = self.sections.setdefault(client, ([], []))
            for _ in range(count):
                length = self._struct(client, clock, owners)
                starts.append(clock)
                clock += length

    def _struct(self, client: int, clock: int, owners: list[_Owner]) -> int:
        """Read one struct; returns its length."""
        info = self._byte()
        kind = info & 0x1F
        if kind in (_GC, _SKIP):
            owners.append(None)
            return self.reader.var_uint(MAX_CLOCK)
        owner = self._owner(info, client, clock, owners)
        owners.append(owner)
        holds = _KEYS if info & 0x20 else _HOLDS.get(kind, 0)
        node = None
        if kind == _TYPE:
            node = self.nested.setdefault((client, clock), _Node())
            node.type = self.reader.data[self.reader.at]
            if holds == _VALUES and node.type in _XML_TYPES:
                holds = _XML
        if isinstance(owner, tuple):
            self.unresolved.append((owner, holds, node))
        else:
            self._adopt(owner, holds, node)
        return self._content(kind)

    def _owner(self, info: int, client: int, clock: int, owners: list[_Owner]) -> _Owner:
        reader = self.reader
        if info & 0xC0:
            neighbours: list[_Id] = []
            for bit in (0x80, 0x40):
                if info & bit:
                    neighbours.append((reader.var_uint(), reader.var_uint()))
            if neighbours[0] == (client, clock - 1) and owners and owners[-1] is not None:
                return owners[-1]
            return tuple(neighbours)
        owner: _Node
        if reader.var_uint() == 1:
            owner = self.roots.setdefault(reader.var_string(), _Node())
        else:
            owner = self.nested.setdefault((reader.var_uint(), reader.var_uint()), _Node())
        if info & 0x20:
            reader.var_bytes()
        return owner

    def _byte(self) -> int:
        byte = self.reader.data[self.reader.at]
        self.reader.at += 1
        return byte

    def _content(self, kind: int) -> int:
        """Pass over the content of a struct; returns its length."""
        reader = self.reader
        if kind == _STRING:
            text = reader.var_bytes()
            return len(text) if text.isascii() else len(text.decode("utf-8", "replace").encode("utf-16-le")) // 2
        if kind == _DELETED:
            return reader.var_uint(MAX_CLOCK)
        if kind == _ANY:
            count = reader.var_uint()
            self._values(count)
            return count
        if kind == _JSON:
            count = reader.var_uint()
            for _ in range(count):
                reader.var_bytes()
            return count
        if kind == _TYPE:
            if reader.var_uint() == _XML_ELEMENT:
                reader.var_bytes()
        elif kind in (_BINARY, _EMBED, _FORMAT, _DOC):
            reader.var_bytes()
            if kind == _FORMAT:
                reader.var_bytes()
            elif kind == _DOC:
                self._values(1)
        else:
            raise DecodeError("an unknown kind of content")
        return 1

    def _values(self, count: int) -> None:
        """Pass over ``count`` lib0 "any" values, without recursion."""
        reader = self.reader
        levels = [(count, False)]  # values still due, and whether each has a key
        while levels:
            due, keyed = levels.pop()
            if not due:
                continue
            levels.append((due - 1, keyed))
            if keyed:
                reader.var_bytes()
            tag = self._byte()
            if tag in (116, 119):  # bytes, text
                reader.var_bytes()
            elif tag == 125:  # an integer, which ends where the top bit is not set
                while self._byte() >= 0x80:
                    pass
            elif tag in (122, 123, 124):  # numbers of 8, 8 and 4 bytes
                reader.take(4 if tag == 124 else 8)
            elif tag in (117, 118):  # an array, an object
                levels.append((reader.var_uint(), tag == 118))
            elif tag not in (120, 121, 126, 127):
                raise DecodeError("an unknown kind of value")

    def _adopt(self, owner: _Node | None, holds: int, node: _Node | None) -> None:
        if owner is not None:
            owner.holds |= holds
        if node is not None:
            node.parent = owner

    def _resolve(self, neighbours: tuple[_Id, ...]) -> _Node | None:
        """The type that structs between these neighbours are in."""
        due = list(reversed(neighbours))
        visited: list[tuple[list[_Owner], int]] = []
        found: _Node | None = None
        while due and found is None:
            client, clock = due.pop()
            starts, owners = self.sections.get(client, ([], []))
            at = bisect_right(starts, clock) - 1
            owner = owners[at] if at >= 0 else None
            if isinstance(owner, _Node):
                found = owner
            elif owner is not None:
                owners[at] = None  # where hostile origins go in a circle, nobody is the parent
                visited.append((owners, at))
                due.extend(reversed(owner))
        for owners, at in visited:
            owners[at] = found
        return found

    def _check_nested(self) -> None:
        for node in self.nested.values():
            if node.type == _ARRAY and node.holds & _CHARS:
                # No editor writes this; reading an emoji in it as an item never ends.
                raise CollabError("invalid_update", "This document holds an array that cannot be read.")
            above, depth = node.parent, 1
            while above is not None:
                above, depth = above.parent, depth + 1
                if depth > MAX_NESTING:
                    raise CollabError("invalid_update", "This document is nested too deep to be read.")


def _root_kind(holds: int) -> RootKind:
    if holds & _XML:
        return "xml"
    if holds & (_CHARS | _MARKS):
        return "text"
    if holds & _KEYS:
        return "map"
    return "array" if holds & _VALUES else "empty"


# -- the smallest edit ----------------------------------------------------------------------------------

#: old[i:j] is replaced by new[k:l]
_Hunk = tuple[int, int, int, int]


class Differ:
    """Finds small edits, as long as its budget lasts; then larger ones."""

    def __init__(self, budget: int = DIFF_BUDGET) -> None:
        self.budget = budget

    def hunks(self, old: str, new: str) -> list[_Hunk]:
        """What to replace in ``old`` to get ``new``, in order, with equal parts between.

        The smallest there is for texts that differ in a short part; long parts are taken apart first
        at words that both sides have just once, so that the cost stays linear.
        """
        whole = _trimmed(old, new, (0, len(old), 0, len(new)))
        start, stop, new_start, new_stop = whole
        if stop - start + new_stop - new_start <= SHORT_DIFF:
            return self._between(old, new, whole)
        found: list[_Hunk] = []
        for at, new_at, length in _anchors(old[start:stop], new[new_start:new_stop]):
            gap = (start, whole[0] + at, new_start, whole[2] + new_at)
            found += self._between(old, new, _trimmed(old, new, gap))
            start, new_start = gap[1] + length, gap[3] + length
        return found + self._between(old, new, _trimmed(old, new, (start, stop, new_start, new_stop)))

    def _between(self, old: str, new: str, gap: _Hunk) -> list[_Hunk]:
        start, stop, new_start, new_stop = gap
        if start == stop and new_start == new_stop:
            return []
        if start == stop or new_start == new_stop:
            return [gap]
        found, self.budget = _shortest(old[start:stop], new[new_start:new_stop], self.budget)
        if found is None:
            return [gap]
        return [(i + start, j + start, k + new_start, m + new_start) for i, j, k, m in found]


def _anchors(old: str, new: str) -> list[tuple[int, int, int]]:
    """Words that both texts have just once, in an order that both have: (offset, offset, length)."""
    theirs = _unique_words(new)
    pairs = [(at, theirs[word], len(word)) for word, at in _unique_words(old).items() if word in theirs]
    # The longest rising sequence of the offsets in `new`: the last pair of the best one of each length.
    best: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, new_at, _) in enumerate(pairs):
        length = bisect_right(best, new_at)
        before.append(last[length - 1] if length else -1)
        best[length : length + 1] = [new_at]
        last[length : length + 1] = [number]
    chain: list[tuple[int, int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _unique_words(text: str) -> dict[str, int]:
    """Words that stand once in ``text``, with their offsets, in order."""
    offsets: dict[str, int] = {}
    for found in _WORD.finditer(text):
        offsets[found[0]] = -1 if found[0] in offsets else found.start()
    return {word: at for word, at in offsets.items() if at >= 0}


def _shortest(old: str, new: str, budget: int) -> tuple[list[_Hunk] | None, int]:
    """Myers' O(ND) algorithm: the shortest edit, and what is left of the budget; None if it is used up."""
    rows: list[array[int]] = []
    size_old, size_new = len(old), len(new)
    before = array("q", [0])
    edits = 0
    while budget > 0:
        row = array("q", bytes(8 * (edits + 1)))
        for at in range(edits + 1):
            if edits == 0:
                x = 0
            elif at == 0 or (at != edits and before[at - 1] < before[at]):
                x = before[at]
            else:
                x = before[at - 1] + 1
            start, y = x, x - (2 * at - edits)
            while x < size_old and y < size_new and old[x] == new[y]:
                x += 1
                y += 1
            row[at] = x
            budget -= 1 + x - start
            if x >= size_old and y >= size_new:
                return _backtrack(rows, size_old, size_new), budget
        rows.append(row)
        before = row
        edits += 1
    return None, 0


def _backtrack(rows: list[array[int]], x: int, y: int) -> list[_Hunk]:
    hunks: list[_Hunk] = []
    for edits in range(len(rows), 0, -1):
        before = rows[edits - 1]
        at = (x - y + edits) // 2
        if at == 0 or (at != edits and before[at - 1] < before[at]):
            x, y = before[at], before[at] - (2 * at - edits + 1)
            hunk = (x, x, y, y + 1)
        else:
            x, y = before[at - 1], before[at - 1] - (2 * at - edits - 1)
            hunk = (x, x + 1, y, y)
        if hunks and hunks[-1][0] == hunk[1] and hunks[-1][2] == hunk[3]:
            later = hunks.pop()
            hunk = (hunk[0], later[1], hunk[2], later[3])
        hunks.append(hunk)
    return hunks[::-1]


def _trimmed(old: str, new: str, hunk: _Hunk) -> _Hunk:
    """The hunk without what its two sides begin and end with alike."""
    start, stop, new_start, new_stop = hunk
    head = _common_prefix(old[start:stop], new[new_start:new_stop])
    start, new_start = start + head, new_start + head
    tail = _common_prefix(old[start:stop][::-1], new[new_start:new_stop][::-1])
    return start, stop - tail, new_start, new_stop - tail


def _common_prefix(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


# -- editing --------------------------------------------------------------------------------------------


def edit(state: bytes, operations: object, *, client_id: int | None = None) -> bytes:
    """The Yjs v1 update that performs a batch on a document, all or nothing.

    Args:
        state: the document, as one Yjs v1 update.
        operations: what :func:`validate` takes or returned.
        client_id: under which Yjs client id the edit is written; a random one by default. Two edits
            that are made from the same state need different ones, or replicas diverge.

    Returns:
        The update that turns ``state`` into the edited document, without the rest of its history;
        :data:`EMPTY_UPDATE` where the batch changes nothing.

    Raises:
        CollabError: ``invalid_payload`` with ``index`` and ``path`` of the operation that is refused;
            ``invalid_update`` for a state that cannot be read.
    """
    checked = validate(operations)
    doc, kinds = _load(state, client_id)
    batch = _Batch(doc, kinds)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    with _panics_contained("The edit failed."), doc.transaction():
        for number, operation in enumerate(checked):
            try:
                batch.perform(operation)
            except _Fault as fault:
                raise _refusal(number, format_pointer(operation.path), fault) from None
    doc.unobserve(subscription)
    return updates[0] if updates else EMPTY_UPDATE


def apply(doc: pycrdt.Doc[Any], operations: object) -> None:
    """Perform a batch on ``doc`` in one transaction, or not at all.

    Raises:
        CollabError: as :func:`edit`; ``doc`` is unchanged then.
    """
    update = edit(doc.get_update(), operations, client_id=doc.client_id)
    if update != EMPTY_UPDATE:
        doc.apply_update(update)


@contextmanager
def _panics_contained(words: str) -> Iterator[None]:
    """Turn what pycrdt raises into an error with a code; its PanicException is a BaseException."""
    try:
        yield
    except (CollabError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise CollabError("invalid_update", words) from error


def _load(state: bytes, client_id: int | None = None) -> tuple[pycrdt.Doc[Any], dict[str, RootKind]]:
    """A throw-away copy of a document, and what its roots are."""
    kinds = _StructureReader(state).kinds()
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id)
    with _panics_contained("This document is damaged."):
        doc.apply_update(state)
    return doc, kinds


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
        """Perform one operation; raises _Fault where the document does not allow it."""
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
                    _ARRAY_INDEX.fullmatch(segment) is not None and int(segment) < len(here),
                    f"{format_pointer(where)} is an array of {len(here)} without an item {segment[:32]!r}",
                )
                here = here[int(segment)]
            else:
                raise _Fault(f"{format_pointer(where)} is {_name_of(here)}, not a map or an array")
        if here is not None and not isinstance(here, wanted):
            raise _Fault(f"{format_pointer(path)} is {_name_of(here)}, not {_name_of(wanted())}")
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
        raise _Fault(f"{format_pointer((name,))} is XML, which operations do not edit")


def _require(condition: bool, words: str) -> None:
    if not condition:
        raise _Fault(words)


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

    def __init__(self, text: pycrdt.Text) -> None:
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
                raise _Fault("this text holds things that are neither characters nor embeds")
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
        self._text.insert(self._bytes(at), text, attributes)
        self._content = self._content[:at] + text + self._content[at:]

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
                raise _Fault(f"index {index} is inside a surrogate pair") from None
        return found


def _runs(numbers: list[int]) -> Iterable[tuple[int, int]]:
    """Ranges of consecutive numbers."""
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield run[0], run[-1] + 1


# -- reading --------------------------------------------------------------------------------------------


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
    except _Fault as fault:
        raise CollabError("invalid_payload", f"The path cannot be used: {fault}.") from None
    doc, kinds = _load(state)
    with _panics_contained("This document cannot be read."), doc.transaction():
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
        elif isinstance(content, list) and _ARRAY_INDEX.fullmatch(segment) and int(segment) < len(content):
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
