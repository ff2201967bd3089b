"""How long until an edit is durable, and what the disk alone would take."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from benchmarks.ledger import Latency, latency_of
from benchmarks.load import until
from benchmarks.servers import Server
from benchmarks.workloads.base import WINDOW_COLUMNS, Column, Options, Outcome, Workload
from benchmarks.workloads.typing import Crowd, Measured, Plan, type_together

_PLAN = Plan(documents=50, people=2, typists=2, rate=10)
_BARE_COMMITS = 2000
_SETTLING = 10.0


async def run(server: Server, options: Options) -> Outcome:
    """Everybody asks for the ack of every edit; they are timed from the write of the edit."""

    async def report(crowd: Crowd, measured: Measured, outcome: Outcome) -> None:
        typed = sum(typist.typed for typist in crowd.typists)
        # Others see an edit before it is durable: the last acks come after the last deliveries.
        acks = crowd.ledger.acks
        if not await until(lambda: len(acks) >= typed, _SETTLING):
            outcome.problems.append(f"{typed - len(acks)} of {typed} edits were never acknowledged")
        bare = bare_commits(options.workdir)
        outcome.figures |= {
            "bare_p50_ms": bare.p50,
            "bare_p99_ms": bare.p99,
        }

    return await type_together(server, options, _PLAN, after=report)


def bare_commits(workdir: Path) -> Latency:
    """One WAL commit with ``synchronous=FULL`` per row, one after the other, nothing else."""
    path = workdir / "bare.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE log (position INTEGER PRIMARY KEY, data BLOB)")
        taken = []
        for _ in range(_BARE_COMMITS):
            began = time.perf_counter()
            connection.execute("INSERT INTO log (data) VALUES (?)", (b"x" * 40,))
            taken.append(time.perf_counter() - began)
    finally:
        connection.close()
        for leftover in workdir.glob("bare.db*"):
            leftover.unlink()
    return latency_of(taken)


ACKS = Workload(
    "acks",
    "50 documents, 1,000 edits/s in all, every one acknowledged once it is on disk",
    (
        Column("ack_p50_ms", "ack p50 ms", "{:,.2f}"),
        Column("ack_p99_ms", "ack p99 ms", "{:,.2f}"),
        Column("bare_p50_ms", "bare SQLite p50 ms", "{:,.2f}"),
        Column("bare_p99_ms", "bare SQLite p99 ms", "{:,.2f}"),
        Column("cpu_us", "CPU us/delivery", "{:,.1f}"),
        *WINDOW_COLUMNS,
    ),
    "ack_p99_ms",
    run,
    ours_only=True,
)
