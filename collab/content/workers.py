"""Reading foreign content where a crash or a hang costs one request: in a worker process.

A hostile document can end the process that reads it, hang it for good while it holds the GIL, or take
all memory. So whatever looks into content (JSON, text, scripted operations, restoring a version) runs in
a process of its own with a bound on time and memory. A worker that is lost is replaced; nobody but the
request that lost it notices.

Workers are started as fresh interpreters: never by fork, because the server has threads, and not by
:mod:`multiprocessing`, which would import the main module again and leave a tracker process behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import io
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, Literal, NoReturn, TypeVar

import structlog

from collab.content.turns import Turns
from collab.errors import CollabError
from collab.metrics import READER_JOB, READER_KILLED

_log = structlog.get_logger("collab.reader")
_Result = TypeVar("_Result")

#: seconds that a new worker has for its imports
START_TIMEOUT: Final = 30.0
#: seconds that a worker has to hand over its answer
SEND_TIMEOUT: Final = 30.0
#: seconds behind its time after which a worker ends itself, in case that nobody is left to do it
_GRACE: Final = 1.0
#: bytes that are copied without letting other threads run
_PIECE: Final = 1 << 20
#: what a worker runs: the import path is the server's own
_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from collab.content.workers import work; work(int(sys.argv[1]), int(sys.argv[2]))"
)


class Workers:
    """Runs functions in worker processes.

    Args:
        workers: how many functions run at the same time; a worker starts when it is first needed.
        memory: bytes that a worker may take beyond what it has when it starts.
        tasks: functions after which a worker is replaced, so that nothing adds up.
    """

    def __init__(self, *, workers: int = 2, memory: int = 1 << 30, tasks: int = 1000) -> None:
        self._size = workers
        self._memory = memory
        self._tasks = tasks
        self._turns = Turns(workers)
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._idle: list[_Worker] = []
        self._alive: set[_Worker] = set()
        #: under way, or waiting for a free worker
        self.jobs = 0

    @property
    def alive(self) -> int:
        """How many worker processes there are."""
        return len(self._alive)

    def open(self) -> None:
        """Be ready; starts no process yet."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="reader")

    def close(self) -> None:
        """End all workers. Runs that are under way or wait are refused with ``draining``."""
        with self._lock:
            threads, self._threads = self._threads, None
            for worker in self._alive:
                worker.kill()
        if threads is not None:
            threads.shutdown()
        for worker in list(self._alive):
            self._dismiss(worker)

    def turn(self, owner: Hashable) -> AbstractAsyncContextManager[None]:
        """Wait until it is the turn of ``owner``, who has one job at a time; then :meth:`run` it, within.

        Args:
            owner: who asks: a participant, or an address where nobody knows more.

        Raises:
            CollabError: ``rate_limited``: too many jobs of this owner wait already.
        """
        return self._turns.turn(owner)

    async def run(self, function: Callable[..., _Result], *args: Any, timeout: float = 5.0) -> _Result:
        """Call ``function(*args)`` in a worker.

        Args:
            function: a function of a module, without side effects: where the worker is lost, nobody
                knows how far it came.
            args: anything that can be pickled.
            timeout: seconds that it may take, not counting the wait for a free worker.

        Returns:
            What it returns: plain data (None, bool, numbers, str, bytes, and lists, tuples, sets and
            dicts of them). More than a few MB are best returned as bytes: to make, collect and free a
            million objects stops all threads of the server, wherever it is done.

        Raises:
            CollabError: the one that the function raised; ``internal`` where it crashed, raised
                anything else, or took too much time or memory; ``draining`` while closed.
        """
        threads = self._threads
        if threads is None:
            raise CollabError("draining", retry_after=1)
        self.jobs += 1
        began = time.perf_counter()
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, self._call, function, args, timeout)
        finally:
            self.jobs -= 1
            READER_JOB.observe(time.perf_counter() - began)

    def _call(self, function: Callable[..., _Result], args: tuple[Any, ...], timeout: float) -> _Result:
        """Runs in a thread, of which there are as many as workers."""
        began = time.monotonic()
        try:
            worker = self._hire()
            began = time.monotonic()
            try:
                answer: Any = worker.call(function, args, timeout)
            except BaseException:
                self._dismiss(worker)
                raise
        except (_Lost, OSError, EOFError, pickle.PickleError) as error:
            if self._threads is None:
                raise CollabError("draining", retry_after=1) from None
            with self._lock:  # several threads
                READER_KILLED.add(error.why if isinstance(error, _Lost) else "failed")
            _log.error(
                "reading failed",
                function=function.__qualname__,
                reason=str(error) if isinstance(error, _Lost | OSError) else type(error).__name__,
                seconds=round(time.monotonic() - began, 3),
            )
            if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
                words = "The server has too many connections open to look into documents."
                raise CollabError("too_many_connections", words, retry_after=5, detail={"scope": "server"}) from None
            raise CollabError("internal", "This document could not be read.") from None
        self._release(worker)
        kind, content = answer
        if kind == "refused":
            code, message, retry_after, detail = content
            raise CollabError(code, message, retry_after=retry_after, detail=detail)
        result: _Result = content
        return result

    # -- workers --------------------------------------------------------------------------------

    def _hire(self) -> _Worker:
        """An idle worker, or a new one."""
        while True:
            with self._lock:
                if self._threads is None:
                    raise _Lost("closed")
                if not self._idle:
                    worker = _Worker(self._memory)
                    self._alive.add(worker)
                    break
                worker = self._idle.pop()
            if worker.usable:
                return worker
            self._dismiss(worker)
        try:
            worker.wait_until_ready()
        except BaseException:
            self._dismiss(worker)
            raise
        return worker

    def _release(self, worker: _Worker) -> None:
        with self._lock:
            if self._threads is not None and worker.calls < self._tasks:
                self._idle.append(worker)
                return
        self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        worker.end()
        with self._lock:
            self._alive.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)


