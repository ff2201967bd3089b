"""The reader: a crash, a hang or a flood in a document costs one request, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

import pytest
import structlog

from collab.content.editing import edit
from collab.content.reading import read
from collab.content.restore import restore
from collab.content.workers import Workers, work
from collab.errors import CollabError, LimitReached
from collab.protocol.codec import EMPTY_UPDATE

ROOT = Path(__file__).parents[2]

# Nearly all of them start processes and wait for their end.
pytestmark = pytest.mark.slow


# -- functions that run in the worker: it imports this module -------------------------------------------


def echo(*args: Any) -> Any:
    return args[0] if len(args) == 1 else args


def worker() -> int:
    return os.getpid()


def slow_worker(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def refuse() -> None:
    raise CollabError("rate_limited", "Not now.", retry_after=2.5, detail={"index": 3, "path": "/a"})


def blunder(content: str) -> None:
    raise ValueError(content)


def hang() -> None:
    while True:
        pass


def hang_in_c() -> None:
    """Holds the GIL, as a hang in the CRDT library does."""
    sum(iter(int, 1))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    sys.exit("that is all")


def eat_memory() -> None:
    blocks = []
    while True:
        blocks.append(b"x" * (64 << 20))


def deep() -> Any:
    value: Any = None
    for _ in range(1_000_000):
        value = [value]
    return value


def not_plain() -> Any:
    return Path("/")


def bytes_of(size: int) -> bytes:
    return b"x" * size


def json_of(entries: int) -> Any:
    return [{"id": number, "name": f"shape {number}", "at": [number / 3, 2.5]} for number in range(entries)]


def segfault_of_pycrdt() -> str:
    """What the scan refuses: reading 20,000 nested arrays overflows the stack."""
    import pycrdt

    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(b"\x01\x01\x05\x00\x08\x01\x01t\x01" + b"\x75\x01" * 20_000 + b"\x7e\x00")
    return str(doc.get("t", type=pycrdt.Array).to_py())


def note_and_hang(file: str) -> None:
    Path(file).write_text(str(os.getpid()))
    hang_in_c()


def alone_and_late() -> None:
    """A worker whose server is there, and asleep."""
    server_end, worker_end = Pipe()
    server_end.send((hang_in_c, (), 0.1))
    work(worker_end.fileno(), 1 << 30)


def secrets() -> list[str]:
    return [key for key in os.environ if key.startswith("COLLAB_")]


# -- the server's side ------------------------------------------------------------------------------------


@pytest.fixture
async def reader() -> AsyncIterator[Workers]:
    reader = Workers()
    reader.open()
    yield reader
    reader.close()


async def fails(reader: Workers, function: Callable[..., Any], *args: Any, timeout: float = 30.0) -> list[Any]:
    """Run what cannot end well; returns what was logged."""
    with structlog.testing.capture_logs() as logs, pytest.raises(CollabError) as raised:
        await reader.run(function, *args, timeout=timeout)
    assert (raised.value.code, raised.value.message) == ("internal", "This document could not be read.")
    return logs


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def running(pid: int) -> bool:
    """The same for the worker of another process, which may stay a zombie if nobody collects orphans."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return alive(pid)


async def eventually(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.02)


PLAIN = [
    None, True, 1, 2**80, -2.5, "text 😀", b"bytes\0", bytearray(b"x"), [1, [2, {"k": None}]], (1, "a"), {1, 2},
    frozenset({"a"}), {"key": [b"value"]},
]  # fmt: skip


async def test_arguments_go_in_and_plain_results_come_out(reader: Workers) -> None:
    for value in PLAIN:
        result = await reader.run(echo, value)
        assert result == value
        assert type(result) is type(value)
    assert await reader.run(echo, 1, b"two", "three") == (1, b"two", "three")


async def test_it_runs_elsewhere_and_keeps_its_worker_warm(reader: Workers) -> None:
    pids = {await reader.run(worker) for _ in range(5)}
    assert len(pids) == 1
    assert os.getpid() not in pids


