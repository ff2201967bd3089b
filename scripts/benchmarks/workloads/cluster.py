"""What other nodes cost: how much later edits are there, the CPU of each, and how work spreads over one to three."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.client import Client
from benchmarks.ledger import Latency, Ledger
from benchmarks.load import Metronome, Typist, admit, until
from benchmarks.process import ServerProcess
from benchmarks.redis import RedisProcess, redis_running
from benchmarks.servers import Server
from benchmarks.verify import compare_texts
from benchmarks.workloads.base import Column, Options, Outcome, Workload, running
from benchmarks.workloads.typing import summary

#: documents, each with a typist on one node and a reader on each
_DOCUMENTS = 30
_RATE = 5.0
_MOST_NODES = 3
_SETTLING = 20.0
_FIRST_READER = 2_000_000_011
_SETTINGS = {"rate-updates": "1000000", "rate-bytes": "1GiB"}


@dataclass(frozen=True, slots=True)
class _Work:
    """One window on so many nodes; CPU in seconds, memory in bytes."""

    edits: int
    seconds: float
    nodes_cpu: float
    redis_cpu: float
    rss_bytes: int
    near: Latency
    far: Latency

    @property
    def node_us(self) -> float:
        """CPU of all nodes per edit, in microseconds."""
        return self.nodes_cpu * 1e6 / self.edits

    def row(self, nodes: int) -> dict[str, float]:
        """A row of the series; without readers elsewhere every edit is one delivery."""
        return {
            "size": nodes,
            "cpu_us": self.node_us,
            "p50_ms": self.near.p50,
            "p99_ms": self.near.p99,
            "rss_mb": self.rss_bytes / 2**20,
            "redis_us": self.redis_cpu * 1e6 / self.edits,
            # A node has a core: what all of them take together follows from what an edit costs.
            "edits_per_second_at_full_cores": 1e6 * nodes / self.node_us,
        }


async def run(server: Server, options: Options) -> Outcome:
    """Documents spread over one, two and three nodes, then one document on two of them."""
    outcome = Outcome(series={"nodes": []})
    for nodes in range(1, _MOST_NODES + 1):
        async with _nodes(server, options, nodes) as (processes, redis):
            # Each document lives on one node: what scales is work that is spread.
            work = await _type(server, processes, redis, options, outcome, shared=False)
            outcome.series["nodes"].append(work.row(nodes))
    async with _nodes(server, options, 2) as (processes, redis):
        work = await _type(server, processes, redis, options, outcome, shared=True)
    alone = outcome.series["nodes"][0]["cpu_us"]
    outcome.figures |= {
        "near_p50_ms": work.near.p50,
        "far_p50_ms": work.far.p50,
        "added_p50_ms": work.far.p50 - work.near.p50,
        "far_p99_ms": work.far.p99,
        # Both nodes worked on every edit; one of them would have had to anyway.
        "cross_us": work.node_us - alone,
        "redis_us": work.redis_cpu * 1e6 / work.edits,
    }
    outcome.remarks.append("all nodes share one core here: what three cores would do is computed from CPU per edit")
    return outcome


class _nodes:
    """So many nodes and their Redis."""

    def __init__(self, server: Server, options: Options, count: int) -> None:
        self._server, self._options, self._count = server, options, count
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> tuple[list[ServerProcess], RedisProcess]:
        try:
            redis = await self._stack.enter_async_context(redis_running(self._options.workdir))
            settings = {**_SETTINGS, "redis": redis.url}
            processes = [
                await self._stack.enter_async_context(running(self._server, self._options, settings))
                for _ in range(self._count)
            ]
        except BaseException:
            await self._stack.aclose()
            raise
        return processes, redis

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()
        for leftover in self._options.workdir.glob("appendonlydir/*"):
            leftover.unlink()


async def _type(
    server: Server,
    processes: list[ServerProcess],
    redis: RedisProcess,
    options: Options,
    outcome: Outcome,
    *,
    shared: bool,
) -> _Work:
    """One typist per document; a reader beside it and, if ``shared``, one on another node."""
    near, far = Ledger(), Ledger()
    far.sent = near.sent
    names = [f"bench-{number}" for number in range(_DOCUMENTS)]
    clients: list[Client] = []
    typists: list[Typist] = []
    first, reader_id = 1_000_000_007, _FIRST_READER
    for number, process in enumerate(processes):
        mine = names[number :: len(processes)]
        there = await admit(server.make_wire(), process.port, mine, near, first_yjs_id=first)
        typists += [Typist(client, near) for client in there]
        clients += there + await admit(server.make_wire(), process.port, mine, near, first_yjs_id=reader_id)
        if shared:
            other = processes[(number + 1) % len(processes)]
            clients += await admit(server.make_wire(), other.port, mine, far, first_yjs_id=reader_id + len(names))
        first += len(names)
        reader_id += 2 * len(names)
    seconds = options.window(8.0)
    for typist in typists:
        typist.prepare(int(_RATE * (seconds + options.warm_up + 1.5)))
    metronome = Metronome(typists, _RATE)
    metronome.start()
    await asyncio.sleep(options.warm_up)
    gc.collect()
    marks = len(near.arrivals), len(far.arrivals), sum(typist.typed for typist in typists)
    cpu = sum(process.cpu_seconds() for process in processes), redis.cpu_seconds()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(seconds)
    work = _Work(
        sum(typist.typed for typist in typists) - marks[2],
        loop.time() - began,
        sum(process.cpu_seconds() for process in processes) - cpu[0],
        redis.cpu_seconds() - cpu[1],
        sum(process.rss_bytes() for process in processes),
        near.latency(marks[0], len(near.arrivals)),
        far.latency(marks[1], len(far.arrivals)),
    )
    metronome.stop()
    by_document = {typist.client.document: typist for typist in typists}

    def settled() -> bool:
        return all(
            client.reached.get(by_document[client.document].client.yjs_id, 0) >= by_document[client.document].typed
            for client in clients
        )

    if not await until(settled, _SETTLING):
        outcome.problems.append("deliveries are missing")
    outcome.problems += summary(compare_texts(clients, typists).problems)
    outcome.problems += summary([words for client in clients for words in client.refusals])
    for client in clients:
        client.leave()
    return work


CLUSTER = Workload(
    "cluster",
    "30 documents on 1 to 3 nodes with one Redis; then each with a reader on another node",
    (
        Column("near_p50_ms", "same node p50 ms", "{:,.2f}"),
        Column("far_p50_ms", "other node p50 ms", "{:,.2f}"),
        Column("added_p50_ms", "added p50 ms", "{:,.2f}"),
        Column("far_p99_ms", "other node p99 ms", "{:,.2f}"),
        Column("cross_us", "CPU us/cross-node edit", "{:,.0f}"),
        Column("redis_us", "Redis CPU us/edit", "{:,.0f}"),
    ),
    "added_p50_ms",
    run,
    ours_only=True,
)