class _Lost(Exception):
    """A worker did not answer; the words say why, without a trace of content.

    Attributes:
        why: in a word, for the metric.
    """

    def __init__(self, words: str, why: str = "crash") -> None:
        super().__init__(words)
        self.why = why


class _Worker:
    """A worker process, seen from the server. Used by one thread at a time; any may :meth:`kill` it."""

    def __init__(self, memory: int) -> None:
        self.calls = 0
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), str(memory), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # A panic of the CRDT library prints what it choked on: content has no place in a log.
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # The keyboard's ^C is for the server, which says when its workers end.
                start_new_session=True,
                # Settings hold secrets.
                env={key: value for key, value in os.environ.items() if not key.startswith("COLLAB_")},
            )

    @property
    def usable(self) -> bool:
        """Whether it waits for work; something else may have ended it meanwhile."""
        return self._process.poll() is None and not self._pipe.poll()

    def wait_until_ready(self) -> None:
        """Wait for the greeting of a new worker."""
        self._receive(START_TIMEOUT)

    def call(
        self, function: Callable[..., Any], args: tuple[Any, ...], timeout: float
    ) -> tuple[Literal["done", "refused"], Any]:
        """Have ``function(*args)`` called.

        Raises:
            _Lost: the process is of no use any more.
        """
        self.calls += 1
        self._pipe.send((function, args, timeout))
        kind, content = self._receive(timeout)
        if kind == "failed":
            raise _Lost(str(content), "memory" if "MemoryError" in str(content) else "failed")
        return kind, content

    def _receive(self, timeout: float) -> Any:
        if not self._pipe.poll(timeout):
            raise _Lost(f"no answer within {timeout:g} s", "timeout")
        try:
            return _read_plain(self._pipe.recv_bytes())
        except (EOFError, OSError):
            raise _Lost(f"the worker ended: {_ending(self._wait())}") from None

    def _wait(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(1.0)
        return None

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()

    def end(self) -> None:
        """End the process and let go of everything that belongs to it."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


def _ending(code: int | None) -> str:
    if code is None:
        return "unknown"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


# -- plain data ----------------------------------------------------------------------------------------


class _Pieces(io.RawIOBase):
    """Bytes as a file that is read by Python code.

    Unpickling holds the GIL from one read to the next. It reads every 64 KiB, and long bytes at once:
    so the event loop gets its turn in the middle of a large result.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        end = len(self._data) if size is None or size < 0 else self._at + size
        piece = bytes(self._data[self._at : end])
        self._at += len(piece)
        return piece

    def readinto(self, buffer: Any, /) -> int:
        begin, end = self._at, min(self._at + len(buffer), len(self._data))
        for at in range(begin, end, _PIECE):
            piece = self._data[at : min(at + _PIECE, end)]
            buffer[at - begin : at - begin + len(piece)] = piece
        self._at = end
        return end - begin


class _PlainUnpickler(pickle.Unpickler):
    """Reads plain data and nothing that could run code here: who reads content may be taken over by it."""

    def find_class(self, module: str, name: str, /) -> NoReturn:
        raise pickle.UnpicklingError("not plain data")


def _read_plain(data: bytes) -> Any:
    return _PlainUnpickler(_Pieces(data)).load()


# -- in the worker process -----------------------------------------------------------------------------


def work(descriptor: int, memory: int) -> None:
    """The life of a worker process: answer calls until the server hangs up.

    Args:
        descriptor: its end of the pipe.
        memory: bytes that it may take beyond what it has now.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.nice(5)  # people who type come first
    _limit_memory(memory)
    pipe = Connection(descriptor)
    pipe.send(None)
    with contextlib.suppress(EOFError, OSError):  # the server is gone, and so are we
        while True:
            function, args, timeout = pipe.recv()
            with _on_leash(pipe, timeout):
                answer, reusable = _answer(function, args)
            del function, args
            signal.setitimer(signal.ITIMER_REAL, SEND_TIMEOUT)
            pipe.send_bytes(answer)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if not reusable:
                return
            del answer


@contextlib.contextmanager
def _on_leash(pipe: Connection, timeout: float) -> Iterator[None]:
    """Let the kernel end this process when its time is up or the server is gone.

    The server kills a worker that is late, unless it was killed itself; and a worker that hangs with
    the GIL cannot look after its pipe. While a call is under way nothing comes through the pipe but its
    end, and Linux answers that with a signal that is deadly by default.
    """
    signal.setitimer(signal.ITIMER_REAL, timeout + _GRACE)
    flags = fcntl.fcntl(pipe, fcntl.F_GETFL)
    if sys.platform == "linux":
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        if pipe.poll():
            raise EOFError  # gone before the kernel was asked
        yield
    finally:
        fcntl.fcntl(pipe, fcntl.F_SETFL, flags)


def _limit_memory(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open("/proc/self/statm", "rb") as statm:
            taken = int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:  # not Linux, where the address space tells little about what is used
        kind, taken = resource.RLIMIT_DATA, 0
    else:
        kind = resource.RLIMIT_AS
    with contextlib.suppress(ValueError):  # where a lower limit is set already
        resource.setrlimit(kind, (taken + memory, taken + memory))


def _answer(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[bytes, bool]:
    """What a call comes to, and whether this process is good for another one."""
    try:
        return pickle.dumps(("done", function(*args)), protocol=5), True
    except CollabError as error:
        refusal = (error.code, error.message, error.retry_after, error.detail)
        return pickle.dumps(("refused", refusal), protocol=5), True
    except BaseException as error:  # a panic of pycrdt is no Exception
        return pickle.dumps(("failed", f"{type(error).__name__} in the worker"), protocol=5), False
