"""A TCP proxy that can be cut: nothing passes, and nobody is told, as when a cable is pulled."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Proxy:
    """Forwards a port of its own to ``port`` of this machine.

    Args:
        delay: seconds by which everything is late, in each direction.
    """

    def __init__(self, port: int, *, delay: float = 0.0) -> None:
        self._target = port
        self._delay = delay
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> Proxy:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """From now on nothing passes; connections stay open."""
        self._whole.clear()

    def heal(self) -> None:
        """What was held up goes on."""
        self._whole.set()

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
