"""Fifty people open a big document at the same moment."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from functools import cache
from typing import Any

from pycrdt import Doc, Text

from benchmarks.client import Client
from benchmarks.ledger import Ledger, latency_of
from benchmarks.load import Typist, admit, until
from benchmarks.process import HOST, CpuReading, CpuWindow
from benchmarks.servers import OUTPUT, REPOSITORY, Server
from benchmarks.updates import ROOT
from benchmarks.verify import text_of
from benchmarks.workloads.base import (
    WINDOW_COLUMNS,
    Column,
    Options,
    Outcome,
    Workload,
    memory_figures,
    running,
)
from benchmarks.workloads.typing import summary

PAPER = REPOSITORY / "tests" / "data" / "automerge-paper.json.gz"
_DOCUMENT = "paper"
_PEOPLE = 50
_ROUNDS = 8
_AUTHOR, _FIRST_READER = 900_000_001, 910_000_001


@cache
def paper() -> bytes:
    """The Yjs state of the 260,000 keystrokes in which a real paper was written.

    Raises:
        RuntimeError: replaying them does not lead to the text that was recorded.
    """
    trace = json.loads(gzip.decompress(PAPER.read_bytes()))
    kept = OUTPUT / "paper.yjs"
    state = kept.read_bytes() if kept.exists() else _replay(trace["txns"])
    if text_of([state]) != trace["endContent"]:
        kept.unlink(missing_ok=True)
        raise RuntimeError("the recorded keystrokes do not lead to the recorded text")
    kept.write_bytes(state)
    return state


def _replay(transactions: list[dict[str, Any]]) -> bytes:
    """Type it again, one transaction per keystroke; takes some ten seconds."""
    doc: Doc[Text] = Doc(client_id=_AUTHOR - 1)
    text = doc.get(ROOT, type=Text)
    for transaction in transactions:
        for at, deleted, inserted in transaction["patches"]:
            for _ in range(deleted):
                del text[at]
            if inserted:
                text.insert(at, inserted)
    return doc.get_update()


async def run(server: Server, options: Options) -> Outcome:
    """Rounds of joins; before each the author types a character, so that every state is a new one."""
    rounds = 3 if options.quick else _ROUNDS
    ledger = Ledger()
    wire = server.make_wire()
    cpu, load, others, latencies = 0.0, 0.0, 0.0, []
    outcome = Outcome()
    async with running(server, options) as process:
        author = Client(wire, _DOCUMENT, ledger, _AUTHOR)
        await author.join(HOST, process.port)
        author.write(wire.edit(_DOCUMENT, paper(), 0))
        probe = await _wait_for_paper(server, process.port, ledger)
        typist = Typist(author, ledger)
        expected: set[str] = set()
        seen: dict[bytes, str] = {}
        for number in range(rounds + 1):
            typist.act(time.perf_counter())
            typist.flush()
            if not await until(lambda: probe.reached.get(_AUTHOR, 0) == typist.typed, 10.0):
                outcome.problems.append("a keystroke did not arrive")
            before = CpuReading.take(process)
            began = time.perf_counter()
            readers = await admit(
                wire, process.port, [_DOCUMENT] * _PEOPLE, ledger, at_once=_PEOPLE, first_yjs_id=_FIRST_READER
            )
            window = CpuWindow.between(before, CpuReading.take(process))
            if number:  # the first round warms up
                cpu += window.server_seconds
                load, others = max(load, window.load_share), max(others, window.others_share)
                latencies += [reader.joined_at - began for reader in readers]
            states = {reader.state or b"" for reader in readers}
            expected = {text_of([paper(), *probe.updates])}
            for state in states - seen.keys():
                seen[state] = text_of([state]) if state else ""
            if {seen[state] for state in states} != expected:
                outcome.problems.append("somebody joined and has another text")
            outcome.problems += summary([words for reader in readers for words in reader.refusals])
            outcome.figures |= memory_figures(process)
            for reader in readers:
                reader.leave()
            await asyncio.sleep(0.3)
        author.leave()
        probe.leave()
    latency = latency_of(latencies)
    outcome.figures |= {
        "cpu_ms": 1000 * cpu / (rounds * _PEOPLE),
        "p50_ms": latency.p50,
        "p99_ms": latency.p99,
        "load_percent": 100 * load,
        "others_percent": 100 * others,
    }
    return outcome


async def _wait_for_paper(server: Server, port: int, ledger: Ledger) -> Client:
    """Somebody who is in the document, and knows that the paper is."""
    wire = server.make_wire()
    end = time.perf_counter() + 30.0
    while True:
        probe = Client(wire, _DOCUMENT, ledger, _AUTHOR + 1)
        await probe.join(HOST, port)
        if probe.state is not None and len(probe.state) > len(paper()) // 2:
            return probe
        probe.leave()
        if time.perf_counter() > end:
            raise TimeoutError("the paper did not arrive at the server")
        await asyncio.sleep(0.2)


JOINS = Workload(
    "joins",
    "50 people open the same 260,000-keystroke document at once",
    (
        Column("cpu_ms", "CPU ms/join", "{:,.2f}"),
        Column("p50_ms", "join p50 ms", "{:,.0f}"),
        Column("p99_ms", "join p99 ms", "{:,.0f}"),
        *WINDOW_COLUMNS,
    ),
    "cpu_ms",
    run,
)
