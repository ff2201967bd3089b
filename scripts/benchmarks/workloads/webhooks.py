"""What it costs to tell another system of documents that change: 10,000 of them, each edited every three seconds.

The store and what delivers run in a process of their own, without doors: once with nobody to be told, once with edits
that are put aside in their commits and told to nobody, and once told to a receiver, which is another process. The
differences are the cost. It is measured once every document is told every minute, no two at the same time.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Literal

import uvloop

from benchmarks.process import SERVER_CORE, can_pin
from benchmarks.servers import Server
from benchmarks.workloads.base import Column, Options, Outcome, Workload
from collab.collector import settle
from collab.stores.outbox import LONGEST
from collab.stores.sqlite import SqliteStore
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.endpoints import Endpoint

_Kind = Literal["nobody", "put-aside", "told"]

_DOCUMENTS = 10_000
#: seconds between two edits of a document, and between two turns of edits
_EVERY, _TURN = 3.0, 0.02
_SECONDS = 60.0
#: seconds in which one document after the other begins to be edited, and until the first are told
_RAMP, _SETTLING = LONGEST, 3.0
_SECRET = "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBubyBzZWNyZXQuLi4="
_UPDATE = bytes(40)
_CHANGED = frozenset({"document.changed"})


class _Answer(asyncio.Protocol):
    """204 for every POST, with as little work as can be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(self._buffer) < end + 4 + size:
                return
            self._buffer = self._buffer[end + 4 + size :]
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")  # type: ignore[attr-defined]


def _receive(pipe: Connection) -> None:
    """Answer for ever, on a port that ``pipe`` is told."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


class _Editors:
    """Those who edit the documents of a store, in turn."""

    def __init__(self, store: SqliteStore, epochs: list[str]) -> None:
        self._store = store
        self._epochs = epochs
        self._began = time.monotonic()
        self._place = 0
        self.edits = 0

    async def work(self, seconds: float) -> None:
        """Edit as many documents as have begun to be edited by then."""
        before, owed = time.monotonic(), 0.0
        until = before + seconds
        while (now := time.monotonic()) < until:
            active = min(_DOCUMENTS, int((now - self._began) / _RAMP * _DOCUMENTS))
            owed += (now - before) * active / _EVERY
            before = now
            while owed >= 1.0:
                owed -= 1.0
                self._edit(active)
            await asyncio.sleep(_TURN)

    def _edit(self, active: int) -> None:
        self._place = (self._place + 1) % active
        self.edits += 1
        name, author = f"document-{self._place}", f"p{self.edits % 7}"
        self._store.log(name, _UPDATE, author, _nothing, self._epochs[self._place])


def _nothing(_result: object) -> None:
    pass


async def _measure(kind: _Kind, folder: str, url: str, seconds: float) -> tuple[float, int, int]:
    """CPU seconds of this process in the window, all its threads; edits, and messages that arrived."""
    store = SqliteStore(f"{folder}/{kind}.db")
    await store.open()
    epochs = []
    for number in range(_DOCUMENTS):
        await store.create(f"document-{number}")
        stored = await store.load(f"document-{number}")
        assert stored is not None
        epochs.append(stored.epoch)
    deliveries = Deliveries(store.outbox, [Endpoint(url, (_SECRET,), _CHANGED)] if kind == "told" else [])
    await deliveries.open()
    if kind == "put-aside":
        await store.outbox.open(_CHANGED)
    settle()  # as a server does
    editors = _Editors(store, epochs)
    await editors.work(_RAMP + _SETTLING)
    cpu, edits, told = time.process_time(), editors.edits, _delivered(deliveries)
    await editors.work(seconds)
    used = time.process_time() - cpu, editors.edits - edits, _delivered(deliveries) - told
    await deliveries.close()
    await store.close()
    return used


def _delivered(deliveries: Deliveries) -> int:
    return sum(lanes.delivered for lanes in deliveries.lanes.values())


def _measured(kind: _Kind, folder: str, url: str, seconds: float) -> tuple[float, int, int]:
    if can_pin():
        os.sched_setaffinity(0, {SERVER_CORE})
    return uvloop.run(_measure(kind, folder, url, seconds))


async def run(_server: Server, options: Options) -> Outcome:
    """One kind after the other, each in a process of its own."""
    seconds = options.window(_SECONDS)
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    receiver = spawn.Process(target=_receive, args=(there,), daemon=True)
    receiver.start()
    url = f"http://127.0.0.1:{here.recv()}/hook"
    used: dict[_Kind, float] = {}
    edits = told = 0
    kinds: tuple[_Kind, ...] = ("nobody", "put-aside", "told")
    for kind in kinds:
        with ProcessPoolExecutor(1, mp_context=spawn) as process:
            words = kind, str(options.workdir), url, seconds
            used[kind], edits, told = await asyncio.get_running_loop().run_in_executor(process, _measured, *words)
    receiver.terminate()
    outcome = Outcome()
    outcome.figures = {
        "edits": edits / seconds,
        "told": told / seconds,
        "nobody_percent": 100 * used["nobody"] / seconds,
        "aside_percent": 100 * (used["put-aside"] - used["nobody"]) / seconds,
        "delivery_percent": 100 * (used["told"] - used["put-aside"]) / seconds,
        "percent": 100 * (used["told"] - used["nobody"]) / seconds,
    }
    if told < 0.9 * seconds * _DOCUMENTS / LONGEST:
        outcome.problems.append(f"{told} messages arrived, fewer than became due")
    return outcome


WEBHOOKS = Workload(
    "webhooks",
    "10,000 documents, each edited every 3 s, are told to another system: % of a core",
    (
        Column("edits", "edits/s", "{:,.0f}"),
        Column("told", "messages/s", "{:,.0f}"),
        Column("nobody_percent", "nobody is told", "{:.1f}"),
        Column("aside_percent", "+ outbox in the commit", "{:.1f}"),
        Column("delivery_percent", "+ delivery", "{:.1f}"),
        Column("percent", "webhooks in all", "{:.1f}"),
    ),
    "percent",
    run,
    long=True,
    ours_only=True,
)