async def test_what_the_server_uses_it_for(reader: Workers) -> None:
    operations = [{"op": "text.insert", "path": "/body", "index": 0, "text": "Hello"}]
    state = await reader.run(edit, EMPTY_UPDATE, operations)
    assert await reader.run(read, state) == {"body": "Hello"}
    assert await reader.run(restore, state, state) == EMPTY_UPDATE
    with pytest.raises(CollabError, match="nothing at this path"):
        await reader.run(read, state, "/nowhere")


async def test_a_refusal_comes_back_as_itself(reader: Workers) -> None:
    before = await reader.run(worker)
    with pytest.raises(LimitReached) as raised:
        await reader.run(refuse)
    error = raised.value
    assert (error.code, error.message, error.retry_after) == ("rate_limited", "Not now.", 2.5)
    assert error.detail == {"index": 3, "path": "/a"}
    assert await reader.run(worker) == before


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (crash, "SIGSEGV"),
        (segfault_of_pycrdt, "SIG"),
        (eat_memory, "MemoryError"),
        (leave, "SystemExit"),
        (deep, "RecursionError"),
    ],
)
async def test_what_goes_wrong_costs_one_request(reader: Workers, function: Callable[..., Any], reason: str) -> None:
    before = await reader.run(worker)
    logs = await fails(reader, function)
    assert [entry["function"] for entry in logs] == [function.__name__]
    assert reason in logs[0]["reason"]
    after = await reader.run(worker)
    assert after != before
    assert not alive(before)


