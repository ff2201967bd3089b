"""Measure what the model is fed with: real servers, a real redis-server, the load of ``scripts/benchmarks``."""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from benchmarks.client import Client
from benchmarks.ledger import Ledger
from benchmarks.load import Metronome, Pointer, Typist, admit
from benchmarks.process import ServerProcess, open_files, pin_load
from benchmarks.servers import OURS, REPOSITORY, SERVERS
from benchmarks.workloads.base import Options, Outcome, running
from benchmarks.workloads.idle import IDLE
from benchmarks.workloads.joins import JOINS
from benchmarks.workloads.typing import TYPIST, TYPISTS, Plan, type_together
from pycrdt import Doc, Text

from simulation.figures import Figure
from simulation.redis_figures import append_cost, publish_cost
from simulation.redis_figures import running as redis_running

_SERVER = SERVERS[OURS]
_COMMAND = "scripts/simulate --measure"
#: length of a measurement
_SECONDS = 10.0


async def _figures(workdir: Path, say: Callable[[str], None]) -> dict[str, Figure]:
    options = Options(workdir)
    figures: dict[str, Figure] = {}

    def note(name: str, value: float, unit: str, words: str, command: str = _COMMAND) -> None:
        figures[name] = Figure(float(f"{value:.4g}"), unit, words, command)
        say(f"{name}: {value:,.2f} {unit}")

    async def bench(run: Coroutine[Any, Any, Outcome]) -> dict[str, float]:
        outcome = await run
        for words in outcome.problems:
            raise RuntimeError(words)
        return outcome.figures

    found = await bench(type_together(_SERVER, options, Plan(documents=200, people=2, typists=2, rate=2)))
    words = "CPU of an edit that one other reads, logged in SQLite"
    note("edit_for_1_us", found["cpu_us"], "us", words, "scripts/bench documents")
    words = "the same on a node of a cluster, logged in Redis"
    note("edit_in_cluster_us", await _in_cluster(options), "us", words)
    found = await bench(type_together(_SERVER, options, Plan(documents=5, people=101, typists=1, rate=20)))
    note("edit_for_100_us", 100 * found["cpu_us"], "us", "CPU of an edit that 100 others read, nothing merged")
    words = "CPU per reader, 1 person typing 100/s for 100"
    note("typist_us", (await bench(TYPIST.run(_SERVER, options)))["cpu_us"], "us", words, "scripts/bench typist")
    words = "CPU per reader, 30 people typing 10/s each"
    note("typists_us", (await bench(TYPISTS.run(_SERVER, options)))["cpu_us"], "us", words, "scripts/bench typists")
    note("cursor_for_1_us", await _cursor(options), "us", "CPU of a cursor position that one other person sees")
    found = await bench(IDLE.run(_SERVER, options))
    note("connection_kb", found["kb_per_connection"], "KiB", "memory of a connection", "scripts/bench idle")
    idle = found["cpu_percent"] / 100 / 2000 * 1e6
    note("idle_us_per_second", idle, "us/s", "CPU of a connection that does nothing", "scripts/bench idle")
    join = 1000 * (await bench(JOINS.run(_SERVER, options)))["cpu_ms"]
    note("join_us", join, "us", "CPU of a join, to a document of 260,000 keystrokes", "scripts/bench joins")
    empty, document = await _memory(options)
    note("node_mb", empty, "MiB", "memory of an empty node")
    note("document_kb", document, "KiB", "memory of an open document, 10 KB written in 500 pieces")
    cost = append_cost(3.0, appendfsync="always")["cpu_us"]
    note("append_us", cost, "us", "redis-server: CPU of an append with its bell, `appendfsync always`, 20 at once")
    cost = append_cost(3.0, appendfsync="always", at_once=1)["cpu_us"]
    note("append_alone_us", cost, "us", "the same, one at a time")
    cost = append_cost(3.0, appendfsync="everysec")["cpu_us"]
    note("append_everysec_us", cost, "us", "the same, `appendfsync everysec`, 20 at once")
    alone, many = (append_cost(3.0, appendfsync=None, listeners=n)["cpu_us"] for n in (1, 9))
    note("listener_us", max(0.01, (many - alone) / 8), "us", "redis-server: CPU of a bell for each further node")
    note("publish_us", publish_cost(2.0), "us", "redis-server: CPU of a note about presence, for one node")
    note("logged_bytes", append_cost(2.0, appendfsync=None)["bytes"], "bytes", "redis-server: memory of a logged edit")
    words = "CPU of a node for an edit made on another, for one reader here"
    note("remote_edit_us", await _remote(options, Typist), "us", words)
    words = "CPU of a node for a cursor moved on another, for one reader here"
    note("remote_cursor_us", await _remote(options, Pointer), "us", words)
    return figures


