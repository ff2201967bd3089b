"""Which nodes a Redis has, and which of them has a key, with connections that the test plays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import redis
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from collab.stores.redis_nodes import Address, Nodes, key_in, passes

URL = "redis://10.0.0.1:7000/0"
HALF = 8192


class Wire:
    """What each node says to ``INFO``, ``CLUSTER`` and ``PING``; one without is not there."""

    def __init__(self) -> None:
        self.rows: dict[Address, Any] = {}
        self.info: Any = b"# Cluster\r\ncluster_enabled:1\r\n"
        self.states: dict[Address, Any] = {}
        self.asked: list[Address] = []

    def connection(self, address: Address = None) -> Connection:
        return Connection(self, address)


class Connection:
    is_connected = True

    def __init__(self, wire: Wire, address: Address) -> None:
        self._wire, self._address = wire, address
        self._said: list[Any] = []

    async def connect(self) -> None:
        self._wire.asked.append(self._address)
        if self._address not in self._wire.rows:
            raise ConnectionError("refused")

    def pack_commands(self, commands: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        return commands

    async def send_packed_command(self, commands: Sequence[Sequence[Any]], **_options: Any) -> None:
        rows = self._wire.rows[self._address]
        state = self._wire.states.get(self._address, b"cluster_state:ok\r\n")
        answers = {b"SLOTS": rows, b"cluster": self._wire.info, b"INFO": state, b"PING": state}
        self._said += [answers[command[-1]] for command in commands]

    async def read_response(self) -> Any:
        answer = self._said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def disconnect(self, **_options: Any) -> None:
        return


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def nodes(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    nodes = Nodes(URL)
    monkeypatch.setattr(nodes, "connection", wire.connection)
    return nodes


def halves(one: bytes = b"10.0.0.1", other: bytes = b"10.0.0.2") -> list[Any]:
    return [[0, HALF - 1, [one, 7000, b"id"], [b"10.0.0.9", 7000, b"replica"]], [HALF, 16383, [other, 7000, b"id"]]]


def key_of(part: int) -> str:
    return next(name for name in map(str, range(100)) if key_slot(name.encode()) // HALF == part)


async def test_one_redis_is_one_node(nodes: Nodes, wire: Wire) -> None:
    wire.info, wire.rows = b"cluster_enabled:0", {None: ResponseError("not asked")}
    await nodes.meet()
    await nodes.meet()
    nodes.asked_in_vain(None)
    assert (nodes.divided, nodes.masters, nodes.settled, wire.asked) == (False, (None,), True, [None])
    assert nodes.of("a") is nodes.of_command(["GET", "a"]) is nodes.of_slot(7) is None
    assert await nodes.trouble() is None


async def test_who_may_not_ask_is_told_of_that_later(nodes: Nodes, wire: Wire) -> None:
    wire.info, wire.rows = NoPermissionError("no"), {None: []}
    await nodes.meet()
    assert (nodes.met, nodes.divided) == (True, False)


async def test_each_key_has_its_master(nodes: Nodes, wire: Wire) -> None:
    wire.rows = {None: halves()}
    await nodes.meet()
    one, other = ("10.0.0.1", 7000), ("10.0.0.2", 7000)
    assert (nodes.divided, nodes.masters) == (True, (one, other))
    assert (nodes.of(key_of(0)), nodes.of(key_of(1).encode())) == (one, other)
    assert nodes.of("{%s}:a" % key_of(1)) == nodes.of_command([b"EVALSHA", "sha", 1, key_of(1)]) == other
    assert nodes.of_command([b"PING"]) == one, "anybody"


async def test_a_node_without_a_name_is_where_it_was_asked(nodes: Nodes, wire: Wire) -> None:
    wire.rows = {None: halves(b"", b"?")}
    await nodes.meet()
    assert nodes.masters == (("10.0.0.1", 7000),)
    assert nodes.moved(MovedError("5 :7001"), ("10.0.0.5", 7000)) == ("10.0.0.5", 7001)


async def test_nobody_has_a_slot(nodes: Nodes, wire: Wire) -> None:
    wire.rows = {None: []}
    with pytest.raises(ClusterDownError, match="no node has any slots yet"):
        await nodes.meet()
    assert not nodes.met
    wire.rows = {None: halves()[:1]}
    await nodes.meet()
    with pytest.raises(ClusterDownError, match=r"Hash slot \d+ is not served"):
        nodes.of(key_of(1))
    assert not nodes.settled, "it is asked again"


async def test_what_moves_is_followed_and_told(nodes: Nodes, wire: Wire) -> None:
    wire.rows = {None: halves()}
    await nodes.meet()
    told = []
    nodes.on_change = lambda: told.append(nodes.masters)
    key = key_of(0)
    asked = nodes.of(key)
    assert nodes.moved_for_once(AskError(f"{key_slot(key.encode())} 10.0.0.3:7000"), asked) == ("10.0.0.3", 7000)
    assert (nodes.of(key), told) == (asked, [])
    assert nodes.moved(MovedError(f"{key_slot(key.encode())} 10.0.0.3:7000"), asked) == ("10.0.0.3", 7000)
    assert nodes.of(key) == ("10.0.0.3", 7000)
    assert told == [(("10.0.0.1", 7000), ("10.0.0.2", 7000), ("10.0.0.3", 7000))]
    wire.rows = {("10.0.0.2", 7000): halves(b"10.0.0.3")}
    await nodes.meet()
    assert nodes.masters == (("10.0.0.2", 7000), ("10.0.0.3", 7000))
    assert len(told) == 2


async def test_whoever_is_there_is_asked_and_who_failed_last_comes_last(nodes: Nodes, wire: Wire) -> None:
    wire.rows = {None: halves()}
    await nodes.meet()
    nodes.asked_in_vain(("10.0.0.1", 7000))
    wire.rows, wire.asked = {("10.0.0.2", 7000): halves(b"10.0.0.2")}, []
    await nodes.meet()
    assert (wire.asked, nodes.masters) == ([("10.0.0.2", 7000)], (("10.0.0.2", 7000),))
    nodes.asked_in_vain(None)
    wire.rows, wire.asked = {}, []
    with pytest.raises(ConnectionError):
        await nodes.meet()
    assert wire.asked == [("10.0.0.2", 7000), None], "the URL may name another by now"


async def test_whoever_needs_all_of_them_waits_for_all(nodes: Nodes, wire: Wire) -> None:
    one, other = ("10.0.0.1", 7000), ("10.0.0.2", 7000)
    assert await nodes.trouble() == "refused"
    wire.rows = {None: []}
    assert await nodes.trouble() == "the Redis Cluster is down: no node has any slots yet"
    wire.rows = {None: halves()[:1]}
    wire.rows[one] = wire.rows[None]
    assert await nodes.trouble() == f"the Redis Cluster is down: {HALF} of 16384 slots have no master"
    wire.rows = {None: halves(), one: halves()}
    assert await nodes.trouble() == "10.0.0.2:7000: refused", "the other one is not up yet"
    wire.rows[other] = halves()
    wire.states[other] = b"cluster_state:fail\r\n"
    assert await nodes.trouble() == "10.0.0.2:7000: the Redis Cluster is down", "it does not know it yet"
    wire.states[other] = BusyLoadingError("Redis is loading the dataset in memory")
    assert str(await nodes.trouble()).startswith("10.0.0.2:7000: Redis is starting: ")
    wire.states[other] = NoPermissionError("no")
    assert await nodes.trouble() is None, "who may not ask tries"
    wire.states[other] = AuthenticationError("wrong")
    with pytest.raises(AuthenticationError):
        await nodes.trouble()


async def test_one_redis_that_does_not_serve_is_waited_for(nodes: Nodes, wire: Wire) -> None:
    wire.info, wire.rows = b"cluster_enabled:0", {None: []}
    wire.states[None] = BusyLoadingError("Redis is loading the dataset in memory")
    assert str(await nodes.trouble()).startswith("Redis is starting: ")
    del wire.states[None]
    assert await nodes.trouble() is None


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("gone"), redis.TimeoutError("late"), TimeoutError(), OSError("refused"), EOFError(),
        BusyLoadingError("loading"), ClusterDownError("down"), MasterDownError("down"), TryAgainError("moving"),
        MovedError("5 10.0.0.5:7001"), AskError("5 10.0.0.5:7001"),
    ],
)  # fmt: skip
def test_what_passes(error: Exception) -> None:
    assert passes(error)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("wrong"), AuthorizationError("no"), NoPermissionError("no"), ResponseError("what?"),
        OutOfMemoryError("full"), ReadOnlyError("a replica"), ValueError("ours"), None,
    ],
)  # fmt: skip
def test_what_does_not(error: Exception | None) -> None:
    assert not passes(error)


def test_the_key_of_a_command() -> None:
    assert key_in(["SET", "a", 1]) == "a"
    assert key_in([b"EVALSHA", "sha", 2, b"k", "l"]) == b"k"
    assert key_in(["PUBLISH", "channel", "x"]) == "channel"
    assert key_in(["INFO", "server"]) is None


def test_nodes_behind_a_socket_of_unix_are_reached_over_the_network() -> None:
    nodes = Nodes("unix://ann:secret@/run/redis.sock?db=0")
    options = nodes.pool(("10.0.0.2", 7000)).connection_kwargs
    assert (options["host"], options["port"], options["username"], "path" in options) == (
        "10.0.0.2",
        7000,
        "ann",
        False,
    )
    assert nodes.pool().connection_kwargs["path"] == "/run/redis.sock"
