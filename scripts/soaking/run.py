"""One soak: servers, traffic, what is done to them, samples, and the count of what stayed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from collab.stores.redis_link import ASKED_AT_ONCE
from soaking.chart import Row, slope
from soaking.traffic import Traffic
from soaking.watch import Inside, descriptors, gauges, memory, stayed
from tests.support.redis_server import RedisServer
from tests.support.server import CollabServer

#: samples of one soak, and the least time between two; seconds
SAMPLES, SAMPLE = 400, 1.0
#: things that are done to the servers in one soak, and the least time between two
ACTIONS, ACTION = 16, 4.0
#: share of the time in which they are done; then the servers live on, and from the second share on it counts how
#: their memory grows
DISTURBED, WARM = 0.4, 0.55
#: seconds for which everything has to be gone once all have left
PATIENCE = 90.0
#: seconds that connections may take to end after that
SETTLED = 15.0
#: connections of one node to its Redis: the pool, and those that listen and append
POOLED = 2 * ASKED_AT_ONCE + 8
_FLAGS = [
    "--idle-timeout", "1s", "--trash-keep", "1h", "--log-format", "json", "--log-level", "warning",
    "--max-connections-per-ip", "100000", "--participant-documents", "1000000", "--checkpoint-interval", "20s",
    "--drain-timeout", "3s",
]  # fmt: skip


#: how many there are, by kind and name
Look = Mapping[str, Mapping[str, int]]


class Soak:
    """Runs it.

    Args:
        folder: where everything is kept.
        shared: two nodes and a third on a Redis; otherwise one on SQLite.
        seconds: of traffic.
        people: at once.

    Attributes:
        rows: samples. events: seconds at which something was done, and what.
        left: what stayed, in words with numbers. lost: words that were said to be saved.
    """

    def __init__(self, folder: Path, *, shared: bool, seconds: float, seed: int, people: int, documents: int) -> None:
        self._folder = folder
        self._seconds = seconds
        self._people = people
        self._documents = documents
        self._seed = seed
        self._chance = random.Random(f"{seed} actions")
        self._redis = RedisServer(folder) if shared else None
        store = self._redis.url if self._redis else f"sqlite:///{folder}/store.db"
        self._inside: dict[str, Inside] = {}
        self._servers: dict[str, CollabServer] = {}
        for name in ("a", "b", "c") if shared else ("a",):
            inside = self._inside[name] = Inside(folder / f"inside-{name}.json")
            flags = [*_FLAGS, "--node-name", name]
            self._servers[name] = CollabServer(store, args=flags, env=inside.environment)
        self._began = 0.0
        self.rows: list[Row] = []
        self.events: list[tuple[float, str]] = []
        self.left: dict[str, int] = {}
        self.lost: list[str] = []
        self.edits: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()

    def growth(self, column: str) -> dict[str, tuple[float, float]]:
        """By how much a figure of each node grew in an hour of its undisturbed life, and how sure that is."""
        warm = [row for row in self.rows if self._seconds * WARM <= row["seconds"] <= self._seconds]
        nodes = sorted({row["node"] for row in warm})
        return {node: slope([row for row in warm if row["node"] == node], column) for node in nodes}

    async def run(self) -> None:
        """All of it; the servers are gone afterwards."""
        try:
            if self._redis is not None:
                self._start_redis()
            nodes = [name for name in self._servers if name != "c"]
            await asyncio.gather(*(asyncio.to_thread(self._servers[name].start) for name in nodes))
            await self._soak([self._servers[name] for name in nodes])
        finally:
            for server in self._servers.values():
                server.kill()
            if self._redis is not None:
                self._redis.kill()

    async def _soak(self, nodes: list[CollabServer]) -> None:
        self._began = time.monotonic()
        traffic = Traffic(nodes, self._seed, self._documents)
        traffic.begin(self._people)
        sampling = asyncio.create_task(self._sample(traffic))
        await self._disturb(nodes)
        await self._everybody_up(nodes)
        await asyncio.sleep(max(0.0, self._began + self._seconds - time.monotonic()))
        await self._calm(nodes, traffic)
        self.lost = await traffic.lost()
        # What is made once, by the first of a kind, is no matter. What is more each time that others came and went is.
        looks = [await self._look(nodes)]
        for more in (1, 2):
            again = Traffic(nodes, self._seed + more, self._documents)
            again.begin(self._people)
            await asyncio.sleep(max(3.0, self._seconds / 20))
            await self._calm(nodes, again)
            looks.append(await self._look_again(nodes, looks[-1]))
            self.edits, self.troubles = self.edits + again.edits, self.troubles + again.troubles
        self.left |= stayed(looks)
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        self.edits, self.troubles = self.edits + traffic.edits, self.troubles + traffic.troubles
        await traffic.forget_everything()
        self.left |= self._keys_left()

    async def _calm(self, nodes: list[CollabServer], traffic: Traffic) -> None:
        """Everybody goes; return once nothing of them is left, or note what is."""
        await traffic.end()
        end = time.monotonic() + PATIENCE
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            while True:
                found = [await gauges(node, http) for node in nodes]
                names = ("sessions", "documents_loaded", "unsaved_oldest_seconds")
                left = {name: int(sum(each.get(name, 1.0) for each in found)) for name in names}
                if not any(left.values()):
                    await asyncio.sleep(1.0)  # what ends after its document does
                    return
                if time.monotonic() > end:
                    self.left |= {f"gauge {name}": count for name, count in left.items() if count}
                    return
                await asyncio.sleep(0.25)

    async def _look_again(self, nodes: list[CollabServer], before: Look) -> Look:
        """A look once there is no more than before; after a while there is what there is."""
        end = time.monotonic() + SETTLED
        while True:
            found = await self._look(nodes)
            if not stayed([before, found]) or time.monotonic() > end:
                return found
            await asyncio.sleep(1.0)

    async def _look(self, nodes: list[CollabServer]) -> Look:
        total: dict[str, Counter[str]] = {}
        for name, server in self._servers.items():
            if server not in nodes:
                continue
            opened = descriptors(server.pid, self._redis.port if self._redis else 0)
            # Connections for questions are kept, up to as many as may be asked at once.
            opened["socket to Redis"] = max(0, opened["socket to Redis"] - POOLED)
            found = {**await self._inside[name].look(server.pid), "descriptors": opened}
            for kind, counts in found.items():
                total.setdefault(kind, Counter()).update(counts)
        return total

    # -- beside ---------------------------------------------------------------------------------

    async def _sample(self, traffic: Traffic) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            while True:
                waits, traffic.waits = sorted(traffic.waits), []
                for name, server in self._servers.items():
                    with suppress(OSError, RuntimeError, AssertionError, IndexError):  # it is not there now
                        self.rows.append(await self._row(name, server, http, waits))
                        waits = []
                await asyncio.sleep(max(SAMPLE, self._seconds / SAMPLES))

    async def _row(self, name: str, server: CollabServer, http: aiohttp.ClientSession, waits: list[float]) -> Row:
        if server.process is None:
            raise RuntimeError("it is down")
        said = await gauges(server, http)
        files = [path for path in self._folder.rglob("*") if path.is_file() and "inside" not in path.name]
        row: dict[str, Any] = {
            "seconds": round(time.monotonic() - self._began, 1), "node": name, "memory": memory(server.pid),
            "descriptors": descriptors(server.pid).total(), "documents": said.get("documents_loaded"),
            "sessions": said.get("sessions"), "store": sum(path.stat().st_size for path in files), "files": len(files),
        }  # fmt: skip
        if waits:
            row |= {"ack_p50": waits[len(waits) // 2], "ack_p99": waits[int(0.99 * (len(waits) - 1))]}
        return row

    async def _disturb(self, nodes: list[CollabServer]) -> None:
        deeds: list[Callable[[list[CollabServer]], Awaitable[None]]] = [self._restart, self._kill]
        if self._redis is not None:
            deeds += [self._blink, self._pause, self._join_or_leave]
        turns: list[Callable[[list[CollabServer]], Awaitable[None]]] = []
        until = self._began + max(min(10.0, self._seconds), self._seconds * DISTURBED)
        while True:
            pause = max(ACTION, self._seconds * DISTURBED / ACTIONS) * self._chance.uniform(0.7, 1.3)
            await asyncio.sleep(min(pause, max(0.0, until - time.monotonic())))
            if time.monotonic() >= until:
                return
            turns = turns or self._chance.sample(deeds, len(deeds))  # each comes before one comes again
            deed = turns.pop()
            self.events.append((time.monotonic() - self._began, deed.__name__.removeprefix("_")))
            await deed(nodes)

    async def _restart(self, nodes: list[CollabServer]) -> None:
        await asyncio.to_thread(self._chance.choice(nodes).restart)

    async def _kill(self, nodes: list[CollabServer]) -> None:
        node = self._chance.choice(nodes)
        await asyncio.to_thread(node.kill)
        await asyncio.to_thread(node.start)

    async def _blink(self, _nodes: list[CollabServer]) -> None:
        assert self._redis is not None
        self._redis.kill()
        await asyncio.to_thread(self._start_redis)

    async def _pause(self, _nodes: list[CollabServer]) -> None:
        assert self._redis is not None
        self._redis.pause()
        await asyncio.sleep(1.0)
        self._redis.go_on()

    async def _join_or_leave(self, nodes: list[CollabServer]) -> None:
        third = self._servers["c"]
        if third in nodes:
            nodes.remove(third)
            await asyncio.to_thread(third.stop)
        else:
            await asyncio.to_thread(third.start)
            nodes.append(third)

    async def _everybody_up(self, nodes: list[CollabServer]) -> None:
        """Every node answers again."""
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            for node in nodes:
                while node.process is None or not await gauges(node, http):
                    await asyncio.sleep(0.1)

    # -- Redis ----------------------------------------------------------------------------------

    def _start_redis(self) -> None:
        assert self._redis is not None
        self._redis.start()
        with self._redis.client() as client:
            client.config_set("appendfsync", "always")  # what was acknowledged survives a kill of Redis, too

    def _keys_left(self) -> dict[str, int]:
        """Keys of documents that never expire, although there is no document any more."""
        if self._redis is None:
            return {}
        with self._redis.client() as client:
            keys = [key for key in client.scan_iter("collab:{*", count=1000) if client.ttl(key) == -1]
        kinds = Counter(key.decode().rpartition("}")[2] for key in keys)
        return {f"key without end, {kind}": count for kind, count in kinds.items()}
