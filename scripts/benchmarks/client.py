"""One person at a server: a WebSocket, a document, and a count of what has arrived."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from benchmarks.ledger import Ledger
from benchmarks.websocket import bytes_needed, handshake
from benchmarks.wires import Batch, Control, Wire

#: seconds after which a server that forgets is asked once more
_ASKING_AGAIN = 2.0


class JoinError(Exception):
    """The server did not let somebody in."""


class Client(asyncio.Protocol):
    """A person.

    Args:
        wire: how to speak.
        document: where to.
        ledger: where arrivals go.
        yjs_id: the client id of what this person types; an echo of it counts as nothing.

    Attributes:
        state: the update that came in answer to step 1; None until joined.
        updates: every Yjs update that arrived since, in order.
        reached: author's client id -> clock behind the newest that has arrived.
        gaps: how often something newer came before something older.
        refusals: what the server said against it.
        saved: how often the server called something saved, where the wire says so.
    """

    def __init__(self, wire: Wire, document: str, ledger: Ledger, yjs_id: int) -> None:
        self.wire = wire
        self.document = document
        self.yjs_id = yjs_id
        self.reached: dict[int, int] = {yjs_id: 2**53}
        self.updates: list[bytes] = []
        self.state: bytes | None = None
        self.joined_at = 0.0
        self.refusals: list[str] = []
        self.gaps = 0
        self.saved = 0
        self._steps = 0
        self._ledger = ledger
        self._arrivals = ledger.arrivals
        self._sent = ledger.sent
        self._transport: asyncio.Transport | None = None
        self._upgraded = False
        self._leaving = False
        self._rest = b""
        self._parts: list[bytes] = []
        self._missing = 0
        self._joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def join(self, host: str, port: int, timeout: float = 60.0) -> None:
        """Connect and return once the document's state is here.

        Raises:
            JoinError: refused, closed, or not within ``timeout`` seconds.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                await loop.create_connection(lambda: self, host, port)
                self.write(handshake(host, port, self.wire.path(self.document)))
                while self.wire.forgetful and not await self._answered():
                    self.write(self.wire.answer(self.document, Control("admitted")))
                await self._joined
        except (TimeoutError, OSError) as error:
            raise JoinError(f"joining {self.document}: {error!r}") from None

    async def _answered(self) -> bool:
        done, _ = await asyncio.wait([self._joined], timeout=_ASKING_AGAIN)
        return bool(done)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._transport is not None:
            self._transport.write(data)

    def leave(self) -> None:
        """Close the connection."""
        self._leaving = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._leaving:
            self._refused(f"the connection was closed ({exc})")

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._rest:
            # A large message is put together once, not again with every piece of it.
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join((self._rest, *self._parts))
            self._rest = b""
            self._parts.clear()
        if not self._upgraded:
            head, blank_line, data = data.partition(b"\r\n\r\n")
            if not blank_line:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._refused(head.partition(b"\r\n")[0].decode(errors="replace"))
                return
            self._upgraded = True
            self._control(Control("open"), now)
            if not data:
                return
        batch = self.wire.decode(data)
        if batch.rest:
            self._rest = batch.rest
            self._missing = bytes_needed(batch.rest) - len(batch.rest)
        reached = self.reached
        for client, start, end in batch.reach:
            before = reached.get(client, 0)
            if end > before:
                if start > before:
                    self.gaps += 1
                    before = start
                reached[client] = end
                if client in self._sent:
                    self._arrivals.append((now, client, before, end))
        if batch.updates:
            self.updates += batch.updates
        self._ledger.messages += batch.messages
        if batch.controls:
            self._controls(batch, now)

    def _controls(self, batch: Batch, now: float) -> None:
        for control in batch.controls:
            self._control(control, now)

    def _control(self, control: Control, now: float) -> None:
        answer = self.wire.answer(self.document, control)
        if answer:
            self.write(answer)
        if control.kind == "saved":
            self.saved += 1
            self._note_ack(control.id, now)
        elif control.kind == "step-1":
            self._steps += 1
        elif control.kind == "state":
            if self.state is None:
                self.state = control.data
                self.joined_at = now
            if not self._joined.done():
                self._joined.set_result(None)
        elif control.kind in ("refused", "closed"):
            self._refused(f"{control.kind}: {control.data[:200].decode(errors='replace')}")

    def _note_ack(self, id: str, now: float) -> None:
        # Where acks have no ids they come in the order of what they answer, and our answers to a first step get one.
        clock = int(id) if id else self.saved - 1 - self._steps
        sent = self._sent.get(self.yjs_id, ())
        if 0 <= clock < len(sent):
            self._ledger.acks.append((now, now - sent[clock]))

    def _refused(self, words: str) -> None:
        if self._leaving:
            return
        self.refusals.append(words)
        if not self._joined.done():
            self._joined.set_exception(JoinError(f"joining {self.document}: {words}"))
