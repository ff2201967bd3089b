"""A server process under test: started on its own core, measured through /proc."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kernel import KernelMemory

SERVER_CORE, LOAD_CORE = 0, 1
HOST = "127.0.0.1"

_READY = re.compile(rb"listening on (?:http://[^\s:]+:)?(\d+)")
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0
#: share of a core that may be busy while it counts as idle
_QUIET = 0.05
#: two for each of 10,000 documents, and some
_WANTED_FILES = 65_536
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ServerError(Exception):
    """The server did not start, or ended."""


class ServerProcess:
    """A running server.

    Args:
        process: its process, as started by :func:`start_server`.
        port: where it listens.
        log: the file with what it says on stderr.
        kernel: made before it was started.
    """

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path, kernel: KernelMemory) -> None:
        self._process = process
        self.kernel = kernel
        self.port = port
        self.log = log
        self._drain = asyncio.get_running_loop().create_task(_read_away(process))

    @property
    def pid(self) -> int:
        """Of the server itself; :meth:`cpu_seconds` and :meth:`rss_bytes` include its children."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    def cpu_seconds(self) -> float:
        """User and system time of all its threads and children so far."""
        return sum(pid_cpu_seconds(pid) for pid in _family(self.pid))

    def rss_bytes(self) -> int:
        """Resident memory, with children."""
        return sum(_rss_bytes(pid) for pid in _family(self.pid))

    async def stop(self) -> None:
        """End it: politely, then not."""
        if not self.ended:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_TIMEOUT):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._drain


async def start_server(
    command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> ServerProcess:
    """Start ``command`` on the server's core and wait for the line that says its port.

    Raises:
        ServerError: it ended or said nothing within 30 seconds.
    """
    pin = ["taskset", "-c", str(SERVER_CORE)] if can_pin() else []
    kernel = KernelMemory()
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *pin,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            cwd=cwd,
            env={**os.environ, "NODE_ENV": "production", **(environment or {})},
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            while line := await process.stdout.readline():
                found = _READY.search(line)
                if found:
                    return ServerProcess(process, int(found[1]), log, kernel)
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    words = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise ServerError(f"{command[0]} did not start: {' / '.join(words) or 'no word from it'}")


async def _read_away(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass


def can_pin() -> bool:
    """Whether there are two cores, and taskset."""
    return shutil.which("taskset") is not None and (os.cpu_count() or 1) > LOAD_CORE


def pin_load() -> None:
    """Keep this process off the server's core."""
    if can_pin():
        os.sched_setaffinity(0, {LOAD_CORE})


def open_files() -> int:
    """How many files a process may have open; raised as far as this user can raise it.

    Servers started from here inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (_WANTED_FILES, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            return limit
        except (ValueError, OSError):
            continue
    return soft


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text()
        except OSError:
            continue
        for child in children.split():
            yield from _family(int(child))


def pid_cpu_seconds(pid: int) -> float:
    """From schedstat, in nanoseconds, where the kernel has it; otherwise in ticks of 10 ms."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        spent = [Path(f"/proc/{pid}/task/{thread}/schedstat").read_text() for thread in threads]
        return sum(int(line.split()[0]) for line in spent) / 1e9
    except OSError:
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


@dataclass(frozen=True, slots=True)
class CpuReading:
    """A moment; two of them are a window."""

    at: float
    server: float
    load: float
    core_busy: float

    @classmethod
    def take(cls, server: ServerProcess) -> CpuReading:
        """Read all clocks now."""
        return cls(time.perf_counter(), server.cpu_seconds(), time.process_time(), _core_busy())


@dataclass(frozen=True, slots=True)
class CpuWindow:
    """What happened between two readings.

    ``began`` on the clock of ``time.perf_counter``; ``load_share``: of its core, by the load
    generator; ``others_share``: of the server's core, by anybody but the server, which disturbs.
    """

    began: float
    seconds: float
    server_seconds: float
    load_share: float
    others_share: float

    @classmethod
    def between(cls, begin: CpuReading, end: CpuReading) -> CpuWindow:
        """The window from ``begin`` to ``end``."""
        seconds = end.at - begin.at
        server = end.server - begin.server
        others = end.core_busy - begin.core_busy - server
        return cls(begin.at, seconds, server, (end.load - begin.load) / seconds, max(0.0, others / seconds))


@contextmanager
def core_kept_awake() -> Iterator[None]:
    """Keep the server's core from going to sleep, by a task that runs only when nothing else does.

    Waking a core costs time, most of all in a virtual machine, and how often it sleeps depends on
    the neighbours: without that, figures of quiet work differ less from run to run.
    """
    global _keeper
    if not can_pin() or shutil.which("chrt") is None:
        raise ServerError("keeping a core awake needs two cores, taskset and chrt")
    spin = f"import os\nwhile os.getppid() == {os.getpid()}:\n    for _ in range(10**6): pass"
    pin = ["chrt", "--idle", "0", "taskset", "-c", str(SERVER_CORE)]
    process = subprocess.Popen([*pin, sys.executable, "-c", spin])
    _keeper = process.pid
    try:
        yield
    finally:
        _keeper = None
        process.kill()
        process.wait()


#: the process that keeps the server's core awake, if any
_keeper: int | None = None


def wait_for_quiet(patience: float) -> None:
    """Return once the server's core was nearly idle for a second, or after ``patience`` seconds."""
    end = time.perf_counter() + patience
    while time.perf_counter() < end:
        before = _core_busy()
        time.sleep(1.0)
        if _core_busy() - before < _QUIET:
            return


def _core_busy() -> float:
    """Seconds for which the server's core has been busy with something that matters."""
    try:
        for line in Path("/proc/stat").read_text().splitlines():
            if line.startswith(f"cpu{SERVER_CORE} "):
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
                busy = (user + nice + system + irq + softirq + steal) / _TICKS
                return busy - (pid_cpu_seconds(_keeper) if _keeper is not None else 0.0)
    except (OSError, ValueError):
        pass
    return 0.0