async def _in_cluster(options: Options) -> float:
    """CPU of an edit that is logged in Redis and read by one other person, in microseconds."""
    with _cluster() as settings:
        plan = Plan(documents=200, people=2, typists=2, rate=2)
        return (await type_together(_SERVER, options, plan, settings=settings)).figures["cpu_us"]


async def _cursor(options: Options) -> float:
    """CPU of a cursor position that comes in and is shown to one person, in microseconds."""
    async with running(_SERVER, options) as process:
        ledger = Ledger()
        documents = [f"bench-{number // 2}" for number in range(400)]
        people = await admit(_SERVER.make_wire(), process.port, documents, ledger)
        used = await _cost([Pointer(client, ledger) for client in people], 2.0, process, options)
        for client in people:
            client.leave()
    return used


async def _remote(options: Options, actor: Callable[[Client, Ledger], Typist | Pointer]) -> float:
    """CPU of a node for what somebody does on another node and one person here sees, in microseconds."""
    with _cluster() as settings:
        async with running(_SERVER, options, settings) as there, running(_SERVER, options, settings) as here:
            ledger = Ledger()
            documents = [f"bench-{number}" for number in range(200)]
            wire = _SERVER.make_wire()
            people = await admit(wire, there.port, documents, ledger)
            readers = await admit(wire, here.port, documents, ledger, first_yjs_id=2_000_000_011)
            used = await _cost([actor(client, ledger) for client in people], 4.0, here, options)
            for client in (*people, *readers):
                client.leave()
    return used


@contextmanager
def _cluster() -> Iterator[dict[str, str]]:
    """A Redis, and the settings of nodes that share it."""
    with redis_running("--appendonly", "yes", "--appendfsync", "always") as redis:
        yield {"store": redis.url, "redis": redis.url}


async def _cost(actors: Sequence[Typist | Pointer], rate: float, process: ServerProcess, options: Options) -> float:
    """CPU of a process for each act, in microseconds, where all act ``rate`` times a second."""
    metronome = Metronome(actors, rate)
    metronome.start()
    await asyncio.sleep(options.warm_up)
    acts, before = sum(len(each.sent) for each in actors), process.cpu_seconds()
    await asyncio.sleep(_SECONDS)
    used, acts = process.cpu_seconds() - before, sum(len(each.sent) for each in actors) - acts
    metronome.stop()
    return used / acts * 1e6


async def _memory(options: Options) -> tuple[float, float]:
    """MiB of an empty node, KiB of an open document of 10 KB of text, written in pieces of 20 characters."""
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    for piece in range(500):
        text.insert(0 if piece % 7 == 0 else len(text), "x" * 20)
    update = doc.get_update()
    settings = {"idle-timeout": "1h", "rate-updates": "1000000", "rate-bytes": "1GiB"}
    async with running(_SERVER, options, settings) as process, aiohttp.ClientSession() as http:

        async def put(name: str) -> None:
            url = f"http://127.0.0.1:{process.port}/api/v1/documents/{name}/update"
            async with http.post(url, data=update) as response:
                response.raise_for_status()

        empty = process.rss_bytes()
        for number in range(50):
            await put(f"first-{number}")
        before = process.rss_bytes()
        for number in range(1000):
            await put(f"more-{number}")
        return empty / 2**20, (process.rss_bytes() - before) / 1000 / 1024


def measure(file: Path, say: Callable[[str], None]) -> None:
    """Measure everything and write it to ``file``; takes some three minutes and a machine with two cores.

    Args:
        say: is told each figure.
    """
    open_files()
    pin_load()
    with tempfile.TemporaryDirectory() as workdir:
        figures = uvloop.run(_figures(Path(workdir), say))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    content = {
        "measured": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "figures": {name: asdict(figure) for name, figure in figures.items()},
    }
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
