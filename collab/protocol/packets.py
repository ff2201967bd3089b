"""Socket.IO v5 packets, read strictly.

python-socketio's own decoder admits attachment counts of ten digits, repeated and negative
placeholders, text where an attachment is due, NaN and payloads of the wrong type; here each of
them is a :class:`PacketError`.

Format: https://github.com/socketio/socket.io-protocol (version 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

#: between the packets of one polling body (Engine.IO 4)
SEPARATOR = "\x1e"

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)

#: attachments that one packet may announce; no event of ours has more than one
MAX_ATTACHMENTS = 8
#: characters of a namespace: a document's name is far shorter, and a refusal repeats it
MAX_NAMESPACE = 1024
#: characters of JSON that are parsed at once: a broadcast fits, and it takes some milliseconds
MAX_JSON = 128 * 1024
#: characters of the JSON of a CONNECT
MAX_CONNECT = 64 * 1024
#: levels of lists and objects in one payload
MAX_DEPTH = 64

PLACEHOLDER = '{"_placeholder":true,"num":0}'

_HEADER = re.compile(
    r"(?P<type>[0-6])(?:(?P<attachments>[0-9]{1,10})-)?(?P<namespace>/[^,]*)?(?P<comma>,)?(?P<id>[0-9]{1,15})?",
    re.ASCII,
)
#: JSON with half of a surrogate pair in it is read up to this many characters: nobody else may have to wait
_MAX_MENDED = 256 * 1024
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


_EVENT_NAME = re.compile(r'\["([^"\\\\]{1,64})",')


class PacketError(ValueError):
    """The packet breaks the Socket.IO protocol."""


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The JSON of a large event, its name included, which is parsed where nobody has to wait for it."""

    json: str


@dataclass(slots=True)
class Packet:
    """A packet: ``data`` still holds placeholders until every attachment is in."""

    type: int
    namespace: str
    id: int | None
    data: Any
    attachments: int = 0
    received: list[bytes] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all attachments have arrived."""
        return len(self.received) == self.attachments

    def attach(self, data: bytes) -> bool:
        """Add an attachment; True once the packet is complete and ``data`` is filled in."""
        self.received.append(data)
        if not self.complete:
            return False
        used: set[int] = set()
        self.data = _fill(self.data, self.received, used, 0)
        if len(used) != self.attachments:
            raise PacketError("an attachment without a placeholder")
        return True


def parse_packet(text: str) -> Packet:
    """Read a Socket.IO packet (without the Engine.IO type digit).

    Raises:
        PacketError: it breaks the protocol in any way.
    """
    head = _HEADER.match(text)
    if head is None:
        raise PacketError("unknown packet type")
    kind = int(head["type"])
    binary = kind in (BINARY_EVENT, BINARY_ACK)
    if binary != (head["attachments"] is not None):
        raise PacketError("attachment count out of place")
    attachments = int(head["attachments"] or 0)
    if attachments > MAX_ATTACHMENTS or (binary and attachments == 0):
        raise PacketError("attachment count")
    namespace = head["namespace"] or "/"
    if (head["namespace"] is None) == (head["comma"] is not None) and not (
        # `0/doc/a`: what has no payload needs no comma either
        head["comma"] is None and head.end() == len(text) and kind in (CONNECT, DISCONNECT)
    ):
        raise PacketError("namespace")
    if len(namespace) > MAX_NAMESPACE:
        raise PacketError("namespace too long")
    identifier = int(head["id"]) if head["id"] is not None else None
    body = text[head.end() :]
    data: Any = None
    if len(body) > MAX_JSON or (kind == CONNECT and len(body) > MAX_CONNECT):
        data = _unparsed(kind, body)
    elif body:
        try:
            data = _read_json(body)
        except orjson.JSONDecodeError:
            raise PacketError("payload is not JSON") from None
    _check(kind, identifier, data)
    return Packet(kind, namespace, identifier, data, attachments)


def _unparsed(kind: int, body: str) -> list[Any]:
    name = _EVENT_NAME.match(body) if kind == EVENT else None
    if name is None:
        raise PacketError("payload too large")
    return [name[1], Unparsed(body)]


def _read_json(body: str) -> Any:
    """As ``orjson.loads``, but half a surrogate pair, which JavaScript cuts easily, becomes U+FFFD as in Yjs."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if len(body) > _MAX_MENDED:
            raise
        mended = _ESCAPE.sub(lambda escape: "\\ufffd" if escape["half"] else escape[0], body)
        if mended == body:
            raise
        return orjson.loads(mended)


def _check(kind: int, identifier: int | None, data: Any) -> None:
    if kind in (EVENT, BINARY_EVENT):
        if not (isinstance(data, list) and data and isinstance(data[0], str)):
            raise PacketError("event payload")
        if data[0] in _RESERVED:
            raise PacketError("reserved event name")
    elif kind in (ACK, BINARY_ACK):
        if identifier is None or not isinstance(data, list):
            raise PacketError("ack payload")
    elif identifier is not None:
        raise PacketError("id out of place")
    elif kind == CONNECT:
        if data is not None and not isinstance(data, dict):
            raise PacketError("connect payload")
    elif kind == DISCONNECT:
        if data is not None:
            raise PacketError("disconnect payload")
    else:
        raise PacketError("a client cannot refuse a connection")


def _fill(value: Any, attachments: list[bytes], used: set[int], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise PacketError("payload nested too deep")
    if isinstance(value, list):
        return [_fill(item, attachments, used, depth + 1) for item in value]
    if isinstance(value, dict):
        if value.get("_placeholder") is not True:
            return {key: _fill(item, attachments, used, depth + 1) for key, item in value.items()}
        number = value.get("num")
        if type(number) is not int or not 0 <= number < len(attachments) or number in used:
            raise PacketError("placeholder")
        used.add(number)
        return attachments[number]
    return value
