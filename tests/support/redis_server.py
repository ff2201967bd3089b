"""A real redis-server as a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from tests.support.ports import free_port

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")
needs_redis = pytest.mark.skipif(BINARY is None, reason="redis-server is not installed")


class RedisServer:
    """``redis-server`` on a free port, which it keeps through restarts, with its files in ``directory``.

    Args:
        directory: where it keeps its files.
        appendonly: whether it logs to disk (with ``appendfsync everysec``).
        options: more words of its command line.
    """

    def __init__(self, directory: Path, *, appendonly: bool = True, options: Sequence[str] = ()) -> None:
        self.directory = directory
        self.appendonly = appendonly
        self.options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        """Start it, and return once it answers."""
        assert BINARY is not None
        self.process = subprocess.Popen(
            [
                BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory),
                "--appendonly", "yes" if self.appendonly else "no", "--save", "", "--loglevel", "warning",
                "--logfile", str(self.directory / "redis.log"), *self.options,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(redis.RedisError, OSError), self.client() as client:
                client.ping()
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"redis-server did not start: {(self.directory / 'redis.log').read_text()[-500:]}")

    def client(self) -> redis.Redis:
        """A client, to be closed by the caller."""
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL; its files stay."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
