"""Memory is given back when most of what was there has gone, and once."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from collab.observe import trimming
from collab.observe.trimming import HEAPS, Trimming
from tests.support.server import CollabServer


@pytest.mark.parametrize(
    ("counts", "due"),
    [
        ([100, 100, 60, 51, 50, 50, 20, 0], [5, 7, 8]),
        ([10, 0, 5, 0], []),
        ([100, 0, 0, 100, 0], [2, 5]),
    ],
)
def test_it_is_due_when_half_of_the_most_has_gone(counts: list[int], due: list[int]) -> None:
    left = iter(counts)
    looks = Trimming(lambda: next(left), None)
    assert [number for number, _ in enumerate(counts, 1) if looks.due()] == due


async def test_it_looks_again_and_again_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "INTERVAL", 0.001)
    trimmed = asyncio.Event()
    loop = asyncio.get_running_loop()
    busy = 100

    def trim() -> None:
        loop.call_soon_threadsafe(trimmed.set)

    def count() -> int:
        nonlocal looked
        looked += 1
        return busy

    looked = 0
    looks = Trimming(count, trim)
    looks.open()
    async with asyncio.timeout(5):
        while looked < 5:
            await asyncio.sleep(0.001)
    assert not trimmed.is_set()
    busy = 0
    await asyncio.wait_for(trimmed.wait(), 5)
    await looks.close()
    await looks.close()


#: eight threads at once that all want memory, and the heaps that it came from
THREADS = """
import ctypes, sys, threading
from collab.observe.trimming import share_heaps
print(share_heaps(), flush=True)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(8)
def work():
    together.wait()
    assert libc.malloc(ctypes.c_size_t(100_000))
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="glibc's")
@pytest.mark.parametrize(
    ("env", "shared", "most"),
    [
        ({}, True, HEAPS),
        ({"MALLOC_ARENA_MAX": "5"}, False, 5),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=5"}, False, 5),
    ],
)
def test_threads_share_heaps_unless_the_environment_says_how_many(env: dict[str, str], shared: bool, most: int) -> None:
    ours = {key: value for key, value in os.environ.items() if key not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}
    out = subprocess.run(
        [sys.executable, "-c", THREADS], env=ours | env, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert out.startswith(f"{shared}\n")
    assert 1 < out.count("<heap nr=") <= most
    assert shared or out.count("<heap nr=") > HEAPS


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="glibc's")
def test_the_server_s_threads_share_heaps(start_server: Callable[..., CollabServer], tmp_path: Path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/store.db")
    assert len(list(Path(f"/proc/{server.pid}/task").iterdir())) > HEAPS + 1
    assert heaps_beside_the_first(server.pid) < HEAPS


def heaps_beside_the_first(pid: int) -> int:
    """glibc takes 64 MiB of addresses for each, at a multiple of them, of which it uses the beginning."""
    areas: list[tuple[int, int, str]] = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        area, rights = line.split(maxsplit=2)[:2]
        begin, end = (int(edge, 16) for edge in area.split("-"))
        areas.append((begin, end, rights))
    return sum(
        begin % 2**26 == 0 and rights == "rw-p" and beyond == begin + 2**26 and rights_there == "---p"
        for (begin, _, rights), (_, beyond, rights_there) in pairwise(areas)
    )