@pytest.mark.parametrize("function", [hang, hang_in_c])
async def test_a_hang_ends_at_its_time(reader: Workers, function: Callable[..., Any]) -> None:
    before = await reader.run(worker)
    began = time.monotonic()
    logs = await fails(reader, function, timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 3
    assert "no answer within 0.3 s" in logs[0]["reason"]
    assert not alive(before)
    assert await reader.run(echo, "well") == "well"


async def test_content_is_never_logged(reader: Workers) -> None:
    logs = await fails(reader, blunder, "the content of a document")
    assert "ValueError" in logs[0]["reason"]
    assert "content of" not in str(logs)


async def test_results_cannot_bring_code_along(reader: Workers) -> None:
    logs = await fails(reader, not_plain)
    assert "UnpicklingError" in logs[0]["reason"]
    assert await reader.run(echo, 1) == 1


async def test_memory_is_bounded_beyond_what_a_worker_begins_with() -> None:
    reader = Workers(memory=64 << 20)
    reader.open()
    try:
        assert len(await reader.run(bytes_of, 8 << 20)) == 8 << 20
        await fails(reader, bytes_of, 80 << 20)
    finally:
        reader.close()


async def test_many_runs_at_once_share_the_workers(reader: Workers) -> None:
    await asyncio.gather(reader.run(worker), reader.run(worker))
    hangs = [asyncio.create_task(fails(reader, hang, timeout=0.3)) for _ in range(3)]
    results = await asyncio.gather(*(reader.run(echo, number) for number in range(20)))
    assert results == list(range(20))
    await asyncio.gather(*hangs)
    pids = await asyncio.gather(*(reader.run(slow_worker, 0.02) for _ in range(20)))
    assert 1 <= len(set(pids)) <= 2


async def test_a_worker_is_replaced_after_its_share_of_tasks() -> None:
    reader = Workers(workers=1, tasks=3)
    reader.open()
    try:
        pids = [await reader.run(worker) for _ in range(7)]
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
        await eventually(lambda: not alive(pids[0]) and not alive(pids[3]))
    finally:
        reader.close()


async def test_a_worker_that_somebody_killed_is_not_used_again(reader: Workers) -> None:
    pid = await reader.run(worker)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 — it is dead already
    assert await reader.run(worker) != pid


async def test_a_run_that_nobody_waits_for_leaves_the_worker_usable() -> None:
    reader = Workers(workers=1)
    reader.open()
    try:
        pid = await reader.run(worker)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.run(slow_worker, 0.3)
        assert await reader.run(worker) == pid
    finally:
        reader.close()


@pytest.mark.parametrize("result", ["bytes", "json"])
async def test_a_large_result_does_not_hold_up_the_event_loop(reader: Workers, result: str) -> None:
    """The best of three, as other tests may hold the machine up."""
    await reader.run(worker)
    worst = []
    for _ in range(3):
        longest = 0.0
        done = asyncio.Event()

        async def watch() -> None:
            nonlocal longest
            before = time.monotonic()
            while not done.is_set():  # noqa: B023
                await asyncio.sleep(0.001)
                longest = max(longest, time.monotonic() - before)
                before = time.monotonic()

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        if result == "bytes":
            assert len(await reader.run(bytes_of, 50_000_000, timeout=30)) == 50_000_000
        else:
            assert len(await reader.run(json_of, 30_000, timeout=30)) == 30_000
        done.set()
        await watching
        worst.append(longest)
        if longest < 0.1:
            break
    assert min(worst) < 0.1, worst


# -- the end ------------------------------------------------------------------------------------------------


async def test_nothing_is_started_before_it_is_needed() -> None:
    before = threading.active_count()
    reader = Workers()
    reader.open()
    reader.close()
    assert threading.active_count() == before


async def test_close_leaves_no_process_behind() -> None:
    reader = Workers()
    reader.open()
    pids = set(await asyncio.gather(*(reader.run(slow_worker, 0.2) for _ in range(2))))
    assert len(pids) == 2
    running = [asyncio.create_task(reader.run(hang_in_c, timeout=30)) for _ in range(5)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 2
    assert not any(map(alive, pids))
    for run in running:
        with pytest.raises(CollabError) as raised:
            await run
        assert raised.value.code == "draining"
    with pytest.raises(CollabError, match="draining"):
        await reader.run(worker)
    reader.close()
    reader.open()
    assert await reader.run(echo, "again") == "again"
    reader.close()


async def test_the_keyboard_does_not_reach_a_worker(reader: Workers) -> None:
    pid = await reader.run(worker)
    os.kill(pid, signal.SIGINT)
    assert await reader.run(worker) == pid
    assert os.getpgid(pid) != os.getpgid(0)


async def test_a_worker_does_not_see_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLAB_JWT_SECRET", "secret")
    reader = Workers()
    reader.open()
    assert await reader.run(secrets) == []
    reader.close()


SCRIPT = """
    import asyncio, sys
    from collab.errors import CollabError
    from collab.content.workers import Workers
    from tests.unit.test_workers import note_and_hang, worker

    async def main():
        reader = Workers()
        reader.open()
        try:
            print(await reader.run(worker), flush=True)
            if sys.argv[1] == "idle":
                await asyncio.sleep(60)
            await reader.run(note_and_hang, sys.argv[1], timeout=60)
        finally:
            reader.close()

    asyncio.run(main())
"""


@contextlib.contextmanager
def server(busy: Path | None) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a reader, whose worker writes its id to ``busy`` and hangs, or is idle."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(busy or "idle")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def hanging(busy: Path) -> int:
    """The id of the worker that hangs."""
    await eventually(lambda: busy.exists() and busy.read_text() != "")
    return int(busy.read_text())


async def test_interrupted_from_the_keyboard_it_ends_with_its_workers(tmp_path: Path) -> None:
    with server(tmp_path / "busy") as process:
        pid = await hanging(tmp_path / "busy")
        assert alive(pid)
        os.killpg(process.pid, signal.SIGINT)
        await eventually(lambda: process.poll() is not None)
        assert not running(pid)


async def test_a_busy_worker_does_not_outlive_a_server_that_was_killed(tmp_path: Path) -> None:
    with server(tmp_path / "busy") as process:
        pid = await hanging(tmp_path / "busy")
        process.kill()
        process.wait()
        await eventually(lambda: not running(pid), timeout=5)


async def test_an_idle_worker_does_not_outlive_a_server_that_was_killed() -> None:
    with server(None) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert alive(pid)
        process.kill()
        process.wait()
        await eventually(lambda: not running(pid), timeout=5)


def test_a_worker_ends_itself_when_it_is_late_and_nobody_ends_it() -> None:
    """The last resort, without the server's clock: the kernel's."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import tests.unit.test_workers as t; t.alone_and_late()"], cwd=ROOT
    )
    try:
        assert process.wait(20) == -signal.SIGALRM
    finally:
        process.kill()
        process.wait()
