"""What webhooks cost: the CPU of a store under edits of many documents, with and without somebody who is told.

python scripts/measure_webhooks.py [--documents 10000] [--every 3] [--seconds 130]
Every document is edited every so many seconds, so that each is told once a minute. The receiver is another process.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection

import uvloop

from collab.stores.sqlite import SqliteStore
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.endpoints import Endpoint

SECRET = "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBubyBzZWNyZXQuLi4="
UPDATE = bytes(40)
#: seconds between two turns of edits
TURN = 0.02


class _Answer(asyncio.Protocol):
    """204 for every POST, with as little work as can be."""

    count = 0

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
            _Answer.count += 1
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")  # type: ignore[attr-defined]


def _receive(pipe: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while True:
            if await asyncio.to_thread(pipe.recv) == "count":
                pipe.send(_Answer.count)

    uvloop.run(serve())


async def _measure(url: str | None, documents: int, every: float, seconds: float) -> tuple[float, int]:
    """CPU seconds of this process, all its threads, and how many edits there were."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(f"{folder}/store.db")
        await store.open()
        endpoints = [Endpoint(url, (SECRET,), frozenset({"document.changed"}))] if url else []
        deliveries = Deliveries(store.outbox, endpoints)
        await deliveries.open()
        names = [f"document-{number}" for number in range(documents)]
        for name in names:
            await store.create(name)
        began, cpu, edits = time.monotonic(), time.process_time(), 0

        def nothing(_result: object) -> None:
            pass

        while (now := time.monotonic() - began) < seconds:
            due = int(now * documents / every)
            while edits < due:
                store.log(names[edits % documents], UPDATE, f"p{edits % 7}", nothing)
                edits += 1
            await asyncio.sleep(TURN)
        used = time.process_time() - cpu
        await deliveries.close()
        await store.close()
    return used, edits


def main() -> None:
    """Measure twice, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two edits of a document")
    parser.add_argument("--seconds", type=float, default=130.0, help="of each of the two measurements")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=_receive, args=(there,), daemon=True)
    receiver.start()
    url = f"http://127.0.0.1:{here.recv()}/hook"
    words = options.documents, options.every, options.seconds
    without, edits = uvloop.run(_measure(None, *words))
    told, _ = uvloop.run(_measure(url, *words))
    here.send("count")
    count = here.recv()
    receiver.terminate()
    share = (told - without) / options.seconds
    print(f"{options.documents} documents, {edits / options.seconds:.0f} edits/s, {count / options.seconds:.0f} told/s")
    print(f"CPU without {without:.1f} s, with {told:.1f} s: {100 * share:.1f} % of a core")


if __name__ == "__main__":
    main()
