"""People on a board who only move their pointers: many cursors over few connections."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from typing import Any

import aiohttp

from collab.protocol.awareness import AwarenessEntry, encode_awareness
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

#: how many client ids one session may announce (P1)
PER_SESSION = 4


class Cursors:
    """Move cursors in circles from a thread of their own, until :meth:`stop`.

    Args:
        server: a running server.
        namespace: of the document.
        count: how many people.
        per_second: how often each of them moves.
        reach: the radius of the circles around the origin of the board.
    """

    def __init__(
        self, server: CollabServer, namespace: str, count: int, *, per_second: float = 12.0, reach: float = 300.0
    ) -> None:
        self._server = server
        self._namespace = namespace
        self._count = count
        self._pause = 1 / per_second
        self._reach = reach
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Cursors:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the thread; raises what went wrong in it."""
        self._ended.set()
        self._thread.join(10)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._move())
        except BaseException as failure:
            self._failure = failure

    async def _move(self) -> None:
        async with aiohttp.ClientSession() as http:
            clients: list[Client] = []
            for _ in range(0, self._count, PER_SESSION):
                client = Client(WebSocketWire(self._server.url, http), self._namespace)
                await client.connect()
                clients.append(client)
            step = 0
            while not self._ended.is_set():
                step += 1
                for number, client in enumerate(clients):
                    first = number * PER_SESSION
                    people = range(first, min(first + PER_SESSION, self._count))
                    await client.emit("awareness-update", encode_awareness(self._entry(i, step) for i in people))
                    client.received.clear()
                await asyncio.sleep(self._pause)
            for client in clients:
                await client.wire.close()

    def _entry(self, person: int, step: int) -> AwarenessEntry:
        angle = step / 9 + person
        radius = self._reach * (person + 1) / self._count
        state: dict[str, Any] = {
            "user": {"name": f"Person {person + 1}"},
            "board": {
                "cursor": {"x": radius * math.cos(angle), "y": radius * math.sin(angle)},
                "selection": [],
                "view": None,
            },
        }
        return AwarenessEntry(client=1_000_000 + person, clock=step, state=json.dumps(state))
