"""Readers that do not read: bounded memory, the others unharmed, and a way back (rule S1).

Run as a program (``python -m tests.fault.test_slow_readers PORT DOCUMENT``) this file is a reader
of its own process, for the test that stops it with a signal.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.probe import Probe
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WebSocketWire

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]
MIB = 2**20
#: what one reader that does not read may cost
ALLOWED = 8 * MIB
#: the server cuts who takes nothing for so long, in seconds
STALL_TIMEOUT = 5.0
#: more than the kernel and we keep for somebody who does not read
UNREAD = 6 * 2**20
#: one update of the stream; some 4 MiB a second go to everybody
CHUNK = 256 * 1024
PAUSE = 0.03
PLACEHOLDER = '{"_placeholder":true,"num":0}'
SHOWN = "shown"


class RawReader:
    """A Socket.IO client on a bare socket, which decides when it reads.

    Args:
        port: of the server on this machine.
        document: joined through ``/doc/``.
        buffer: size of the kernel's receive buffer: small, so that not reading is felt at once.
    """

    def __init__(self, port: int, document: str, buffer: int = 4096) -> None:
        self.namespace = f"/doc/{document}"
        self.doc: Doc[Any] = Doc()
        self.shown = self.doc.get(SHOWN, type=Text)
        self.session = ""
        self.codes: list[str] = []
        self.received = 0
        self.taken = 0
        self.ended = False
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(10)
        self._socket.connect(("127.0.0.1", port))
        self._read = b""
        self._header = ""
        request = (
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n"
        )
        self._socket.sendall(request.encode())
        while b"\r\n\r\n" not in self._read:
            self._read += self._socket.recv(4096)
        self._read = self._read.partition(b"\r\n\r\n")[2]

    def join(self) -> None:
        """Open the document and take what it holds."""
        self.send(f"40{self.namespace},")
        self.read_until(lambda: bool(self.session))
        self.ask()
        before = self.received
        self.read_until(lambda: self.received > before)

    def ask(self) -> None:
        """Ask for everything, as a newcomer does."""
        self.send(f'451-{self.namespace},0["sync-step-1",{PLACEHOLDER}]')
        self.send(b"\0")

    def send(self, packet: str | bytes) -> None:
        """One Engine.IO packet in one masked frame."""
        payload = packet.encode() if isinstance(packet, str) else packet
        assert len(payload) < 126
        head = bytes((0x81 if isinstance(packet, str) else 0x82, 0x80 | len(payload)))
        self._socket.sendall(head + bytes(4) + payload)  # a mask of zeroes

    def read_until(self, condition: Callable[[], bool]) -> None:
        """Read and take in frames until ``condition`` holds or the connection ends."""
        while not condition() and not self.ended:
            self._take(*self._frame())

    def _frame(self) -> tuple[int, bytes]:
        kind, size = self._exactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        return kind & 0x0F, self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            try:
                chunk = self._socket.recv(65536)
            except ConnectionError:
                chunk = b""
            if not chunk:
                self.ended = True
                return b"\x08" * count
            self._read += chunk
            self.taken += len(chunk)
        taken, self._read = self._read[:count], self._read[count:]
        return taken

    def _take(self, kind: int, payload: bytes) -> None:
        if self.ended or kind == 8:
            self.ended = True
        elif kind == 2:
            if '"sync-update"' in self._header or self._header.startswith("461-"):
                self.doc.apply_update(payload)
                self.received += 1
        else:
            text = payload.decode()
            if text[:2] in ("45", "46"):
                self._header = text
            elif text == "2":
                self.send("3")
            elif text.startswith(f"42{self.namespace},"):
                name, data = json.loads(text.partition(",")[2])
                if name == "session":
                    self.session = data["session"]
                elif name == "notice":
                    self.codes.append(data["code"])

    def end(self) -> None:
        """Hang up; who waits for a frame waits no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


def main() -> None:
    """A reader in a process of its own: prints its session, the notices, and each new text of ``shown``."""
    reader = RawReader(int(sys.argv[1]), sys.argv[2])
    reader.join()
    print("session", reader.session, flush=True)
    shown, notices = "", 0
    while not reader.ended:
        before = reader.received, len(reader.codes)
        reader.read_until(lambda before=before: (reader.received, len(reader.codes)) != before)  # type: ignore[misc]
        for code in reader.codes[notices:]:
            print("notice", code, flush=True)
        notices = len(reader.codes)
        if str(reader.shown) != shown:
            shown = str(reader.shown)
            print("shown", shown, flush=True)
    print("ended", flush=True)


