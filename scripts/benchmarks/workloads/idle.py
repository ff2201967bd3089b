"""Two thousand people look at their documents and do nothing."""

from __future__ import annotations

import asyncio

from benchmarks.ledger import Ledger
from benchmarks.load import admit
from benchmarks.process import CpuReading, CpuWindow
from benchmarks.servers import Server
from benchmarks.workloads.base import MEMORY_COLUMNS, Column, Options, Outcome, Workload, memory_figures, running
from benchmarks.workloads.typing import summary

_CONNECTIONS = 2000
_DOCUMENTS = 200
#: people who come and go first, so that what a server allocates once does not count
_FIRST_GUESTS = 200
_SETTLING = 3.0
#: longer than the heartbeat of every server here
_SECONDS = 32.0


async def run(server: Server, options: Options) -> Outcome:
    """Memory by the growth of RSS; CPU over more than one heartbeat."""
    ledger = Ledger()
    outcome = Outcome()
    settings = {"max-connections-per-ip": "100000"}
    names = [f"bench-{number % _DOCUMENTS}" for number in range(_CONNECTIONS)]
    async with running(server, options, settings) as process:
        guests = await admit(server.make_wire(), process.port, ["lobby"] * _FIRST_GUESTS, ledger)
        for guest in guests:
            guest.leave()
        await asyncio.sleep(_SETTLING)
        before = process.rss_bytes()
        clients = await admit(server.make_wire(), process.port, names, ledger)
        await asyncio.sleep(_SETTLING)
        after = process.rss_bytes()
        begin = CpuReading.take(process)
        await asyncio.sleep(options.window(_SECONDS))
        window = CpuWindow.between(begin, CpuReading.take(process))
        outcome.problems += summary([words for client in clients for words in client.refusals])
        outcome.figures = {
            "kb_per_connection": (after - before) / 1024 / _CONNECTIONS,
            "cpu_percent": 100 * window.server_seconds / window.seconds,
            **memory_figures(process),
            "load_percent": 100 * window.load_share,
            "others_percent": 100 * window.others_share,
        }
        if window.seconds < _SECONDS:
            outcome.remarks.append("shorter than a heartbeat: the CPU figure says little")
        for client in clients:
            client.leave()
    return outcome


IDLE = Workload(
    "idle",
    "2,000 idle connections in 200 documents",
    (
        Column("kb_per_connection", "KB/connection", "{:,.1f}"),
        Column("cpu_percent", "CPU %", "{:.2f}"),
        *MEMORY_COLUMNS,
    ),
    "kb_per_connection",
    run,
)
