"""Everybody moves a cursor and sees everybody else's."""

from __future__ import annotations

import asyncio

from benchmarks.ledger import Ledger
from benchmarks.load import Metronome, Pointer, admit, until
from benchmarks.servers import Server
from benchmarks.workloads.base import WINDOW_COLUMNS, Column, Options, Outcome, Workload, running
from benchmarks.workloads.typing import SEND_COLUMNS, measure, summary

_PEOPLE = 50
_RATE = 20.0
_SETTLING = 5.0


async def run(server: Server, options: Options) -> Outcome:
    """A move counts as delivered to somebody once it, or a newer one of the same person, is there."""
    ledger = Ledger()
    async with running(server, options) as process:
        clients = await admit(server.make_wire(), process.port, ["bench"] * _PEOPLE, ledger)
        pointers = [Pointer(client, ledger) for client in clients]
        metronome = Metronome(pointers, _RATE)
        metronome.start()
        await asyncio.sleep(options.warm_up)
        measured = await measure(process, ledger, options.window(10.0))
        metronome.stop()

        def settled() -> bool:
            return all(
                client.reached.get(pointer.client.yjs_id, 0) >= len(pointer.sent)
                for client in clients
                for pointer in pointers
            )

        outcome = Outcome(measured.figures(), remarks=measured.remarks())
        if not await until(settled, _SETTLING):
            outcome.problems.append("the newest position of somebody is missing somewhere")
        outcome.problems += summary([words for client in clients for words in client.refusals])
        for client in clients:
            client.leave()
    return outcome


CURSORS = Workload(
    "cursors",
    "1 document, 50 people moving their cursors 20 times/s",
    (
        Column("cpu_us", "CPU us/move seen", "{:,.2f}"),
        *SEND_COLUMNS,
        Column("p50_ms", "newest p50 ms", "{:,.1f}"),
        Column("p99_ms", "newest p99 ms", "{:,.1f}"),
        Column("deliveries_per_second", "moves seen/s", "{:,.0f}"),
        *WINDOW_COLUMNS,
    ),
    "cpu_us",
    run,
    relayed=True,
)
