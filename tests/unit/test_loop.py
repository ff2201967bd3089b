"""The lag of the event loop is measured, and a stall is told."""

from __future__ import annotations

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from collab.metrics import LOOP_LAG, LOOP_STALLS
from collab.observe.loop import INTERVAL, STALL, LoopLag


@pytest.mark.slow
async def test_a_stall_is_counted_and_told_once() -> None:
    lag = LoopLag()
    stalls = LOOP_STALLS.values[()]
    with capture_logs() as lines:
        lag.start()
        _stand_still()
        async with asyncio.timeout(10):
            while LOOP_STALLS.values[()] == stalls:
                await asyncio.sleep(0.01)
        lag.stop()
    assert lag.latest >= STALL
    assert lines[0]["event"] == "loop stalled"
    assert lines[0]["seconds"] >= STALL


def _stand_still() -> None:
    time.sleep(INTERVAL + STALL + 0.1)


async def test_nothing_is_measured_after_the_end() -> None:
    lag = LoopLag()
    lag.start()
    lag.stop()
    lag.stop()
    before = sum(LOOP_LAG.of[()].counts)
    await asyncio.sleep(INTERVAL * 1.5)
    assert sum(LOOP_LAG.of[()].counts) == before
