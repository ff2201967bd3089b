"""Replay a real editing trace through a real server, and see that everybody ends with the same text.

One Socket.IO client types every keystroke of the trace as a real Yjs update, batched as a fast
typist's provider does; two others listen over WebSocket and one over long-polling. Then the server
is restarted on the same store, and a client that was never there joins.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import socketio
from pycrdt import Doc, Text, merge_updates
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.support.server import CollabServer

DATA = Path(__file__).parents[1] / "data"
NAMESPACE = "/doc/paper"
#: edits on their way to the disk at one time
WINDOW = 64


class Replica:
    """A document behind python-socketio's own client.

    Args:
        transport: ``websocket`` or ``polling``.
    """

    def __init__(self, transport: str) -> None:
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("body", type=Text)
        self.updates = 0
        self._transport = transport
        self._socket = socketio.AsyncClient(reconnection=False)
        self._socket.on("sync-update", self._on_update, namespace=NAMESPACE)
        self._socket.on("sync-step-1", self._on_step_1, namespace=NAMESPACE)

    async def connect(self, url: str) -> None:
        """Connect and load the document."""
        await self._socket.connect(url, namespaces=[NAMESPACE], transports=[self._transport], wait_timeout=10)
        missing = await self._socket.call("sync-step-1", self.doc.get_state(), namespace=NAMESPACE, timeout=30)
        self.doc.apply_update(missing)

    async def _on_update(self, update: bytes) -> None:
        self.doc.apply_update(update)
        self.updates += 1

    async def _on_step_1(self, state_vector: bytes) -> bytes:
        return self.doc.get_update(state_vector)

    async def send(self, update: bytes) -> None:
        """Send an update, and return once the server has it on disk."""
        answer = await self._socket.call("sync-update", update, namespace=NAMESPACE, timeout=60)
        if answer.get("durable") is not True:
            raise SystemExit(f"an edit was refused: {answer}")

    async def disconnect(self) -> None:
        """Leave."""
        await self._socket.disconnect()


def keystrokes(trace: dict[str, Any], doc: Doc[Any], batch: int) -> Iterator[tuple[bytes, int]]:
    """Type the trace into ``doc``; yields updates of up to ``batch`` keystrokes, with their number."""
    text = doc.get("body", type=Text)
    count = 0
    patches = [patch for transaction in trace["txns"] for patch in transaction["patches"]]
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    try:
        for number, (position, deleted, inserted) in enumerate(patches, 1):
            if deleted:
                del text[position : position + deleted]
            if inserted:
                text.insert(position, inserted)
            count += 1
            if count == batch or number == len(patches):
                yield merge_updates(*updates), count
                updates.clear()
                count = 0
    finally:
        doc.unobserve(subscription)


async def replay(trace_file: Path, batch: int, server: CollabServer, console: Console) -> dict[str, float]:
    """Run the whole thing; raises AssertionError where anybody ends with another text.

    Returns:
        Figures: keystrokes, updates, seconds, seconds until the late joiner had it all.
    """
    trace = json.loads(gzip.decompress(trace_file.read_bytes()))
    assert trace["startContent"] == ""
    assert trace["endContent"].isascii(), "positions are counted in bytes here"
    total = sum(len(transaction["patches"]) for transaction in trace["txns"])
    writer = Replica("websocket")
    listeners = {
        "websocket 1": Replica("websocket"),
        "websocket 2": Replica("websocket"),
        "polling": Replica("polling"),
    }
    for replica in (writer, *listeners.values()):
        await replica.connect(server.url)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        typing = progress.add_task("typed", total=total)
        updates: list[tuple[bytes, int]] = []
        for update, count in keystrokes(trace, writer.doc, batch):
            updates.append((update, count))
            progress.advance(typing, count)
            await asyncio.sleep(0)  # heartbeats
        saving = progress.add_task("saved", total=total)
        waiting: set[asyncio.Task[None]] = set()
        began = time.monotonic()

        async def save(update: bytes, count: int) -> None:
            await writer.send(update)
            progress.advance(saving, count)

        for update, count in updates:
            waiting.add(asyncio.create_task(save(update, count)))
            if len(waiting) >= WINDOW:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        await asyncio.gather(*waiting)
    seconds = time.monotonic() - began
    expected = trace["endContent"]
    assert str(writer.text) == expected
    for name, replica in listeners.items():
        await _until(replica, expected, name)
    for replica in (writer, *listeners.values()):
        await replica.disconnect()
    server.restart()
    began = time.monotonic()
    late = Replica("websocket")
    await late.connect(server.url)
    opened = time.monotonic() - began
    assert str(late.text) == expected, "the late joiner has another text"
    await late.disconnect()
    return {"keystrokes": total, "updates": len(updates), "seconds": seconds, "late join seconds": opened}


async def _until(replica: Replica, expected: str, name: str) -> None:
    for _ in range(3000):
        if len(replica.text) == len(expected) and str(replica.text) == expected:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{name} has {len(replica.text)} characters of {len(expected)}")


@click.command(help=__doc__)
@click.option("--trace", default=str(DATA / "automerge-paper.json.gz"), show_default="automerge-paper", metavar="FILE")
@click.option("--batch", default=40, show_default=True, help="Keystrokes of one update.")
def main(trace: str, batch: int) -> None:
    """The command."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        server = CollabServer(f"sqlite:///{folder}/replay.db").start()
        try:
            figures = asyncio.run(replay(Path(trace), batch, server, console))
        except AssertionError as error:
            console.print(f"[red]{error}[/red]")
            sys.exit(1)
        finally:
            server.kill()
    console.print(
        f"{figures['keystrokes']:,} keystrokes in {figures['updates']:,} updates, all on disk after"
        f" {figures['seconds']:.1f} s; a client that joined after a restart had them in"
        f" {figures['late join seconds'] * 1000:.0f} ms. Everybody has the same text."
    )


if __name__ == "__main__":
    main()
