"""What one Redis carries: the real redis-server, the very script that nodes append with.

CPU per append is what counts, not appends per second: it is nearly the same on a busy machine, and its
inverse is what one shard, which has one thread, can do at most.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from collab.stores.redis_scripts import APPEND

#: an edit of a few characters, as Yjs encodes it
UPDATE = os.urandom(40)
_DOCUMENTS = 200
_TICKS = os.sysconf("SC_CLK_TCK")


class RedisProcess:
    """A redis-server of its own on a Unix socket."""

    def __init__(self, home: Path, *settings: str) -> None:
        self.path = str(home / "redis.sock")
        where = ["--port", "0", "--unixsocket", self.path, "--dir", str(home), "--save", ""]
        self._process = subprocess.Popen(["redis-server", *where, *settings], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not os.path.exists(self.path):
            time.sleep(0.01)

    def client(self) -> redis.Redis:
        """A connection."""
        return redis.Redis(unix_socket_path=self.path)

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.path}"

    def connect(self) -> socket.socket:
        """A bare connection."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        return connection

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> int:
        """Bytes that its data takes."""
        with self.client() as client:
            return int(client.info("memory")["used_memory"])

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running(*settings: str) -> Iterator[RedisProcess]:
    """A fresh redis-server."""
    with tempfile.TemporaryDirectory() as home:
        process = RedisProcess(Path(home), *settings)
        try:
            yield process
        finally:
            process.stop()


def command(*words: str | bytes | int) -> bytes:
    """A command as Redis reads it."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def append_cost(
    seconds: float, *, appendfsync: str | None, updates: int = 1, at_once: int = 20, listeners: int = 0
) -> dict[str, float]:
    """Append to 200 documents in turn, as fast as it goes.

    Args:
        appendfsync: ``always``, ``everysec``; None: no append-only file.
        updates: in one append.
        at_once: appends that are written to Redis together, as a node does that has many documents.
        listeners: nodes that have every document open, and hear every bell.

    Returns:
        ``cpu_us`` of redis-server per append, ``per_second`` as seen, ``bytes`` of memory per update.
    """
    settings = ["--appendonly", "yes", "--appendfsync", appendfsync] if appendfsync else ["--appendonly", "no"]
    with running(*settings) as server, server.client() as client:
        client.script_load(APPEND.source)
        subscribers = [_listen(server) for _ in range(listeners)]
        writer = server.connect()
        number, count = 0, 0
        for document in range(_DOCUMENTS):  # so that keys and channels are there
            _exchange(writer, [_append(document, updates, number)])
        memory, began, cpu = server.memory(), time.monotonic(), server.cpu_seconds()
        while time.monotonic() - began < seconds:
            number += 1
            for first in range(0, _DOCUMENTS, at_once):
                batch = [_append(document, updates, number) for document in range(first, first + at_once)]
                _exchange(writer, batch)
                count += at_once
        took, used = time.monotonic() - began, server.cpu_seconds() - cpu
        grown = server.memory() - memory
        for each in (writer, *subscribers):
            each.close()
    return {"cpu_us": used / count * 1e6, "per_second": count / took, "bytes": grown / count / updates}


def publish_cost(seconds: float) -> float:
    """CPU of redis-server for a note that one node hears, in microseconds."""
    with running("--appendonly", "no") as server:
        subscriber, writer = _listen(server), server.connect()
        note = [command("PUBLISH", "collab:{bench-1}", os.urandom(120))] * 50
        _exchange(writer, note, b":")
        began, cpu, count = time.monotonic(), server.cpu_seconds(), 0
        while time.monotonic() - began < seconds:
            _exchange(writer, note, b":")
            count += len(note)
        used = server.cpu_seconds() - cpu
        for each in (writer, subscriber):
            each.close()
    return used / count * 1e6


def _append(document: int, updates: int, number: int) -> bytes:
    key = f"collab:{{bench-{document}}}"
    return command(
        "EVALSHA", APPEND.sha, 3, f"{key}:meta", f"{key}:log", f"{key}:batch", "", "epoch", 0, number, "node", key,
        *(word for _ in range(updates) for word in ("participant", UPDATE)),
    )  # fmt: skip


def _exchange(connection: socket.socket, commands: Sequence[bytes], answer_begins: bytes = b"*4") -> None:
    connection.sendall(b"".join(commands))
    left = len(commands)
    while left:
        answer = connection.recv(65536)
        if answer.startswith(b"-") or b"\n-" in answer:
            raise RuntimeError(answer[:200].decode("utf-8", "replace"))
        left -= answer.count(answer_begins)


def _listen(server: RedisProcess) -> socket.socket:
    """A connection that hears all bells and makes nothing of them."""
    connection = server.connect()
    connection.sendall(command("SUBSCRIBE", *(f"collab:{{bench-{document}}}" for document in range(_DOCUMENTS))))

    def read() -> None:
        with suppress(OSError):
            while connection.recv(1 << 20):
                pass

    threading.Thread(target=read, daemon=True).start()
    return connection
