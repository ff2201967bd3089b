"""Messages of the Hocuspocus protocol, read strictly and written.

A message is an address, a kind, and what that kind holds. The address is a document name, of provider version 4
perhaps followed by U+0000 and a word for the provider's session; the server writes back to the same address. Two
messages stand for themselves: one byte, a ping or a pong.

Format: ``@hocuspocus/provider`` 2.15 to 4, ``MessageReceiver`` and ``OutgoingMessages``; ``@hocuspocus/common``,
``auth`` and ``routingKey``. The messages of y-websocket (:mod:`collab.protocol.ywebsocket`) have the same kinds here.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from collab.protocol.codec import DecodeError, Reader, write_var_bytes
from collab.protocol.ywebsocket import AUTH, AWARENESS, QUERY_AWARENESS, SYNC, read_sync
from collab.protocol.ywebsocket import Kind as SyncKind

SYNC_REPLY, STATELESS, CLOSE, SYNC_STATUS = 4, 5, 7, 8
PING, PONG = b"\x09", b"\x0a"

_TOKEN, _DENIED, _AUTHENTICATED = range(3)

READ_WRITE, READ_ONLY = "read-write", "readonly"

#: characters of the word for a provider's session; providers write about twelve
MAX_SESSION: Final = 100
#: bytes of an address: a document's name and that word are far shorter, and a refusal repeats it
MAX_ADDRESS: Final = 1024
#: what asks a provider for its token
ASK_TOKEN: Final = bytes((AUTH, _TOKEN))


class Kind(Enum):
    """What a message is."""

    STEP_1 = "step 1"
    STEP_2 = "step 2"
    UPDATE = "update"
    STEP_1_REPLY = "step 1, to be answered without one of ours"
    AWARENESS = "awareness"
    QUERY_AWARENESS = "query awareness"
    TOKEN = "token"  # noqa: S105 - the name of a kind
    STATELESS = "stateless"
    CLOSE = "close"
    OTHER = "other"


class Message(NamedTuple):
    """A message that was read: ``payload`` is of sync and awareness messages, ``text`` a token or what is stateless."""

    address: str
    kind: Kind
    payload: bytes = b""
    text: str = ""


_SYNC_KINDS = {SyncKind.STEP_1: Kind.STEP_1, SyncKind.STEP_2: Kind.STEP_2, SyncKind.UPDATE: Kind.UPDATE}


def read_message(data: bytes) -> Message:
    """Read one message of a client, which is neither :data:`PING` nor :data:`PONG`.

    Raises:
        DecodeError: it breaks the protocol in any way.
    """
    reader = Reader(data)
    address = reader.var_string()
    if reader.at > MAX_ADDRESS:
        raise DecodeError("address too long")
    kind = reader.var_uint()
    if kind in (SYNC, SYNC_REPLY):
        step, payload = read_sync(reader)
        sync = _SYNC_KINDS[step]
        if kind == SYNC_REPLY and sync is Kind.STEP_1:
            sync = Kind.STEP_1_REPLY
        message = Message(address, sync, payload)
    elif kind == AWARENESS:
        message = Message(address, Kind.AWARENESS, reader.var_bytes())
    elif kind == QUERY_AWARENESS:
        message = Message(address, Kind.QUERY_AWARENESS)
    elif kind == STATELESS:
        message = Message(address, Kind.STATELESS, text=reader.var_string())
    elif kind == CLOSE:
        message = Message(address, Kind.CLOSE)
    elif kind == AUTH:
        if reader.var_uint() != _TOKEN:
            raise DecodeError("only the server lets in or refuses")
        message = Message(address, Kind.TOKEN, text=reader.var_string())
        if reader.left:
            reader.var_string()  # version 4 says its version
    else:
        return Message(address, Kind.OTHER)
    reader.end()
    return message


def document_of(address: str) -> str:
    """The document name in an address.

    Raises:
        DecodeError: the word for the session is longer than any provider's.
    """
    document, _, session = address.partition("\0")
    if len(session) > MAX_SESSION:
        raise DecodeError("session name too long")
    return document


def write_address(address: str) -> bytes:
    """What every message to ``address`` begins with."""
    return write_var_bytes(address.encode())


def write_authenticated(scope: str) -> bytes:
    """The token was taken: :data:`READ_WRITE` or :data:`READ_ONLY`."""
    return bytes((AUTH, _AUTHENTICATED)) + write_var_bytes(scope.encode())


def write_denied(reason: str) -> bytes:
    """The token was not taken, or is worth nothing any more."""
    return bytes((AUTH, _DENIED)) + write_var_bytes(reason.encode())


def write_stateless(text: str) -> bytes:
    """Text that belongs to no document's content."""
    return bytes((STATELESS,)) + write_var_bytes(text.encode())


def write_close(reason: str) -> bytes:
    """The document is closed for this provider."""
    return bytes((CLOSE,)) + write_var_bytes(reason.encode())


def write_sync_status(saved: bool) -> bytes:
    """One of the client's changes is saved, or was refused."""
    return bytes((SYNC_STATUS, saved))
