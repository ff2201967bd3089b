"""Does a delivery cost the same among ten documents and ten thousand, to one reader and a thousand?"""

from __future__ import annotations

from benchmarks.process import open_files
from benchmarks.servers import Server
from benchmarks.workloads.base import Column, Options, Outcome, Workload
from benchmarks.workloads.typing import Plan, type_together

_DOCUMENTS = (10, 100, 1_000, 10_000)
_READERS = (1, 3, 10, 30, 100, 300, 1_000)
_UPDATES_PER_SECOND = 800
_SPARE_FILES = 200
#: heartbeats cost by connection and time, not by delivery
_SETTINGS = {
    "max-connections-per-ip": "1000000",
    "max-participants": "5000",
    "ping-interval": "1h",
}


async def run(server: Server, options: Options) -> Outcome:
    """The same 800 updates a second over more and more documents; one typist for more and more readers."""
    outcome = Outcome(series={"documents": [], "readers": []})
    for documents in _DOCUMENTS:
        # Where files are short, some documents have one person, and nobody to type for.
        pairs = min(documents, open_files() - _SPARE_FILES - documents)
        if pairs < documents / 2:
            outcome.remarks.append(f"{documents:,} documents need more open files than are allowed here")
            continue
        rate = _UPDATES_PER_SECOND / (2 * pairs)
        plan = Plan(documents=pairs, people=2, typists=2, rate=rate, silent=documents - pairs)
        await _point(server, options, plan, outcome, "documents", documents)
    for readers in _READERS:
        plan = Plan(documents=1, people=readers + 1, typists=1, rate=100)
        await _point(server, options, plan, outcome, "readers", readers)
    for name, rows in outcome.series.items():
        costs = [row["cpu_us"] for row in rows]
        if costs:
            outcome.figures[f"{name}_first_us"] = costs[0]
            outcome.figures[f"{name}_last_us"] = costs[-1]
    return outcome


async def _point(server: Server, options: Options, plan: Plan, outcome: Outcome, series: str, size: int) -> None:
    part = await type_together(server, options, plan, usual_seconds=8.0, settings=_SETTINGS)
    if part.figures:
        outcome.series[series].append({"size": float(size), **part.figures})
    outcome.problems += [f"{size:,} {series}: {words}" for words in part.problems]
    outcome.remarks += [f"{size:,} {series}: {words}" for words in part.remarks]


SCALE = Workload(
    "scale",
    "800 updates/s over 10 to 10,000 documents; 100 keys/s to 1 to 1,000 readers (CPU us/delivery)",
    (
        Column("documents_first_us", "10 documents", "{:,.1f}"),
        Column("documents_last_us", "most documents", "{:,.1f}"),
        Column("readers_first_us", "1 reader", "{:,.1f}"),
        Column("readers_last_us", "1,000 readers", "{:,.1f}"),
    ),
    "documents_last_us",
    run,
    long=True,
    ours_only=True,
)
