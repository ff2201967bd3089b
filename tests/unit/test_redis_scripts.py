"""What Redis does in one step: which appends a log accepts, and what it tells the nodes of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from collab.protocol import bells
from collab.stores import redis_scripts
from collab.stores.redis_scripts import APPEND, BELL_BYTES, CREATE, HEARTBEAT, READ, RENEW, SCRIPTS, Script
from tests.support.redis_server import RedisServer, needs_redis


def test_a_script_is_known_by_its_hash_and_all_of_them_are_listed() -> None:
    for script in SCRIPTS:
        assert script.sha == hashlib.sha1(script.source.encode()).hexdigest()
    defined = [value for value in vars(redis_scripts).values() if isinstance(value, Script)]
    assert set(SCRIPTS) == set(defined)
    assert len({script.sha for script in SCRIPTS}) == len(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_touches_only_the_keys_that_it_is_given(script: Script) -> None:
    """Or a Redis Cluster refuses it."""
    for call in re.findall(r"redis\.call\('(\w+)'(?:, ([^,)]+))?", script.source):
        command, first = call
        if command not in ("TIME", "PUBLISH"):
            assert first.startswith("KEYS[") or first in ("from", "to", "key"), call


META, LOG, SNAPSHOT, BATCH, CHANNEL = "meta", "log", "snapshot", "batch", "channel"


class Log:
    """One document's keys in an empty Redis, and what is told on its channel."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._heard = client.pubsub()
        self._heard.subscribe(CHANNEL)
        assert self._heard.get_message(timeout=10) is not None

    def run(self, script: Script, keys: list[str], *words: Any) -> Any:
        return self.client.eval(script.source, len(keys), *keys, *words)

    def append(
        self, *updates: bytes, epoch: str = "", fresh: str = "e1", floor: int = 0, number: int = 1, node: str = "n"
    ) -> list[str]:
        pairs = [word for update in updates for word in ("ann", update)]
        answer = self.run(
            APPEND,
            [META, LOG, BATCH + node, "outbox", "changing"],
            epoch,
            fresh,
            floor,
            number,
            node,
            CHANNEL,
            "",
            "",
            *pairs,
        )
        return [word.decode() for word in answer[:4]]

    def told(self) -> list[bells.Message]:
        told = []
        while (message := self._heard.get_message(ignore_subscribe_messages=True, timeout=0.3)) is not None:
            told.append(bells.decode(message["data"]))
        return told

    def updates(self, after: int = 0) -> tuple[str, int, list[bytes]]:
        """Epoch, last position, and the updates behind ``after``."""
        epoch, position, *_, entries = self.run(READ, [META, LOG, SNAPSHOT], after, 1000)
        return epoch.decode(), int(position or 0), [fields[1] for _id, fields in entries]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture
def log(server: RedisServer) -> Iterator[Log]:
    with server.client() as client:
        client.flushall()
        yield Log(client)


@pytest.mark.slow
@needs_redis
def test_an_append_is_in_the_log_and_told_in_one_step(log: Log) -> None:
    assert log.append(b"one", b"two") == ["ok", "e1", "1", "2"]
    assert log.append(b"three", epoch="e1", number=2) == ["ok", "e1", "3", "3"]
    assert log.updates() == ("e1", 3, [b"one", b"two", b"three"])
    assert log.updates(2) == ("e1", 3, [b"three"])
    assert log.told() == [bells.Bell("n", "e1", 1, 2, (b"one", b"two")), bells.Bell("n", "e1", 3, 3, (b"three",))]


@pytest.mark.slow
@needs_redis
def test_a_batch_that_is_repeated_is_in_the_log_once(log: Log) -> None:
    """Nobody knows whether one without an answer was done."""
    log.append(b"one", b"two", number=5)
    assert log.append(b"one", b"two", epoch="e1", number=5) == ["ok", "e1", "1", "2"]
    assert log.append(b"one", epoch="e1", number=4) == ["ok", "e1", "1", "2"]
    assert log.append(b"other", epoch="e1", number=5, node="m") == ["ok", "e1", "3", "3"]
    assert log.updates()[2] == [b"one", b"two", b"other"]


@pytest.mark.slow
@needs_redis
@pytest.mark.parametrize(
    ("expected", "floor", "answer"),
    [("e1", 0, "ok"), ("e1", 2, "ok"), ("e1", 3, "behind"), ("other", 0, "changed"), ("", 99, "ok")],
)
def test_an_append_goes_to_the_log_that_it_means(log: Log, expected: str, floor: int, answer: str) -> None:
    log.append(b"one", b"two")
    assert log.append(b"three", epoch=expected, floor=floor, number=2)[0] == answer
    assert len(log.updates()[2]) == (3 if answer == "ok" else 2)


@pytest.mark.slow
@needs_redis
def test_a_log_that_is_gone_is_told_from_one_that_was_deleted(log: Log) -> None:
    assert log.append(b"x", epoch="e1") == ["lost"]
    log.client.hset(META, mapping={"deleted": "e0 e1", "position": "7"})
    assert log.append(b"x", epoch="e1") == ["deleted"]
    assert log.append(b"x", epoch="e2") == ["lost"]
    assert log.append(b"x", fresh="e3", floor=5) == ["ok", "e3", "8", "8"], "positions go on behind those of before"


@pytest.mark.slow
@needs_redis
def test_a_bell_carries_what_is_small(log: Log) -> None:
    log.append(b"x" * BELL_BYTES)
    log.append(b"x" * (BELL_BYTES + 1), number=2)
    small, large = log.told()
    assert isinstance(small, bells.Bell) and isinstance(large, bells.Bell)
    assert (len(small.updates), large.updates, large.first) == (1, (), 2)


@pytest.mark.slow
@needs_redis
def test_a_document_is_created_once(log: Log) -> None:
    assert log.run(CREATE, [META, "outbox"], "e1", "") == 1
    assert log.run(CREATE, [META, "outbox"], "e2", "") == 0
    assert log.updates() == ("e1", 0, [])
    assert log.append(b"x") == ["ok", "e1", "1", "1"]


@pytest.mark.slow
@needs_redis
def test_a_log_that_lost_entries_gets_another_epoch_once(log: Log) -> None:
    log.append(b"one")
    assert log.run(RENEW, [META], "e1", "e2", 9, CHANNEL, "n") == 1
    assert log.run(RENEW, [META], "e1", "e3", 20, CHANNEL, "m") == 0
    assert log.append(b"two", epoch="e2", floor=9, number=2) == ["ok", "e2", "10", "10"]
    assert log.append(b"three", epoch="e1", number=3) == ["changed"]
    assert bells.Renewed("n", "e2") in log.told()


@pytest.mark.slow
@needs_redis
def test_nodes_are_those_whose_lease_has_not_ended(log: Log) -> None:
    assert log.run(HEARTBEAT, ["nodes"], "a", 30) == [b"a"]
    assert log.run(HEARTBEAT, ["nodes"], "b", 30) == [b"a", b"b"]
    log.client.zincrby("nodes", -31, "a")
    assert log.run(HEARTBEAT, ["nodes"], "b", 30) == [b"b"]
