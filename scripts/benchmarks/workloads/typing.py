"""People type: the work of ``typist``, ``typists`` and ``documents``, and of others that build on it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Client
from benchmarks.ledger import Latency, Ledger, latency_of
from benchmarks.load import Metronome, Typist, admit, until
from benchmarks.process import CpuReading, CpuWindow, ServerProcess
from benchmarks.servers import Server
from benchmarks.verify import compare_texts
from benchmarks.workloads.base import (
    WINDOW_COLUMNS,
    Column,
    Options,
    Outcome,
    Workload,
    memory_figures,
    running,
)

#: seconds that the last deliveries may take after the last keystroke
_SETTLING = 20.0
#: seconds in which the load generator catches up with what arrived while it tidied its memory
_CATCHING_UP = 0.3
#: a load generator or a neighbour beyond these shares of a core spoils the figures
_BUSY_LOAD = 0.85
_BUSY_CORE = 0.10


@dataclass(frozen=True, slots=True)
class Plan:
    """Who types: in each of ``documents``, ``people``, of whom ``typists`` type ``rate`` times a second.

    ``silent``: further documents, with one person each, who only looks.
    """

    documents: int
    people: int
    typists: int
    rate: float
    silent: int = 0

    def names(self) -> list[str]:
        """The document of each person; typists come first in each, silent documents last."""
        busy = [f"bench-{number}" for number in range(self.documents) for _ in range(self.people)]
        return busy + [f"silent-{number}" for number in range(self.silent)]


@dataclass(slots=True)
class Crowd:
    """People who are in their documents."""

    clients: list[Client]
    typists: list[Typist]
    ledger: Ledger

    @classmethod
    async def gather(cls, server: Server, process: ServerProcess, plan: Plan) -> Crowd:
        """Let everybody of ``plan`` join."""
        ledger = Ledger()
        clients = await admit(server.make_wire(), process.port, plan.names(), ledger)
        busy = clients[: plan.documents * plan.people]
        typists = [Typist(c, ledger) for i, c in enumerate(busy) if i % plan.people < plan.typists]
        return cls(clients, typists, ledger)

    def settled(self) -> bool:
        """Whether everybody has seen all that was typed in their document."""
        typed: dict[str, list[Typist]] = {}
        for typist in self.typists:
            typed.setdefault(typist.client.document, []).append(typist)
        return all(
            client.reached.get(typist.client.yjs_id, 0) >= typist.typed
            for client in self.clients
            for typist in typed.get(client.document, ())
        )

    def leave(self) -> None:
        """Everybody goes."""
        for client in self.clients:
            client.leave()


@dataclass(frozen=True, slots=True)
class Measured:
    """A window of work: its CPU, what was delivered in it, how fast."""

    cpu: CpuWindow
    delivered: int
    latency: Latency
    acks: Latency | None
    messages: int
    edits: int
    memory: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """The figures of :data:`COLUMNS`; none where nothing was delivered."""
        if not self.delivered:
            return {}
        acks = {"ack_p50_ms": self.acks.p50, "ack_p99_ms": self.acks.p99} if self.acks else {}
        return {
            "cpu_us": self.cpu.server_seconds * 1e6 / self.delivered,
            "cpu_us_per_send": self.cpu.server_seconds * 1e6 / max(1, self.messages),
            "sends_per_delivery": self.messages / self.delivered,
            "p50_ms": self.latency.p50,
            "p99_ms": self.latency.p99,
            **acks,
            "edits_per_second": self.edits / self.cpu.seconds,
            "deliveries_per_second": self.delivered / self.cpu.seconds,
            **self.memory,
            "load_percent": 100 * self.cpu.load_share,
            "others_percent": 100 * self.cpu.others_share,
        }

    def remarks(self) -> list[str]:
        """What one should know about the figures."""
        remarks = [] if self.delivered else ["nothing arrived in the whole window"]
        if self.cpu.load_share > _BUSY_LOAD:
            remarks.append("the load generator was busy itself: latencies are partly its own")
        if self.cpu.others_share > _BUSY_CORE:
            remarks.append(f"others took {100 * self.cpu.others_share:.0f} % of the server's core")
        return remarks


async def measure(process: ServerProcess, ledger: Ledger, seconds: float) -> Measured:
    """Measure for ``seconds`` what goes on."""
    gc.collect()
    gc.disable()
    try:
        await asyncio.sleep(_CATCHING_UP)
        first, messages, acks = len(ledger.arrivals), ledger.messages, len(ledger.acks)
        edits = ledger.acts()
        begin = CpuReading.take(process)
        await asyncio.sleep(seconds)
        end = CpuReading.take(process)
        last, messages = len(ledger.arrivals), ledger.messages - messages
        edits = ledger.acts() - edits
        acked = [taken for _, taken in ledger.acks[acks:]]
    finally:
        gc.enable()
    return Measured(
        CpuWindow.between(begin, end),
        ledger.delivered(first, last),
        ledger.latency(first, last),
        latency_of(acked) if acked else None,
        messages,
        edits,
        memory_figures(process),
    )


async def type_together(
    server: Server,
    options: Options,
    plan: Plan,
    *,
    usual_seconds: float = 10.0,
    settings: Mapping[str, str] | None = None,
    after: Callable[[Crowd, Measured, Outcome], Coroutine[Any, Any, None]] | None = None,
) -> Outcome:
    """Run ``plan`` against ``server``.

    Args:
        after: called after the window, to add to the outcome.
    """
    seconds = options.window(usual_seconds)
    async with running(server, options, settings) as process:
        crowd = await Crowd.gather(server, process, plan)
        for typist in crowd.typists:
            typist.prepare(int(plan.rate * (seconds + options.warm_up + 1.5)))
        metronome = Metronome(crowd.typists, plan.rate)
        metronome.start()
        await asyncio.sleep(options.warm_up)
        measured = await measure(process, crowd.ledger, seconds)
        metronome.stop()
        outcome = Outcome(measured.figures(), remarks=measured.remarks())
        await check(crowd, outcome)
        if after is not None:
            await after(crowd, measured, outcome)
        crowd.leave()
    return outcome


async def check(crowd: Crowd, outcome: Outcome) -> None:
    """Wait for the last deliveries and compare everybody's text; adds problems to ``outcome``."""
    if not await until(crowd.settled, _SETTLING):
        outcome.problems.append("deliveries are missing")
    verdict = compare_texts(crowd.clients, crowd.typists)
    outcome.problems += summary(verdict.problems)
    outcome.figures["texts_compared"] = verdict.compared
    outcome.figures["receivers"] = verdict.receivers
    gaps = sum(client.gaps for client in crowd.clients)
    if gaps:
        outcome.remarks.append(f"{gaps} updates arrived before what they build on")
    refusals = [words for client in crowd.clients for words in client.refusals]
    outcome.problems += summary(refusals)
    if verdict.compared < verdict.receivers:
        outcome.remarks.append(f"{verdict.compared} of {verdict.receivers} texts compared, all others too long")


