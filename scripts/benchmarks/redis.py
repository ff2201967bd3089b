"""A redis-server for the nodes of a cluster, measured like them."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.process import HOST, ServerError, pid_cpu_seconds

_START_TIMEOUT = 10.0


class RedisProcess:
    """A running redis-server that logs to disk (``appendfsync everysec``)."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self.url = f"redis://{HOST}:{port}/0"

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return pid_cpu_seconds(self._pid)


@asynccontextmanager
async def redis_running(workdir: Path) -> AsyncIterator[RedisProcess]:
    """A redis-server with its files in ``workdir``.

    Raises:
        ServerError: there is none, or it does not answer.
    """
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise ServerError("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        binary, "--port", str(port), "--bind", HOST, "--dir", str(workdir), "--appendonly", "yes", "--save", "",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _until_it_answers(port)
        yield RedisProcess(process.pid, port)
    finally:
        process.kill()
        await process.wait()


async def _until_it_answers(port: int) -> None:
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            while True:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return
    except TimeoutError:
        raise ServerError("redis-server did not start") from None
