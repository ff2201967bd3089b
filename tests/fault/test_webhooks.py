"""What other systems are told: each event at least once and each document's in order, whatever dies between (K1, K3, K4, K8).

Longer by hand: COLLAB_TEST_ROUNDS=50 more.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.receiver import Receiver
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.server import CollabServer

ROUNDS = int(os.environ.get("COLLAB_TEST_ROUNDS", "0"))
FAILPOINTS = [
    "publish.before_commit", "webhook.collect.before_commit", "webhook.collect.after_commit",
    "webhook.sent", "webhook.settle",
]  # fmt: skip
DOCUMENTS = ("a", "b", "team/c")
TYPES = ["document.created", "stream.published", "version.created", "document.deleted"]
SOON = 60.0


class Writer:
    """Publishes numbers into a document's stream, one after the other, and knows which were acknowledged."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.number = 0
        self.acknowledged: list[int] = []

    async def write(self, url: str, http: aiohttp.ClientSession, until: Callable[[], bool]) -> None:
        """Go on until the server is gone, or ``until`` holds."""
        where = f"{url}/api/v1/documents/{self.document.replace('/', '%2F')}/streams/log"
        while not until():
            self.number += 1
            with suppress(aiohttp.ClientError, TimeoutError):
                async with http.post(where, json={"data": self.number}) as answer:
                    if answer.status == 201:
                        self.acknowledged.append(self.number)
                        continue
            return


def check(receiver: Receiver, writers: list[Writer]) -> None:
    """Everything acknowledged has come, in the order of its document, under one id however often."""
    for writer in writers:
        events = receiver.of("stream.published", writer.document)
        told = [event["data"]["data"] for event in events]
        assert set(writer.acknowledged) <= set(told)
        first: dict[int, str] = {}
        for event in events:
            assert first.setdefault(event["data"]["offset"], event["id"]) == event["id"]
        offsets = list(first)
        assert offsets == sorted(offsets) == list(range(1, len(offsets) + 1)), "each, and in order"


async def play(
    server: CollabServer,
    receiver: Receiver,
    points: list[str | None],
    rng: random.Random,
    after: CollabServer | None = None,
) -> None:
    writers = [Writer(document) for document in DOCUMENTS]
    ends: dict[str, int] = {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        for point in points:
            nth = rng.randint(1, 30 if point == "webhook.sent" else 4)
            server.env = {"COLLAB_FAILPOINT": f"{point}:{nth}"} if point else {}
            await asyncio.to_thread(server.start)
            process, deadline = server.process, time.monotonic() + (8.0 if point else 0.7)
            assert process is not None
            over = lambda: process.poll() is not None or time.monotonic() > deadline  # noqa: B023, E731
            await asyncio.gather(*(writer.write(server.url, http, over) for writer in writers))
            while not over():
                await asyncio.sleep(0.01)
            by_itself = process.poll() is not None
            ends[f"{point}"] = ends.get(f"{point}", 0) + by_itself
            await asyncio.to_thread(server.kill)
        server.env = {}
        await asyncio.to_thread((after or server).start)
        await receiver.until(
            lambda: all(
                set(writer.acknowledged) <= {each["data"]["data"] for each in receiver.of("stream.published", name)}
                for writer, name in zip(writers, DOCUMENTS, strict=True)
            ),
            SOON,
        )
    check(receiver, writers)
    print(f"{sum(len(writer.acknowledged) for writer in writers)} acknowledged, ended by {ends}")
    assert sum(len(writer.acknowledged) for writer in writers) > 10 * len(points)


@pytest.mark.timeout(180 + 20 * ROUNDS)
async def test_kill_9_between_commit_and_delivery_loses_no_event(tmp_path: Path) -> None:
    seed = int(os.environ.get("COLLAB_TEST_SEED", time.time_ns() % 10**9))
    rng = random.Random(seed)
    points: list[str | None] = [*FAILPOINTS, *(rng.choice([*FAILPOINTS, None]) for _ in range(ROUNDS)), None]
    print(f"seed {seed}: {points}")
    async with Receiver() as receiver:
        server = CollabServer(f"sqlite:///{tmp_path}/store.db", args=receiver.args(events=TYPES))
        try:
            await play(server, receiver, points, rng)
        finally:
            await asyncio.to_thread(server.kill)


@needs_redis
@pytest.mark.timeout(240)
async def test_in_redis_another_node_goes_on(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    await asyncio.to_thread(redis.start)
    rng = random.Random(os.environ.get("COLLAB_TEST_SEED", "5"))
    async with Receiver() as receiver:
        server = CollabServer(redis.url, args=receiver.args(events=TYPES))
        other = CollabServer(redis.url, args=receiver.args(events=TYPES))
        try:
            await play(server, receiver, ["webhook.sent"], rng, other)
            where = f"{other.url}/api/v1/documents/a"
            async with aiohttp.ClientSession() as http, http.delete(where) as answer:
                assert answer.status == 204
            await receiver.until(lambda: receiver.of("document.deleted", "a"), SOON)
        finally:
            for each in (server, other):
                await asyncio.to_thread(each.kill)
            redis.kill()


@pytest.mark.timeout(180)
async def test_a_receiver_that_misbehaves_in_every_way_gets_everything_in_the_end(tmp_path: Path) -> None:
    """500, a redirect, a cut, silence; then it is gone, and comes back. Nobody waits for it but its own deliveries."""
    async with Receiver() as bad, Receiver() as good:
        tables = [bad.table(events=TYPES), good.table(events=TYPES, documents=["team/*"])]
        server = CollabServer(f"sqlite:///{tmp_path}/store.db", args=["--webhooks", json.dumps(tables)])
        await asyncio.to_thread(server.start)
        try:
            async with aiohttp.ClientSession() as http:

                async def publish(document: str, data: Any) -> None:
                    where = f"{server.url}/api/v1/documents/{document}/streams/log"
                    async with http.post(where, json={"data": data}) as answer:
                        assert answer.status == 201

                for trouble in (500, "redirect", "close", "stall"):
                    bad.trouble = trouble
                    before = len(bad.came)
                    await publish(f"d-{trouble}", trouble)
                    await publish("team%2Fgood", trouble)
                    await bad.until(lambda before=before: len(bad.came) > before)
                await good.until(lambda: len(good.of("stream.published", "team/good")) == 4)
                assert len(good.of("document.created")) == 1 and not good.of("stream.published", "d-500")
                assert not any(each["type"] == "stream.published" for each in bad.taken)
                bad.trouble = None
                await bad.stop()
                await publish("d-gone", "gone")
                await bad.start()
                async with http.post(f"{server.url}/api/v1/webhooks/retry", json={}) as answer:
                    assert answer.status == 200
                await bad.until(
                    lambda: (
                        {
                            each["data"]["data"]
                            for each in bad.of("stream.published")
                            if each["data"]["document"][0] == "d"
                        }
                        == {500, "redirect", "close", "stall", "gone"}
                    )
                )
                await bad.until(lambda: len({e["id"] for e in bad.of("stream.published", "team/good")}) == 4)
                assert [e["data"]["data"] for e in bad.of("stream.published", "team/good")] == [
                    500, "redirect", "close", "stall",
                ]  # fmt: skip
                assert "/elsewhere" not in {request.get("Path") for request in bad.headers}
        finally:
            await asyncio.to_thread(server.kill)
