"""How a server ends: it lets people and programs go, and saves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from collab.doors.door import Door
from collab.hub.hub import Hub

#: waves in which clients are asked to reconnect when the server drains
DRAIN_WAVES = 5
#: seconds that a server alone takes to save before it lets anybody go
SAVE_FIRST = 1.0
#: seconds that the last edits have to be saved, whatever the waves took
LAST_EDITS = 0.5

_log = structlog.get_logger("collab.app")


async def drain(hub: Hub, doors: Sequence[Door], timeout: float) -> bool:
    """Let programs and people go, and save.

    Who has neighbours sends people to them in waves. One server alone sends all of them away as soon as its work is
    saved: they come back to the one that follows it.

    Args:
        timeout: seconds that it may take.

    Returns:
        False where something could not be saved.
    """
    loop = asyncio.get_running_loop()
    began, deadline = time.monotonic(), loop.time() + timeout
    hub.draining = True
    people = sum(len(live.sessions) for live in hub.documents.values())
    _log.info("draining", people=people, documents=len(hub.documents), timeout=timeout)
    if people:
        hub.announce_drain(timeout)
    waves, pause = 1, 0.0
    if hub.cluster.nodes > 1:
        waves = min(DRAIN_WAVES, max(1, people // 20))
        pause = min(1.0, timeout / (4 * waves))
    else:
        await hub.drain(min(timeout, SAVE_FIRST))
    await asyncio.gather(*(door.drain(waves, pause) for door in doors))
    saved = await hub.drain(max(LAST_EDITS, deadline - loop.time()))
    if not saved:
        unsaved = [live.journal.backlog for live in hub.documents.values() if not live.journal.clean]
        _log.error(
            "stopped with unsaved edits",
            documents=len(unsaved), unsaved=sum(count for count, _, _ in unsaved),
            bytes=sum(size for _, size, _ in unsaved),
        )  # fmt: skip
    _log.info("drained", seconds=round(time.monotonic() - began, 1), saved=saved)
    return saved