class Program:
    """This file as a process; its lines so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, port: int, document: str) -> Program:
        command = [sys.executable, "-m", "tests.fault.test_slow_readers", str(port), document]
        return cls(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT))

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().strip())
            self._news.set()

    async def line(self, start: str) -> str:
        """Wait for a line that begins with ``start``; returns the rest."""
        async with asyncio.timeout(15):
            while True:
                for line in self.lines:
                    if line.startswith(start):
                        return line.removeprefix(start).strip()
                self._news.clear()
                await self._news.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        """Idempotent."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._reading


class Stream:
    """Somebody who writes a lot: every update replaces what the one before it wrote."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.bulk = editor.doc.get("bulk", type=Text)
        self.sent = 0

    async def run(self, seconds: float, least: int = 0) -> None:
        """Write for so long, and until ``least`` bytes were sent in all."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.sent < least:
            before = self.editor.doc.get_state()
            with self.editor.doc.transaction():
                self.bulk.clear()
                self.bulk.insert(0, base64.b64encode(os.urandom(CHUNK * 3 // 4)).decode())
            update = self.editor.doc.get_update(before)
            assert (await self.editor.client.call("sync-update", update))["ok"]
            self.sent += len(update)
            await asyncio.sleep(PAUSE)

    async def show(self, text: str) -> None:
        """Write the words by which readers tell that they have it all."""
        before = self.editor.doc.get_state()
        shown = self.editor.doc.get(SHOWN, type=Text)
        shown.clear()
        shown.insert(0, text)
        assert (await self.editor.client.call("sync-update", self.editor.doc.get_update(before)))["ok"]


class Neighbours:
    """Two editors of the same document; how long a keystroke takes from one to the other."""

    def __init__(self, one: Editor, other: Editor) -> None:
        self.one, self.other = one, other
        self.seconds: list[float] = []

    async def run(self) -> None:
        while True:
            began = time.perf_counter()
            await self.one.type("x")
            await self.other.wait_for(str(self.one.text))
            self.seconds.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)

    def p99(self, first: int = 0, last: int | None = None) -> float:
        ordered = sorted(self.seconds[first:last])
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]

    def check(self) -> None:
        ordered = sorted(self.seconds)
        assert len(ordered) > 10
        # Below these a busy machine decides.
        assert ordered[len(ordered) // 2] < 0.5, ordered
        assert ordered[-1] < 5.0, ordered[-5:]


class Memory:
    """Watches the resident memory of a server."""

    def __init__(self, server: CollabServer) -> None:
        self.server = server
        self.peak = 0

    async def run(self) -> None:
        while True:
            self.peak = max(self.peak, self.server.memory())
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(*coroutines: Any) -> AsyncIterator[None]:
    """Run in the background; what ends early is a fault."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


Connect = Callable[..., Awaitable[Client]]


@contextlib.asynccontextmanager
async def clients(server: CollabServer) -> AsyncIterator[Connect]:
    """``await connect(document, auth)``: well-behaved clients."""
    async with http_session() as http:
        made: list[Client] = []

        async def connect(document: str, auth: dict[str, Any] | None = None, polling: bool = False) -> Client:
            wire = PollingWire(server.url, http) if polling else WebSocketWire(server.url, http)
            client = Client(wire, f"/doc/{document}")
            made.append(client)
            await client.connect(auth)
            return client

        yield connect
        for client in made:
            await client.close()


async def editor(connect: Connect, document: str) -> Editor:
    made = Editor(await connect(document))
    await made.sync()
    return made


class Absent:
    """When sessions left, as somebody sees it who is there."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.at: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            for change in self.client.events("presence"):
                for entry in change["left"]:
                    self.at.setdefault(entry["session"], time.monotonic())
            self.client._news.clear()
            await self.client._news.wait()

    async def wait_for(self, sessions: Iterable[str], timeout: float) -> None:
        async with asyncio.timeout(timeout):
            while not self.at.keys() >= set(sessions):
                await asyncio.sleep(0.02)


Start = Callable[[int, str], Awaitable[Program]]


@pytest.fixture
async def start_program() -> AsyncIterator[Start]:
    """``await start_program(port, document)``: a program that ends with the test, also one that is stopped."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(port: int, document: str) -> Program:
            program = await Program.start(port, document)
            stack.push_async_callback(program.end)
            return program

        yield start


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


@pytest.fixture
def server(start_server: Callable[..., CollabServer], tmp_path: Path, probe: Probe) -> CollabServer:
    # On disk: in memory the log of what was streamed would count as the server's memory.
    return start_server(
        f"sqlite:///{tmp_path}/slow.db",
        args=["--rate-bytes", "1GiB", "--rate-updates", "10000", "--rate-awareness", "10000"],
        env=probe.env,
    )


async def pong(readers: list[RawReader]) -> None:
    """Answer pings that were never read."""
    while True:
        for reader in readers:
            with contextlib.suppress(OSError):
                reader.send("3")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "amount", [2 * ALLOWED, pytest.param(200 * MIB, marks=pytest.mark.long)], ids=["16MiB", "200MiB"]
)
async def test_who_does_not_read_costs_little_and_comes_back_or_goes(
    server: CollabServer, probe: Probe, start_program: Start, amount: int
) -> None:
    document = "bulk"
    async with clients(server) as connect:
        stream = Stream(await editor(connect, document))
        neighbours = Neighbours(await editor(connect, document), await editor(connect, document))
        absent = Absent(await connect(document, {"presence": "json"}))
        memory = Memory(server)
        async with running(neighbours.run(), absent.run(), memory.run()):
            await stream.run(1.5)
            before, calm, tasks = memory.peak, len(neighbours.seconds), probe.tasks()
            # Now those who do not read.
            deaf, ponging, resuming = [RawReader(server.port, document) for _ in range(3)]
            stopped, continued = [await start_program(server.port, document) for _ in range(2)]
            mute = await connect(document, {"presence": "json"}, polling=True)
            mute_session = (await mute.event("session"))["session"]
            assert mute._reader is not None
            mute._reader.cancel()  # polls no more
            for reader in (deaf, ponging, resuming):
                await asyncio.to_thread(reader.join)
            sessions = [await program.line("session") for program in (stopped, continued)]
            for program in (stopped, continued):
                program.signal(signal.SIGSTOP)
            began, sent = time.monotonic(), stream.sent
            gone = {deaf.session, ponging.session, sessions[0], mute_session}
            async with running(pong([ponging])):
                # Those who read again in time have missed nothing.
                await stream.run(2.0, least=sent + UNREAD)
                await stream.show("half")
                continued.signal(signal.SIGCONT)
                await asyncio.to_thread(resuming.read_until, lambda: str(resuming.shown) == "half")
                assert "lagging" in resuming.codes
                assert await continued.line("notice") == "lagging"
                assert await continued.line("shown half") == ""
                # And go on reading.
                reading = asyncio.create_task(
                    asyncio.to_thread(resuming.read_until, lambda: str(resuming.shown) == "all")
                )
                await stream.run(3.0, least=sent + amount)
                await absent.wait_for(gone, STALL_TIMEOUT + 3)
                await stream.show("all")
            await asyncio.wait_for(reading, 10)
            assert await continued.line("shown all") == ""
            assert not resuming.ended
            streamed = stream.sent - sent
            after = len(neighbours.seconds)
        neighbours.check()
        # Twice as slow as before at most; below half a second a busy machine decides.
        slow, fast = neighbours.p99(calm, after), neighbours.p99(0, calm)
        print(
            f"{streamed / MIB:.0f} MiB, {(memory.peak - before) / MIB:.1f} MiB more, p99 {1000 * fast:.0f} -> {1000 * slow:.0f} ms"
        )
        assert slow < max(2 * fast, 0.5), f"p99 {fast:.3f} s, then {slow:.3f} s"
        # Those who did not are gone: not at once, and not late.
        for session in gone:
            assert STALL_TIMEOUT - 0.5 < absent.at[session] - began < STALL_TIMEOUT + 3
        assert absent.at.keys().isdisjoint({resuming.session, sessions[1]})
        # What waits for several is one buffer: together they cost no more than one alone.
        assert memory.peak - before < ALLOWED, (
            f"{(memory.peak - before) / MIB:.1f} MiB more, of {streamed / MIB:.0f} sent"
        )
        for reader in (deaf, ponging, resuming):
            reader.close()
        for program in (stopped, continued):
            await program.end()
        async with asyncio.timeout(10):  # no task of theirs is left
            while probe.tasks() > tasks:
                await asyncio.sleep(0.1)
    assert "Traceback" not in server.stderr()


# -- other things than edits that can pile up -------------------------------------------------------


Act = Callable[[Connect, RawReader], Awaitable[None]]


async def pile_up(server: CollabServer, document: str, act: Act) -> None:
    """Let ``act`` happen to a reader that answers pings and never reads; its memory stays bounded, or it is cut.

    ``act`` ends once it has sent more than a bounded reader could hold.
    """
    async with clients(server) as connect:
        # In another document: an edit in this one would find out that somebody is behind.
        neighbours = Neighbours(await editor(connect, "elsewhere"), await editor(connect, "elsewhere"))
        deaf = RawReader(server.port, document)
        await asyncio.to_thread(deaf.join)
        memory = Memory(server)
        before = server.memory()
        async with running(neighbours.run(), memory.run(), pong([deaf])):
            action = asyncio.create_task(act(connect, deaf))  # type: ignore[arg-type]
            while not action.done() and memory.peak - before < ALLOWED:
                await asyncio.wait([action], timeout=0.05)
            action.cancel()
            await asyncio.wait([action])
            assert action.cancelled() or action.exception() is None, action.exception()
        deaf.close()
        assert memory.peak - before < ALLOWED, f"{(memory.peak - before) / MIB:.1f} MiB more"
        neighbours.check()


@contextlib.asynccontextmanager
async def attentive(server: CollabServer, document: str) -> AsyncIterator[asyncio.Task[None]]:
    """Somebody who reads everything; the task ends once that was more than a bounded reader could hold."""
    reader = RawReader(server.port, document, MIB)
    await asyncio.to_thread(reader.join)
    reading = asyncio.create_task(asyncio.to_thread(reader.read_until, lambda: reader.taken > 2 * ALLOWED))
    try:
        yield reading
    finally:
        reader.end()
        await asyncio.wait([reading])
        reader.close()


async def test_presence_does_not_pile_up(server: CollabServer) -> None:
    async def act(connect: Connect, _deaf: RawReader) -> None:
        people = [await connect("presence") for _ in range(8)]
        async with attentive(server, "presence") as reading:
            while not reading.done():
                for number, person in enumerate(people):
                    await person.emit("presence", {"n": number, "at": time.time(), "much": "x" * 15_000})
                await asyncio.sleep(0.03)

    await pile_up(server, "presence", act)


async def test_broadcasts_do_not_pile_up(server: CollabServer) -> None:
    async def act(connect: Connect, _deaf: RawReader) -> None:
        person = await connect("broadcast")
        async with attentive(server, "broadcast") as reading:
            while not reading.done():
                await person.emit("broadcast", {"event": "e", "data": "x" * 60_000})
                await asyncio.sleep(0.01)

    await pile_up(server, "broadcast", act)


async def test_answers_do_not_pile_up(server: CollabServer) -> None:
    async with clients(server) as connect:
        writer = await editor(connect, "answers")
        await writer.type("x" * MIB)
        for _ in range(5):  # what an answer costs once, it costs everybody
            await writer.client.call("sync-step-1", b"\0")

    async def act(_connect: Connect, deaf: RawReader) -> None:
        for _ in range(60):
            with contextlib.suppress(OSError):  # cut
                await asyncio.to_thread(deaf.ask)
            await asyncio.sleep(0.05)

    await pile_up(server, "answers", act)


async def test_who_falls_behind_between_broadcasts_misses_no_edit(server: CollabServer) -> None:
    """An edit and a broadcast that arrive together: the edit may wait for its turn when the broadcast finds the reader slow."""
    async with clients(server) as connect:
        writer = Editor(await connect("mixed"), root=SHOWN)
        await writer.sync()
        reader = RawReader(server.port, "mixed")
        await asyncio.to_thread(reader.join)
        for _ in range(3):
            for _ in range(60):
                update = writer.typed("x")
                await writer.client.emit("sync-update", update)
                await writer.client.emit("broadcast", {"event": "e", "data": "y" * 60_000})
            assert (await writer.type("."))["ok"]
            whole = str(writer.text)
            reading = asyncio.to_thread(reader.read_until, lambda whole=whole: str(reader.shown) == whole)  # type: ignore[misc]
            await asyncio.wait_for(reading, 15)
            assert not reader.ended
        assert "lagging" in reader.codes
        reader.close()


if __name__ == "__main__":
    main()
