"""Does it cost more to join a large document when somebody has just typed in it?"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from pycrdt import Doc, Text

from benchmarks.client import Client
from benchmarks.ledger import Ledger
from benchmarks.load import Typist, until
from benchmarks.process import HOST, CpuReading, CpuWindow, ServerProcess
from benchmarks.servers import Server
from benchmarks.updates import PROSE, ROOT
from benchmarks.verify import text_of
from benchmarks.workloads.base import WINDOW_COLUMNS, Column, Options, Outcome, Workload, memory_figures, running
from benchmarks.workloads.joins import paper
from benchmarks.workloads.typing import UNHURRIED

_DOCUMENT = "large"
_BYTES = 20 * 2**20
#: not every server takes a message beyond a megabyte
_PIECE = 2**19
_JOINS = 10
_AUTHOR = 900_000_001
_ARRIVING = 60.0
#: a server that takes less than this share of a core for so many seconds has nothing more to do
_IDLE, _QUIET = 0.05, 3.0


def _pieces(size: int) -> list[bytes]:
    """Updates that make a document of about ``size`` bytes: a real paper, and more text."""
    doc: Doc[Text] = Doc(client_id=_AUTHOR + 1)
    text = doc.get(ROOT, type=Text)
    doc.apply_update(paper())
    pieces = [paper()]
    subscription = doc.observe(lambda event: pieces.append(event.update))
    for _ in range(max(1, (size - len(paper())) // _PIECE)):
        text += (PROSE * (_PIECE // len(PROSE) + 1))[:_PIECE]
    doc.unobserve(subscription)
    return pieces


async def _rest(process: ServerProcess) -> None:
    """Wait until the server has done with the document: kept it, compacted it."""
    end = time.perf_counter() + _ARRIVING
    while time.perf_counter() < end:
        before = process.cpu_seconds()
        await asyncio.sleep(_QUIET)
        if process.cpu_seconds() - before < _IDLE * _QUIET:
            return


async def run(server: Server, options: Options) -> Outcome:
    """One after the other joins; first nothing happens between them, then somebody types a character each time."""
    joins = 3 if options.quick else _JOINS
    pieces = _pieces(_BYTES // 4 if options.quick else _BYTES)
    ledger, wire, outcome = Ledger(), server.make_wire(), Outcome()
    cpu: dict[str, list[float]] = {"fresh": [], "pending": []}
    took: dict[str, list[float]] = {"fresh": [], "pending": []}
    load = others = 0.0
    async with running(server, options, UNHURRIED) as process:
        author = Client(wire, _DOCUMENT, ledger, _AUTHOR)
        probe = Client(wire, _DOCUMENT, ledger, _AUTHOR + 2)
        for client in (author, probe):
            await client.join(HOST, process.port)
        for number, piece in enumerate(pieces):
            author.write(wire.edit(_DOCUMENT, piece, number))
        size = sum(map(len, pieces))
        if not await until(lambda: sum(map(len, probe.updates)) >= 0.9 * size, _ARRIVING):
            raise TimeoutError("the document did not arrive")
        await _rest(process)
        typist = Typist(author, ledger)
        newcomer = _AUTHOR + 10
        for kind in ("fresh", "pending"):
            for number in range(joins + 1):
                if kind == "pending" or not number:
                    typist.act(time.perf_counter())
                    typist.flush()
                    if not await until(lambda: probe.reached.get(_AUTHOR, 0) == typist.typed, _ARRIVING):
                        outcome.problems.append("a keystroke did not arrive")
                newcomer += 1
                guest = Client(wire, _DOCUMENT, ledger, newcomer)
                before, began = CpuReading.take(process), time.perf_counter()
                await guest.join(HOST, process.port)
                window = CpuWindow.between(before, CpuReading.take(process))
                if number:  # the first of them warms up
                    cpu[kind].append(1000 * window.server_seconds)
                    took[kind].append(1000 * (guest.joined_at - began))
                    load, others = max(load, window.load_share), max(others, window.others_share)
                if text_of([guest.state or b""]) != text_of(probe.updates):
                    outcome.problems.append("somebody joined and has another text")
                guest.leave()
        outcome.figures |= memory_figures(process)
        author.leave()
        probe.leave()
    outcome.figures |= {
        "fresh_cpu_ms": median(cpu["fresh"]),
        "pending_cpu_ms": median(cpu["pending"]),
        "fresh_ms": median(took["fresh"]),
        "pending_ms": median(took["pending"]),
        "megabytes": size / 2**20,
        "load_percent": 100 * load,
        "others_percent": 100 * others,
    }
    return outcome


PENDING_JOINS = Workload(
    "pending-joins",
    "join a document of 20 MB, with nothing new in it and with one new edit per joiner",
    (
        Column("fresh_cpu_ms", "CPU ms/join, nothing new", "{:,.1f}"),
        Column("pending_cpu_ms", "CPU ms/join, one edit", "{:,.1f}"),
        Column("fresh_ms", "join ms, nothing new", "{:,.0f}"),
        Column("pending_ms", "join ms, one edit", "{:,.0f}"),
        Column("megabytes", "MB", "{:,.1f}"),
        *WINDOW_COLUMNS,
    ),
    "pending_cpu_ms",
    run,
    long=True,
)
