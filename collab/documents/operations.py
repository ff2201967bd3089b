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
and for refusing a text operation on a map, :class:`StructureReader` looks at what stands in the
root. A root whose whole content was deleted has lost its type: any operation may use it, and it
reads as an empty text.

**Values** are plain JSON: `map.set` of an object stores it as one value, as Yjs does, and a path
does not lead into it for editing. Integers beyond 2^53 become floating point, as in JavaScript.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

import orjson
import pycrdt

from collab.documents.differ import Differ
from collab.documents.roots import RootKind, StructureReader
from collab.errors import CollabError
from collab.protocol.awareness import depth_exceeds
from collab.protocol.scan import MAX_DEPTH

EMPTY_UPDATE: Final = b"\0\0"
#: operations of one batch
MAX_OPERATIONS: Final = 10_000
#: segments of one path
MAX_SEGMENTS: Final = 64
#: the largest integer that JavaScript holds exactly
MAX_SAFE_INTEGER: Final = 2**53 - 1

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
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
    kinds = StructureReader(state).kinds()
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
