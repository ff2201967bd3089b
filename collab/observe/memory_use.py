"""How much memory is in use, and how much may be: of this process as a setting says, of its cgroup as that says.

The kernel ends what is in a cgroup that has reached its limit. What counts there is everything of all its processes but
for files that it can drop from its cache (what Kubernetes calls the working set).
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PAGE = resource.getpagesize()
#: a limit of cgroup v1 that is as large is none
_NO_LIMIT = 2**60


@dataclass(frozen=True, slots=True)
class MemoryBound:
    """A bound: bytes that may be used, and a way to ask how many are."""

    limit: int
    used: Callable[[], int]
    of: str


class MemoryUse:
    """Compares with each bound there is.

    Args:
        bounds: those; none: memory is nobody's business here.
    """

    def __init__(self, bounds: list[MemoryBound]) -> None:
        self.bounds = bounds

    @classmethod
    def of(cls, setting: int | None, root: Path = Path("/")) -> MemoryUse:
        """That of this process, and of its cgroup.

        Args:
            setting: bytes that this process may use; None: what its cgroup allows; 0: as many as there are.
            root: where ``proc`` and ``sys`` are.
        """
        if setting == 0:
            return cls([])
        bounds = cgroup_bounds(root)
        if setting is not None:
            bounds.append(MemoryBound(setting, resident, "max-memory"))
        return cls(bounds)

    def tightest(self) -> tuple[MemoryBound, int] | None:
        """The bound that is nearest, and bytes that count against it now; None: there is no bound."""
        asked = [(bound, bound.used()) for bound in self.bounds]
        return max(asked, key=lambda one: one[1] / one[0].limit, default=None)


def resident() -> int:
    """Bytes of this process that are in memory; the most that it ever had where the kernel does not say."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def oom_kills(root: Path = Path("/")) -> int | None:
    """How many processes of our cgroup the kernel has ended for want of memory; None: it does not say."""
    for folder, *_ in _hierarchies(root):
        for name in ("memory.events", "memory.oom_control"):
            try:
                counts = dict(line.split(maxsplit=1) for line in (folder / name).read_text().splitlines())
                return int(counts["oom_kill"])
            except (OSError, ValueError, KeyError):
                continue
    return None


def cgroup_bounds(root: Path) -> list[MemoryBound]:
    """The least limit of this process's cgroup and those above it, of v2 and of v1; none where there is none."""
    total = _total_memory()
    found = []
    for folder, limits, used, stat in _hierarchies(root):
        allowed: list[tuple[int, Path]] = []
        for each in (folder, *folder.parents):
            allowed += [(limit, each) for name in limits if (limit := _number(each / name)) is not None]
            if each == root / "sys/fs/cgroup":
                break
        limit, where = min(allowed, default=(_NO_LIMIT, folder))
        if 0 < limit < min(_NO_LIMIT, total) and _number(where / used) is not None:
            found.append(MemoryBound(limit, _working_set(where, used, stat), f"cgroup {where.relative_to(root)}"))
    return found


def _hierarchies(root: Path) -> list[tuple[Path, tuple[str, ...], str, str]]:
    """Where the cgroup of this process is, what its files of limits and of use are called, and a word of its counts."""
    mounted = root / "sys/fs/cgroup"
    found: list[tuple[Path, tuple[str, ...], str, str]] = []
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found.append((_there(mounted, path), ("memory.max", "memory.high"), "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            used, stat = "memory.usage_in_bytes", "total_inactive_file"
            found.append((_there(mounted / "memory", path), ("memory.limit_in_bytes",), used, stat))
    return found


def _there(mounted: Path, path: str) -> Path:
    """Inside a container the path may be that of the host; then what is mounted is its cgroup."""
    folder = mounted / path.strip("/")
    return folder if folder.is_dir() else mounted


def _working_set(folder: Path, used: str, stat: str) -> Callable[[], int]:
    def ask() -> int:
        taken = _number(folder / used) or 0
        try:
            counts = dict(line.split(maxsplit=1) for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            counts = {}
        return max(0, taken - int(counts.get(stat, 0)))

    return ask


def _number(path: Path) -> int | None:
    """What a file says; None: it says ``max``, or there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _total_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * _PAGE
    except (OSError, ValueError):
        return _NO_LIMIT
