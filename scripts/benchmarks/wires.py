"""How to speak to each server: what a person says, and what arrives.

Reading is stateless over bytes (:meth:`Wire.decode`), so that the hundred equal copies of a
broadcast are decoded once and looked up ninety-nine times.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

from benchmarks.updates import Reach, read_positions, read_reach
from benchmarks.websocket import BINARY, CLOSE, PING, PONG, TEXT, client_frame, server_frames
from collab.protocol.codec import Reader, write_var_bytes

_EMPTY_UPDATE = b"\0\0"
_EMPTY_STATE_VECTOR = b"\0"
#: decoded chunks of bytes that are remembered per wire
_REMEMBERED = 8192
#: chunks beyond this size are hardly ever seen twice
_REMEMBERED_BYTES = 65_536

_positions = lru_cache(maxsize=_REMEMBERED)(read_positions)


@lru_cache(maxsize=_REMEMBERED)
def _known_update(update: bytes) -> tuple[bytes, tuple[Reach, ...]]:
    """One object for all equal updates (a hundred readers keep each of them), and its reach."""
    return update, read_reach(update)


@dataclass(frozen=True, slots=True)
class Control:
    """Something that a person has to answer or to know.

    ``kind``: ``open`` (the transport is up), ``admitted`` (the document is), ``step-1``,
    ``state`` (the answer to ours, in ``data``), ``saved`` (an edit; ``id`` where the wire has one),
    ``ping``, ``websocket-ping``, ``closed``, ``refused`` (``data`` says what).
    """

    kind: str
    data: bytes = b""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What some bytes from a server mean.

    ``reach``: clocks of edits and cursors, see ``updates``; ``updates``: the Yjs updates as they
    came; ``messages``: how many of these were sent, edits and cursors; ``rest``: bytes of a message
    that is not complete yet.
    """

    reach: tuple[Reach, ...]
    updates: tuple[bytes, ...]
    controls: tuple[Control, ...]
    rest: bytes
    messages: int


class _Draft:
    """A batch in the making."""

    def __init__(self) -> None:
        self.reach: list[Reach] = []
        self.updates: list[bytes] = []
        self.controls: list[Control] = []
        self.messages = 0

    def update(self, update: bytes) -> None:
        self.messages += 1
        update, reach = _known_update(update)
        self.updates.append(update)
        self.reach.extend(reach)

    def awareness(self, update: bytes) -> None:
        self.messages += 1
        self.reach.extend(_positions(update))

    def control(self, kind: str, data: bytes = b"", id: str = "") -> None:
        self.controls.append(Control(kind, data, id))

    def batch(self, rest: bytes) -> Batch:
        return Batch(tuple(self.reach), tuple(self.updates), tuple(self.controls), rest, self.messages)


class Wire(ABC):
    """One protocol, client side. What the methods return is ready to be written to the socket.

    Attributes:
        forgetful: the server may drop the first thing that it is asked.
    """

    forgetful = False

    def __init__(self) -> None:
        self._known: dict[bytes, Batch] = {}

    @abstractmethod
    def path(self, document: str) -> str:
        """What to GET for a WebSocket to ``document``."""

    @abstractmethod
    def answer(self, document: str, control: Control) -> bytes:
        """What a person says to ``control``; most often nothing."""

    @abstractmethod
    def edit(self, document: str, update: bytes, id: int) -> bytes:
        """An edit; ``id`` comes back in its ``saved``, where the wire has such a thing."""

    @abstractmethod
    def cursor(self, document: str, update: bytes) -> bytes:
        """An awareness update."""

    @abstractmethod
    def _read(self, frames: list[tuple[int, bytes, int]], draft: _Draft) -> int:
        """Put the meaning of ``frames`` into ``draft``; returns where the last message used ends."""

    def decode(self, data: bytes) -> Batch:
        """What ``data`` means."""
        batch = self._known.get(data)
        if batch is None:
            frames, end = server_frames(data)
            draft = _Draft()
            end = self._read(frames, draft) if frames else end
            batch = draft.batch(data[end:])
            if len(data) <= _REMEMBERED_BYTES:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[data] = batch
        return batch

    def websocket_control(self, opcode: int, payload: bytes, draft: _Draft) -> None:
        """Note a frame that is not a message."""
        if opcode == PING:
            draft.control("websocket-ping", payload)
        elif opcode == CLOSE:
            draft.control("closed", payload)


