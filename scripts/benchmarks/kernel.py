"""What the kernel keeps for those who measure and are measured: sockets, their buffers, page tables, file entries."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


class KernelMemory:
    """Grown by how much since it was made.

    The kernel does not say whose buffers are whose, so both ends of every connection count, and whatever else
    happens in the same cgroup, or on the machine: compare figures of one quiet run.

    Attributes:
        source: what is read, in words for people.
    """

    def __init__(self, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        self._proc = proc
        self._files: list[Path] = []
        self.source = "buffers of all TCP sockets of the machine, from /proc/net/sockstat"
        for line in _text(proc / "self/cgroup").splitlines():
            controllers, path = line.split(":", 2)[1:]
            if controllers == "" and "kernel " in _text(stat := _inside(cgroups, path) / "memory.stat"):
                self._files = [stat]
            elif "memory" in controllers.split(","):
                folder = _inside(cgroups / "memory", path)
                used = [folder / "memory.kmem.usage_in_bytes", folder / "memory.kmem.tcp.usage_in_bytes"]
                self._files = [file for file in used if _text(file).strip().isdigit()]
            if self._files:
                self.source = "kernel memory of this cgroup"
                break
        self._before = self._now()

    def grown(self) -> int:
        """Bytes; 0 where it shrank."""
        return max(0, self._now() - self._before)

    def _now(self) -> int:
        if not self._files:
            for line in _text(self._proc / "net/sockstat").splitlines():
                if line.startswith("TCP:"):
                    return int(line.split()[-1]) * _PAGE
            return 0
        total = 0
        for file in self._files:
            text = _text(file)
            if file.name != "memory.stat":
                total += int(text or 0)
                continue
            for line in text.splitlines():
                name, _, value = line.partition(" ")
                if name in ("kernel", "sock"):
                    total += int(value)
        return total


def _inside(root: Path, path: str) -> Path:
    """The folder of a cgroup; in a container its path may be one that only the host has."""
    folder = root / path.lstrip("/")
    return folder if folder.is_dir() else root


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
