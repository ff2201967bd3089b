"""What the benchmarks read and compute: the kernel's memory, multiples of the floor, messages that come in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.kernel import KernelMemory
from benchmarks.report import Result
from benchmarks.websocket import bytes_needed, server_frames
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Outcome


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_kernels_share_of_memory_is_what_grew(tmp_path: Path) -> None:
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    _write(proc / "net/sockstat", "sockets: used 5\nTCP: inuse 2 orphan 0 tw 0 alloc 2 mem 3\nUDP: inuse 0 mem 0\n")
    bare = KernelMemory(proc, cgroups)
    _write(proc / "net/sockstat", "TCP: inuse 2 orphan 0 tw 0 alloc 2 mem 5\n")
    assert (bare.grown() > 0, "sockstat" in bare.source) == (True, True)
    _write(proc / "net/sockstat", "TCP: inuse 2 orphan 0 tw 0 alloc 2 mem 1\n")
    assert bare.grown() == 0

    _write(proc / "self/cgroup", "4:memory:/one\n0::/\n")
    used = cgroups / "memory/one"
    _write(used / "memory.kmem.usage_in_bytes", "1000\n")
    _write(used / "memory.kmem.tcp.usage_in_bytes", "10\n")
    first = KernelMemory(proc, cgroups)
    _write(used / "memory.kmem.usage_in_bytes", "1500\n")
    assert (first.grown(), first.source) == (500, "kernel memory of this cgroup")

    _write(proc / "self/cgroup", "0::/one\n")
    _write(cgroups / "one/memory.stat", "anon 9\nkernel 100\nsock 10\nkernel_stack 7\n")
    second = KernelMemory(proc, cgroups)
    _write(cgroups / "one/memory.stat", "anon 99\nkernel 300\nsock 20\nkernel_stack 9\n")
    assert second.grown() == 210


def test_every_figure_is_a_multiple_of_the_floors_too() -> None:
    result = Result(WORKLOADS["typist"])
    result.rounds["collab"] = [Outcome({"cpu_us": 9.0, "p50_ms": 2.0, "ack_p50_ms": 1.0, "load_percent": 50.0})]
    assert result.of_floor("collab") == {}, "nothing to compare with"
    result.rounds["floor"] = [Outcome({"cpu_us": 6.0, "p50_ms": 0.5, "load_percent": 25.0})]
    assert result.of_floor("collab") == {"cpu_us": 1.5, "p50_ms": 4.0}
    assert result.of_floor("floor") == {}


def test_what_the_log_costs_is_ours_against_ours_in_memory() -> None:
    result = Result(WORKLOADS["typist"])
    result.rounds["collab"] = [Outcome({"cpu_us": 9.0})]
    result.rounds["collab-memory"] = [Outcome({"cpu_us": 6.0})]
    result.rounds["collab-ws"] = [Outcome({"cpu_us": 8.0})]
    assert (result.ratio("collab-memory"), result.ratio("collab-ws")) == (1.5, None)


@pytest.mark.parametrize("size", [200, 70_000])
def test_how_much_of_a_message_is_still_to_come(size: int) -> None:
    length = b"\x7e" + size.to_bytes(2, "big") if size < 2**16 else b"\x7f" + size.to_bytes(8, "big")
    whole = b"\x82\x03abc" + b"\x82" + length + bytes(size)
    assert server_frames(whole)[1] == len(whole)
    for part in (20, len(whole) - 1):
        assert bytes_needed(whole[:part]) == len(whole)
    assert bytes_needed(whole) <= len(whole)
    assert bytes_needed(whole[:6]) <= 6, "nobody can say yet"
