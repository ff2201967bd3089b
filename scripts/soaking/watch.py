"""What a server needs, seen from outside: memory, descriptors, files; and what is alive inside it, if it is asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.server import CollabServer

#: gauges that are read from /metrics
GAUGES = ("documents_loaded", "sessions_behind", "unsaved_oldest_seconds", "store_bytes")


def memory(pid: int) -> int:
    """Bytes of a process that no file stands behind."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no RssAnon")


def descriptors(pid: int, redis: int = 0) -> Counter[str]:
    """Open descriptors by what they are of: ``socket``, ``socket to Redis``, ``file``, ``deleted file``, ``other``.

    Args:
        redis: the port of it.
    """
    found: Counter[str] = Counter()
    to_redis = _sockets_to(pid, redis)
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            to = os.readlink(each)
            known = "socket to Redis" if to in to_redis else "socket"
            kind = known if to.startswith("socket:") else "file" if to.startswith("/") else "other"
            found["deleted file" if to.endswith(" (deleted)") and "memfd" not in to else kind] += 1
    return found


def _sockets_to(pid: int, port: int) -> set[str]:
    """Sockets that are connected to a port, as their descriptors are called."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if int(row[2].partition(":")[2], 16) == port}


async def gauges(server: CollabServer, http: aiohttp.ClientSession) -> dict[str, float]:
    """What /metrics says of :data:`GAUGES`, and how many sessions there are; empty while it does not answer."""
    found: dict[str, float] = {"sessions": 0.0}
    try:
        async with http.get(f"{server.url}/metrics", timeout=aiohttp.ClientTimeout(5)) as response:
            lines = (await response.text()).splitlines()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return {}
    for line in lines:
        name, _, value = line.rpartition(" ")
        bare = name.partition("{")[0].removeprefix("collab_")
        if bare == "sessions":
            found["sessions"] += float(value)
        elif bare in GAUGES:
            found[bare] = float(value)
    return found


class Inside:
    """Asks a server what is alive in it; it has to run with ``soaking/inside`` on its path."""

    def __init__(self, report: Path) -> None:
        self.report = report
        here = Path(__file__).parent
        #: for the environment of the server
        self.environment = {
            "SOAK_REPORT": str(report),
            "PYTHONPATH": f"{here / 'inside'}:{here.parents[1]}",
        }

    async def look(self, pid: int) -> dict[str, Mapping[str, int]]:
        """``{tasks, timers, objects}``, each with numbers by name."""
        self.report.unlink(missing_ok=True)
        os.kill(pid, signal.SIGRTMIN)
        async with asyncio.timeout(60):
            while not self.report.exists():
                await asyncio.sleep(0.05)
        found: dict[str, Any] = json.loads(self.report.read_text())
        return found


def stayed(looks: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, int]:
    """What there was more of at every look than at the one before, as ``kind name``, and by how much in all."""
    found = {}
    for kind, counts in looks[-1].items():
        for name in counts:
            seen = [look.get(kind, {}).get(name, 0) for look in looks]
            if all(later > earlier for earlier, later in pairwise(seen)):
                found[f"{kind} {name}"] = seen[-1] - seen[0]
    return found
