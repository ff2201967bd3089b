"""Operations: a scripted edit as data, and the check of its form.

Pure: no I/O, no documents. JSON from anybody goes in, checked operations come out, or a refusal that
names the operation's index. What they do to a document: ``editing.py``.

**Paths** are RFC 6901 JSON pointers; the first segment is the root's name, further ones are map
keys or array indices, or the number of an XML node among its siblings: text operations edit XML texts too.

**Values** are plain JSON. Integers beyond 2^53 become floating point, as in JavaScript.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collab.errors import CollabError
from collab.protocol.awareness import depth_exceeds
from collab.protocol.yjs_structs import MAX_DEPTH

#: operations of one batch
MAX_OPERATIONS: Final = 10_000
#: segments of one path
MAX_SEGMENTS: Final = 64
#: the largest integer that JavaScript holds exactly
MAX_SAFE_INTEGER: Final = 2**53 - 1

#: a segment that names an item of an array
ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")


class Fault(ValueError):
    """Why an operation is refused; its words go to the client."""


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
    """Check the form of a batch; what it meets in a document is checked by ``editing.py``.

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
        except Fault as fault:
            path = entry.get("path") if isinstance(entry, dict) else None
            raise refusal(number, path if isinstance(path, str) else None, fault) from None
    return checked


def refusal(number: int, path: str | None, fault: Fault) -> CollabError:
    """The error for operation ``number`` of a batch, to be raised; ``path`` as the client wrote it, if it did."""
    shown = path[:200].encode("utf-8", "replace").decode() if path is not None else None
    return CollabError("invalid_payload", f"Operation {number}: {fault}.", detail={"index": number, "path": shown})


def _operation(entry: object) -> Operation:
    if not isinstance(entry, dict):
        raise Fault("it is not an object")
    name = entry.get("op")
    shape = _SHAPES.get(name) if isinstance(name, str) else None
    if shape is None:
        raise Fault(f"unknown op, allowed are {', '.join(_SHAPES)}")
    if "path" not in entry:
        raise Fault("`path` is missing")
    path = parse_pointer(entry["path"])
    if len(path) < shape.segments:
        raise Fault("`path` has to name a key in a map" if path else "`path` has to name a root")
    fields: dict[str, Any] = {}
    for field, check in (*shape.required.items(), *shape.optional.items()):
        if field in entry:
            try:
                fields[field] = check(entry[field])
            except Fault as fault:
                raise Fault(f"`{field}` {fault}") from None
        elif field in shape.required:
            raise Fault(f"`{field}` is missing")
    unknown = entry.keys() - fields.keys() - {"op", "path"}
    if unknown:
        raise Fault(f"unknown field {sorted(map(repr, unknown))[0][:64]}")
    return shape.kind(path, **fields)


def parse_pointer(pointer: object) -> tuple[str, ...]:
    """The segments of an RFC 6901 JSON pointer; none for the empty one, the whole document.

    Raises:
        ValueError: it is none; the words complete "Operation 3: ".
    """
    if not isinstance(pointer, str):
        raise Fault("`path` is not a string")
    if not _encodable(pointer):
        raise Fault("`path` holds half a surrogate pair")
    if not pointer:
        return ()
    if pointer[0] != "/":
        raise Fault("`path` does not begin with a slash")
    if _BAD_ESCAPE.search(pointer):
        raise Fault("`path` holds a ~ that is neither ~0 nor ~1")
    segments = pointer[1:].split("/")
    if len(segments) > MAX_SEGMENTS:
        raise Fault(f"`path` has more than {MAX_SEGMENTS} segments")
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in segments)


def format_pointer(path: Iterable[str]) -> str:
    """The JSON pointer of ``path``, the inverse of :func:`parse_pointer`."""
    return "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in path)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise Fault("is not a whole number from 0 on")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Fault("is not a string")
    if not _encodable(value):
        raise Fault("holds half a surrogate pair")
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
        raise Fault(f"is nested deeper than {MAX_DEPTH} levels")
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
            raise Fault("holds a number out of range")
        return number
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    raise Fault("is not JSON")


def _json_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise Fault("is not a list")
    return [_json(item) for item in value]


def _attributes(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Fault("is not an object")
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
