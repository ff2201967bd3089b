"""What nodes of a cluster say to each other about one document: bells of its log, and notes.

A bell says which positions of the log are new, and holds the updates where they are small. It is
made by the script that appends, so that no entry is without one; it may be lost all the same, and
then positions tell. A note is JSON of one node for the others (presence, broadcasts, digests).

Format: one line of words behind spaces, then the body::

    B <node> <epoch> <first> <last> LF (<length: 4 bytes, big-endian> <update>)*    appended
    S <node> <epoch> <position> LF                                                  compacted up to
    E <node> <epoch> LF                                                             a new epoch
    D <node> <epoch> LF                                                             deleted
    T <node> <stream> <offset> <seconds> LF <body>                                  an event of a stream; its body
                                                                                    where it is small
    N <node> LF <JSON object>                                                       a note

Where edits are traced, their trace contexts may follow the node of a ``B``: ``<node>+<traces>``. To whoever does not
know of that it is a node of another name, which it is anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Bell:
    """The log has entries ``first`` to ``last``; ``updates`` are those, or empty where they are large."""

    node: str
    epoch: str
    first: int
    last: int
    updates: tuple[bytes, ...] = ()
    #: of edits that are traced: W3C ``traceparent``, behind commas
    traces: str = ""


@dataclass(frozen=True, slots=True)
class Compacted:
    """The log up to and including ``position`` has become a snapshot."""

    node: str
    epoch: str
    position: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """The log was found to have lost entries, and has a new epoch from here on."""

    node: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The document with this epoch was deleted for good."""

    node: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Told:
    """A stream has a new event; ``body`` is what it says, or empty where that is large."""

    node: str
    stream: str
    offset: int
    at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """What one node tells the others that have the document open."""

    node: str
    body: dict[str, Any]


Message = Bell | Compacted | Renewed | Deleted | Told | Note


def encode_note(node: str, body: dict[str, Any]) -> bytes:
    """A note, ready to be published."""
    return b"N " + node.encode() + b"\n" + orjson.dumps(body)


def decode(data: bytes) -> Message:
    """Read what came over a document's channel.

    Raises:
        ValueError: it is nothing of ours.
    """
    head, newline, body = data.partition(b"\n")
    kind, *words = head.decode("ascii").split(" ")
    if not newline:
        raise ValueError("no line")
    if kind == "B":
        node, epoch, first, last = words
        traces = ""
        if "+" in node:
            node, traces = node.split("+", 1)
        return Bell(node, epoch, int(first), int(last), _updates(body), traces)
    if kind == "T":
        node, stream, offset, at = words
        return Told(node, stream, int(offset), float(at), body)
    if kind == "N":
        (node,) = words
        note = orjson.loads(body)
        if not isinstance(note, dict):
            raise ValueError("a note that is no object")
        return Note(node, note)
    if kind == "S":
        node, epoch, position = words
        return Compacted(node, epoch, int(position))
    if kind not in ("E", "D"):
        raise ValueError(f"unknown kind {kind[:8]!r}")
    node, epoch = words
    return Renewed(node, epoch) if kind == "E" else Deleted(node, epoch)


def _updates(body: bytes) -> tuple[bytes, ...]:
    updates = []
    at = 0
    while at < len(body):
        end = at + 4 + int.from_bytes(body[at : at + 4])
        if end > len(body):
            raise ValueError("cut short")
        updates.append(body[at + 4 : end])
        at = end
    return tuple(updates)
