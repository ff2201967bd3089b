"""From polling to WebSocket: `2probe`, `3probe`, `5`, as Engine.IO 4 has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from collab.doors.websocket.frame_socket import FrameSocket
from collab.doors.websocket.writer import Frames

if TYPE_CHECKING:
    from collab.doors.socketio.engine_socket import EngineSocket

_PROBE_ANSWER = Frames("3probe")


def _nothing() -> None:
    """What a probe that is over does."""


class Probe:
    """Reads a WebSocket until the client has switched to it; the session polls meanwhile."""

    def __init__(self, session: EngineSocket) -> None:
        self.hold: Awaitable[Any] | None = None
        self.address = session.address
        self.brings_documents = self.let_in = False
        self._session = session
        self._probed = False
        self._switch: Callable[[], None] = _nothing
        self._answer: Callable[[], None] = _nothing
        self._done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def switched(self, websocket: FrameSocket, transport: asyncio.Transport) -> bool:
        """Wait for the switch; False where the probe failed and polling goes on."""
        session = self._session
        if session.upgrading or session.upgraded or session.closed:
            return False
        session.upgrading = True

        def switch() -> None:
            websocket.owner = session
            session.attach(websocket, transport)

        self._switch = switch
        self._answer = partial(transport.write, _PROBE_ANSWER.websocket)
        websocket.start()
        try:
            async with asyncio.timeout(session.server.upgrade_timeout):
                await asyncio.wait((self._done, websocket.ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return False
        finally:
            session.upgrading = False
            self._switch = self._answer = _nothing
        return self._done.done() and self._done.result()

    async def await_hold(self) -> None:
        """Nobody asks for a pause here."""

    def too_large(self) -> None:
        """Nothing belongs here but the probe."""

    def lost(self) -> None:
        """The session was never on this WebSocket."""

    def take_ping(self, payload: bytes) -> None:
        """Nothing belongs here but the probe."""
        if not self._done.done():
            self._done.set_result(False)

    def take_pong(self) -> None:
        """Nobody pings here."""

    def take_frame(self, data: str | bytes) -> None:
        """`2probe`, then `5`."""
        if self._done.done():
            return
        if not self._probed and data == "2probe":
            self._probed = True
            self._answer()
            self._session.wake_poll()
        elif self._probed and data == "5" and not self._session.closed:
            self._switch()
            self._done.set_result(True)
        else:
            self._done.set_result(False)