class YWebsocketWire(Wire):
    """npm ``y-websocket``, and pycrdt-websocket, which speaks the same.

    Args:
        prefix: what stands before the document's name.
    """

    SYNC, AWARENESS = 0, 1
    STEP_1, STEP_2, UPDATE = 0, 1, 2

    def __init__(self, prefix: str = "/") -> None:
        super().__init__()
        self._prefix = prefix

    def path(self, document: str) -> str:
        return self._prefix + document

    def _sync(self, document: str, kind: int, data: bytes) -> bytes:
        return client_frame(self._address(document) + bytes((self.SYNC, kind)) + write_var_bytes(data))

    def _address(self, document: str) -> bytes:
        return b""

    def edit(self, document: str, update: bytes, id: int) -> bytes:
        return self._sync(document, self.UPDATE, update)

    def cursor(self, document: str, update: bytes) -> bytes:
        return client_frame(self._address(document) + bytes((self.AWARENESS,)) + write_var_bytes(update))

    def answer(self, document: str, control: Control) -> bytes:
        if control.kind == "open":
            return self._sync(document, self.STEP_1, _EMPTY_STATE_VECTOR)
        if control.kind == "step-1":
            return self._sync(document, self.STEP_2, _EMPTY_UPDATE)
        if control.kind == "websocket-ping":
            return client_frame(control.data, PONG)
        return b""

    def _read(self, frames: list[tuple[int, bytes, int]], draft: _Draft) -> int:
        for opcode, payload, _ in frames:
            if opcode == BINARY:
                self._message(Reader(payload), draft)
            else:
                self.websocket_control(opcode, payload, draft)
        return frames[-1][2]

    def _message(self, reader: Reader, draft: _Draft) -> None:
        kind = reader.var_uint()
        if kind == self.SYNC:
            self._sync_message(reader, draft)
        elif kind == self.AWARENESS:
            draft.awareness(reader.var_bytes())

    def _sync_message(self, reader: Reader, draft: _Draft) -> None:
        step = reader.var_uint()
        if step == self.UPDATE:
            draft.update(reader.var_bytes())
        elif step == self.STEP_2:
            draft.control("state", reader.var_bytes())
        else:
            draft.control("step-1")


class HocuspocusWire(YWebsocketWire):
    """Hocuspocus v3 and v4: y-websocket's messages behind the document's name, and a few more.

    Args:
        prefix: of all documents.
    """

    AUTH, SYNC_REPLY, CLOSE_DOCUMENT, SYNC_STATUS = 2, 4, 7, 8
    TOKEN, DENIED, AUTHENTICATED = 0, 1, 2

    def path(self, document: str) -> str:
        return self._prefix

    def _address(self, document: str) -> bytes:
        return write_var_bytes(document.encode())

    def answer(self, document: str, control: Control) -> bytes:
        if control.kind == "open":
            return client_frame(self._address(document) + bytes((self.AUTH, self.TOKEN)) + write_var_bytes(b"token"))
        if control.kind == "admitted":
            return self._sync(document, self.STEP_1, _EMPTY_STATE_VECTOR)
        return super().answer(document, control)

    def _message(self, reader: Reader, draft: _Draft) -> None:
        reader.var_bytes()
        kind = reader.var_uint()
        if kind in (self.SYNC, self.SYNC_REPLY):
            self._sync_message(reader, draft)
        elif kind == self.AWARENESS:
            draft.awareness(reader.var_bytes())
        elif kind == self.AUTH:
            admitted = reader.var_uint() == self.AUTHENTICATED
            draft.control("admitted" if admitted else "refused", reader.var_bytes())
        elif kind == self.SYNC_STATUS:
            saved = reader.var_uint() == 1
            draft.control("saved" if saved else "refused", b"" if saved else b"sync status 0")
        elif kind == self.CLOSE_DOCUMENT:
            draft.control("closed", reader.var_bytes())


