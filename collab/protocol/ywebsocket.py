"""Messages of the y-websocket protocol, read strictly and written.

A message is a kind, then what that kind holds: of a sync message its step and bytes, of an awareness message bytes,
of an auth message a refusal. Servers ignore kinds that they do not know: applications add kinds of their own.

Format: y-protocols ``PROTOCOL.md``, ``sync.js``, ``auth.js``, and y-websocket's ``messageHandlers``.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from collab.protocol.codec import DecodeError, Reader, write_var_bytes, write_var_uint

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = range(4)
STEP_1, STEP_2, UPDATE = range(3)

_PERMISSION_DENIED: Final = 0

#: an awareness message in which there is nobody
NO_NEWS: Final = bytes((AWARENESS, 1, 0))


class Kind(Enum):
    """What a message is."""

    STEP_1 = "step 1"
    STEP_2 = "step 2"
    UPDATE = "update"
    AWARENESS = "awareness"
    QUERY_AWARENESS = "query awareness"
    OTHER = "other"


class Message(NamedTuple):
    """A message that was read; ``payload`` is empty where its kind has none."""

    kind: Kind
    payload: bytes = b""


_STEPS = {STEP_1: Kind.STEP_1, STEP_2: Kind.STEP_2, UPDATE: Kind.UPDATE}


def read_message(data: bytes) -> Message:
    """Read one message of a client.

    Raises:
        DecodeError: it breaks the protocol in any way.
    """
    reader = Reader(data)
    kind = reader.var_uint()
    if kind == SYNC:
        message = read_sync(reader)
    elif kind == AWARENESS:
        message = Message(Kind.AWARENESS, reader.var_bytes())
    elif kind == QUERY_AWARENESS:
        message = Message(Kind.QUERY_AWARENESS)
    else:
        return Message(Kind.OTHER)
    reader.end()
    return message


def read_sync(reader: Reader) -> Message:
    """Read the rest of a sync message.

    Raises:
        DecodeError: it is none.
    """
    kind = _STEPS.get(reader.var_uint())
    if kind is None:
        raise DecodeError("unknown sync message")
    return Message(kind, reader.var_bytes())


def write_sync(step: int, payload: bytes) -> bytes:
    """A sync message: :data:`STEP_1`, :data:`STEP_2` or :data:`UPDATE`."""
    return bytes((SYNC, step)) + write_var_bytes(payload)


def write_awareness(update: bytes) -> bytes:
    """An awareness message."""
    return bytes((AWARENESS,)) + write_var_bytes(update)


def write_denied(reason: str) -> bytes:
    """Something is not permitted."""
    return write_var_uint(AUTH) + bytes((_PERMISSION_DENIED,)) + write_var_bytes(reason.encode())
