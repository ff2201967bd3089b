"""How long a server's event loop stood still, as the server itself saw it."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PROBE = """
import asyncio, time
import collab.app

serve = collab.app.serve

async def probed(settings):
    async def look():
        longest = 0.0
        await asyncio.sleep(1.0)  # what starting takes is another matter
        while True:
            before = time.thread_time()  # CPU time: what others on this machine take does not count
            await asyncio.sleep(0.005)
            took = time.thread_time() - before
            if took > longest:
                longest = took
                with open(%r, "w") as file:
                    file.write(str(longest))

    looking = asyncio.get_running_loop().create_task(look())
    try:
        return await serve(settings)
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
        self._notes = folder / "longest"
        (folder / "sitecustomize.py").write_text(_PROBE % str(self._notes))
        self.env = {"PYTHONPATH": f"{folder}:{_ROOT}"}

    def longest(self) -> float:
        """Seconds of CPU between two turns of the loop, at most."""
        return float(self._notes.read_text())