def summary(words: Sequence[str]) -> list[str]:
    """The different ones of ``words``, with how often, three at most."""
    return [f"{line} (x{words.count(line)})" for line in list(dict.fromkeys(words))[:3]]


#: a server may put several edits into one message
SEND_COLUMNS = (
    Column("cpu_us_per_send", "CPU us/send", "{:,.2f}"),
    Column("sends_per_delivery", "sends/delivery", "{:,.2f}"),
)
COLUMNS = (
    Column("cpu_us", "CPU us/delivery", "{:,.2f}"),
    *SEND_COLUMNS,
    Column("p50_ms", "seen p50 ms", "{:,.2f}"),
    Column("p99_ms", "p99 ms", "{:,.2f}"),
    Column("ack_p50_ms", "ack p50 ms", "{:,.2f}"),
    Column("ack_p99_ms", "p99 ms", "{:,.2f}"),
    Column("deliveries_per_second", "deliveries/s", "{:,.0f}"),
    *WINDOW_COLUMNS,
)


def _typing(plan: Plan) -> Callable[[Server, Options], Coroutine[Any, Any, Outcome]]:
    async def run(server: Server, options: Options) -> Outcome:
        return await type_together(server, options, plan)

    return run


TYPIST = Workload(
    "typist",
    "1 document, 1 person typing 100 keys/s, 100 readers",
    COLUMNS,
    "cpu_us",
    _typing(Plan(documents=1, people=101, typists=1, rate=100)),
    relayed=True,
)
#: the limits of our server stay on; only their height is for this work
UNHURRIED = {"rate-updates": "1000000", "rate-bytes": "1GiB"}


async def _busy(server: Server, options: Options) -> Outcome:
    outcome = await type_together(server, options, _BUSY, settings=UNHURRIED)
    wanted = _BUSY.documents * _BUSY.typists * _BUSY.rate
    reached = outcome.figures.get("edits_per_second", wanted)
    if reached < 0.95 * wanted:
        outcome.remarks.append(f"the load generator wrote {reached:,.0f} edits/s, not {wanted:,.0f}")
    return outcome


_BUSY = Plan(documents=200, people=2, typists=2, rate=30)
BUSY = Workload(
    "busy",
    "200 documents, 2 people each, 12,000 keys/s in all",
    (*COLUMNS[: -len(WINDOW_COLUMNS)], Column("edits_per_second", "edits/s in", "{:,.0f}"), *WINDOW_COLUMNS),
    "cpu_us",
    _busy,
    long=True,
    relayed=True,
)
TYPISTS = Workload(
    "typists",
    "1 document, 30 people typing 10 keys/s each",
    COLUMNS,
    "cpu_us",
    _typing(Plan(documents=1, people=30, typists=30, rate=10)),
    relayed=True,
)
DOCUMENTS = Workload(
    "documents",
    "200 documents, 2 people each, 800 keys/s in all",
    COLUMNS,
    "cpu_us",
    _typing(Plan(documents=200, people=2, typists=2, rate=2)),
    relayed=True,
)
