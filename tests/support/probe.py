"""How long a server's event loop stood still and how many tasks it has, as the server itself sees it."""

from __future__ import annotations

import json
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PROBE = """
import asyncio, json, os, time
import collab.app

serve = collab.app.serve

async def probed(settings, *more):
    async def look():
        longest, known = 0.0, 0
        await asyncio.sleep(1.0)  # what starting takes is another matter
        while True:
            before = time.thread_time()  # CPU time: what others on this machine take does not count
            await asyncio.sleep(0.005)
            took = time.thread_time() - before
            tasks = len(asyncio.all_tasks())
            if took > longest or tasks != known:
                longest, known = max(longest, took), tasks
                with open(%r + ".new", "w") as file:
                    json.dump([longest, tasks], file)
                os.rename(file.name, file.name[:-4])

    looking = asyncio.get_running_loop().create_task(look())
    try:
        return await serve(settings, *more)
    finally:
        looking.cancel()

collab.app.serve = probed
"""


class Probe:
    """Makes a server look at its own event loop.

    Args:
        folder: where it keeps its notes.

    Attributes:
        env: variables with which the server is to be started.
    """

    def __init__(self, folder: Path) -> None:
        self._notes = folder / "notes.json"
        (folder / "sitecustomize.py").write_text(_PROBE % str(self._notes))
        self.env = {"PYTHONPATH": f"{folder}:{_ROOT}"}

    def longest(self) -> float:
        """Seconds of CPU between two turns of the loop, at most."""
        return float(json.loads(self._notes.read_text())[0])

    def tasks(self) -> int:
        """Tasks that there are now."""
        return int(json.loads(self._notes.read_text())[1])
