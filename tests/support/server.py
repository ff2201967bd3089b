"""The real server as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

#: where servers on a Redis note what ended them
_STATE = tempfile.TemporaryDirectory(prefix="collab-state-")
_ROOT = Path(__file__).resolve().parents[2]
_STARTED = re.compile(r"collab listening on (http://\S+:(\d+)) ")


class CollabServer:
    """``collab serve`` on a port of its own, which it keeps through restarts.

    Args:
        store: the URL of the store.
        args: further flags.
        env: further environment variables.
        wrapper: a command to run it under (``strace ...``).
    """

    def __init__(
        self,
        store: str = "memory://",
        *,
        port: int | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        cwd: str | Path | None = None,
    ) -> None:
        self.store = store
        self.port = free_port() if port is None else port
        self.args = list(args)
        self.env = dict(env or {})
        self.wrapper = list(wrapper)
        self.cwd = cwd
        self.url = ""
        self.start_line = ""
        self.process: subprocess.Popen[str] | None = None
        self.log = ""

    def start(self, timeout: float = 20.0) -> CollabServer:
        """Start, and return once it listens; raises RuntimeError with its stderr if it does not."""
        command = [*self.wrapper, sys.executable, "-m", "collab", "serve", "--port", str(self.port)]
        command += ["--store", self.store, *self.args]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("COLLAB_")}
        environment |= {"PYTHONPATH": str(_ROOT), "XDG_STATE_HOME": _STATE.name, **self.env}
        errors = os.memfd_create("stderr")
        self._errors = errors
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=self.cwd,
            start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], 0.1)
            line = self.process.stdout.readline() if ready else ""
            found = _STARTED.match(line)
            if found:
                self.start_line = line.strip()
                self.url, self.port = found[1], int(found[2])
                return self
            if self.process.poll() is not None:
                break
        self.kill()
        raise RuntimeError(f"the server did not start: {self.stderr()}")

    def stderr(self) -> str:
        """What it has logged since its last start."""
        size = os.fstat(self._errors).st_size
        return os.pread(self._errors, size, 0).decode("utf-8", "replace")

    @property
    def pid(self) -> int:
        """The process id of the server (below a wrapper: of its child)."""
        assert self.process is not None
        if not self.wrapper:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def memory(self) -> int:
        """Resident memory in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def stop(self, timeout: float = 20.0) -> int:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM, timeout)

    def kill(self) -> int:
        """SIGKILL; returns the exit code."""
        return self._end(signal.SIGKILL, 10.0)

    def restart(self) -> CollabServer:
        """Stop, then start on the same port."""
        self.stop()
        return self.start()

    def _end(self, number: int, timeout: float) -> int:
        process = self.process
        if process is None:
            return 0
        if process.poll() is None:
            os.kill(self.pid, number)
        self.process = None
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _end_session(process.pid)
            raise
        finally:
            if number == signal.SIGKILL and "--supervise" in self.args:  # which could not take its server with it
                _end_session(process.pid)
            if process.stdout is not None:
                process.stdout.close()
        return code


def running(pid: int) -> bool:
    """Whether there is such a process that has not ended; who ended may wait for its parent."""
    return (_stat(pid) or ["Z"])[0] not in "ZX"


def _stat(pid: int) -> list[str]:
    """State, parent, group, session of a process; nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return []


def _end_session(session: int) -> None:
    """End what a server has left behind: a supervisor's child is in a group of its own, and in the same session."""
    while left := [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdecimal() and (stat := _stat(int(each.name)))[3:] == [str(session)] and stat[0] not in "ZX"
    ]:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def lines(server: CollabServer, event: str, **fields: Any) -> list[dict[str, Any]]:
    """The lines of ``event`` in the log that hold ``fields``."""
    found = [json.loads(text) for text in server.stderr().splitlines() if text.endswith("}")]
    return [known for known in found if known["event"] == event and fields.items() <= known.items()]


async def line(server: CollabServer, event: str, *, within: float = 30.0, **fields: Any) -> dict[str, Any]:
    """The first line of ``event`` that holds ``fields``; waits for it."""
    async with asyncio.timeout(within):
        while not (found := lines(server, event, **fields)):
            await asyncio.sleep(0.02)
    return found[0]
