"""One types, very many look on, and everybody is seen to be there: a lecture, a release, an incident."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.load import Metronome, Present
from benchmarks.servers import Server
from benchmarks.workloads.base import WINDOW_COLUMNS, Column, Options, Outcome, Workload, running
from benchmarks.workloads.typing import SEND_COLUMNS, Crowd, Plan, check, measure

_RATE = 20.0
#: seconds after which a Yjs client says again that it is there
_RENEWAL = 15.0
#: seconds without news after which everybody knows of everybody, and how long that may take
_CALM, _GATHERING = 1.0, 120.0
_SETTINGS = {"max-participants": "5000", "max-connections-per-ip": "100000"}


async def _run(server: Server, options: Options, observers: int) -> Outcome:
    """Everything that the server does for them is divided by what was typed and by who saw it."""
    seconds = options.window(10.0)
    async with running(server, options, _SETTINGS) as process:
        plan = Plan(documents=1, people=observers + 1, typists=1, rate=_RATE)
        crowd = await Crowd.gather(server, process, plan)
        there = [Present(client, moves=client is crowd.clients[0]) for client in crowd.clients]
        for one in there:
            one.act(0.0)
            await asyncio.sleep(0)
        outcome = Outcome()
        if not await _calm(crowd):
            outcome.remarks.append(f"still told of who is there after {_GATHERING:.0f} s")
        # The cursor of whoever types moves with each key.
        beats = [Metronome(crowd.typists, _RATE), Metronome(there[:1], _RATE), Metronome(there[1:], 1 / _RENEWAL)]
        for beat in beats:
            beat.start()
        await asyncio.sleep(options.warm_up)
        measured = await measure(process, crowd.ledger, seconds)
        for beat in beats:
            beat.stop()
        outcome.figures |= measured.figures()
        outcome.remarks += measured.remarks()
        await check(crowd, outcome)
        crowd.leave()
    return outcome


async def _calm(crowd: Crowd) -> bool:
    """Wait until nothing has come for a while."""
    end = time.perf_counter() + _GATHERING
    before = -1
    while time.perf_counter() < end:
        if crowd.ledger.messages == before:
            return True
        before = crowd.ledger.messages
        await asyncio.sleep(_CALM)
    return False


def _of(observers: int) -> Callable[[Server, Options], Coroutine[Any, Any, Outcome]]:
    async def run(server: Server, options: Options) -> Outcome:
        return await _run(server, options, observers)

    return run


_COLUMNS = (
    Column("cpu_us", "CPU us/edit and observer", "{:,.2f}"),
    *SEND_COLUMNS,
    Column("p50_ms", "seen p50 ms", "{:,.1f}"),
    Column("p99_ms", "p99 ms", "{:,.1f}"),
    Column("ack_p50_ms", "ack p50 ms", "{:,.1f}"),
    Column("ack_p99_ms", "p99 ms", "{:,.1f}"),
    *WINDOW_COLUMNS,
)
OBSERVERS = Workload(
    "observers",
    "1 document, 1 person typing 20 keys/s, 500 observers; all with presence",
    _COLUMNS,
    "cpu_us",
    _of(500),
    long=True,
    relayed=True,
)
MORE_OBSERVERS = Workload(
    "observers-1500",
    "1 document, 1 person typing 20 keys/s, 1,500 observers; all with presence",
    _COLUMNS,
    "cpu_us",
    _of(1500),
    long=True,
    relayed=True,
)