class SocketIOWire(Wire):
    """Socket.IO v5 over Engine.IO 4: our own door, and y-socket.io.

    Args:
        prefix: of the namespaces.
        asks_acks: ask for the ack of every edit, as our own clients do.
        forgetful: see :class:`Wire`; y-socket.io hears nothing while it reads a document from its store.
    """

    _PLACEHOLDER = '{"_placeholder":true,"num":0}'

    def __init__(self, prefix: str, *, asks_acks: bool, forgetful: bool = False) -> None:
        super().__init__()
        self.forgetful = forgetful
        self._prefix = prefix
        self._asks_acks = asks_acks

    def path(self, document: str) -> str:
        return "/socket.io/?EIO=4&transport=websocket"

    def _namespace(self, document: str) -> str:
        return self._prefix + document

    def _binary(self, head: str, data: bytes) -> bytes:
        return client_frame(head.encode(), TEXT) + client_frame(data)

    def _event(self, document: str, id: int | str, event: str, data: bytes) -> bytes:
        return self._binary(f'451-{self._namespace(document)},{id}["{event}",{self._PLACEHOLDER}]', data)

    def edit(self, document: str, update: bytes, id: int) -> bytes:
        return self._event(document, id if self._asks_acks else "", "sync-update", update)

    def cursor(self, document: str, update: bytes) -> bytes:
        return self._event(document, "", "awareness-update", update)

    def answer(self, document: str, control: Control) -> bytes:
        if control.kind == "open":
            return b"" if control.data != b"engine" else self._connect(document)
        if control.kind == "admitted":
            # An id beyond those of the edits: its ack is the state.
            return self._event(document, 10**9, "sync-step-1", _EMPTY_STATE_VECTOR)
        if control.kind == "step-1" and control.id:
            head = f"461-{self._namespace(document)},{control.id}[{self._PLACEHOLDER}]"
            return self._binary(head, _EMPTY_UPDATE)
        if control.kind == "ping":
            return client_frame(b"3", TEXT)
        if control.kind == "websocket-ping":
            return client_frame(control.data, PONG)
        return b""

    def _connect(self, document: str) -> bytes:
        return client_frame(f"40{self._namespace(document)},{{}}".encode(), TEXT)

    def _read(self, frames: list[tuple[int, bytes, int]], draft: _Draft) -> int:
        end = at = 0
        while at < len(frames):
            opcode, payload, end_of_frame = frames[at]
            if opcode == TEXT and payload[:2] in (b"45", b"46"):
                if at + 1 == len(frames):
                    break  # its attachment is still on the way
                at += 1
                self._binary_packet(payload, frames[at][1], draft)
                end_of_frame = frames[at][2]
            elif opcode == TEXT:
                self._text_packet(payload, draft)
            else:
                self.websocket_control(opcode, payload, draft)
            end = end_of_frame
            at += 1
        return end

    def _binary_packet(self, head: bytes, attachment: bytes, draft: _Draft) -> None:
        namespace_end = head.index(b",")
        bracket = head.index(b"[", namespace_end)
        id = head[namespace_end + 1 : bracket].decode()
        if head[1:2] == b"6":
            draft.control("state", attachment)
        elif head.startswith(b'["sync-update"', bracket):
            draft.update(attachment)
        elif head.startswith(b'["awareness-update"', bracket):
            draft.awareness(attachment)
        elif head.startswith(b'["sync-step-1"', bracket):
            draft.control("step-1", id=id)

    def _text_packet(self, packet: bytes, draft: _Draft) -> None:
        kind = packet[:2]
        if packet[:1] == b"0":
            draft.control("open", b"engine")
        elif packet[:1] == b"2":
            draft.control("ping")
        elif kind == b"40":
            draft.control("admitted")
        elif kind == b"43":
            id, _, body = packet[packet.index(b",") + 1 :].partition(b"[")
            # Not parsed as JSON: at thousands of acks a second that would be felt.
            saved = body.startswith(b'{"ok":true,"durable":true')
            draft.control("saved" if saved else "refused", b"" if saved else body, id.decode())
        elif kind == b"44" or b'["notice"' in packet:
            draft.control("refused", packet)
        elif kind == b"41" or packet[:1] == b"1":
            draft.control("closed", packet)
