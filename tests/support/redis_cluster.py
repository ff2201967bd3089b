"""A real Redis Cluster: three masters without replicas, each a process of its own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from tests.support.ports import free_port
from tests.support.redis_server import RedisServer

MASTERS = 3
SLOTS = 16_384
#: seconds until it must be there, however busy the machine is
PATIENCE = 60.0


class RedisClusterServers:
    """Three masters that know each other, each with a third of the slots and files below ``directory``.

    Their bus has ports of its own: ten thousand above those of Redis may be another test's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.servers: list[RedisServer] = []
        self.buses: list[int] = []
        self.replicas: list[RedisServer] = []
        for number in range(MASTERS):
            server, bus = self._server(f"master-{number}")
            self.servers.append(server)
            self.buses.append(bus)

    def _server(self, name: str) -> tuple[RedisServer, int]:
        home, bus = self._directory / name, free_port()
        home.mkdir(parents=True)
        options = (
            "--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "3000",
            "--cluster-config-file", "nodes.conf", "--cluster-replica-validity-factor", "0",
        )  # fmt: skip
        return RedisServer(home, options=options), bus

    def add_replica(self, number: int) -> RedisServer:
        """Start one that takes the place of a master when that is gone; returns once it follows it."""
        replica, bus = self._server(f"replica-{len(self.replicas)}")
        self.replicas.append(replica.start())
        master = self._say(number, "CLUSTER", "MYID").decode()
        self._say(0, "CLUSTER", "MEET", "127.0.0.1", replica.port, bus)
        with replica.client() as client:
            client.response_callbacks.clear()
            self._until(lambda: master in str(client.execute_command("CLUSTER", "NODES")))
            client.execute_command("CLUSTER", "REPLICATE", master)
            self._until(lambda: "master_link_status:up" in str(client.execute_command("INFO", "replication")))
        # The others grant it the place only once they know whose replica it is.
        for at in range(MASTERS):
            self._until(lambda at=at: any(len(row) > 3 for row in self._say(at, "CLUSTER SLOTS")))
        return replica

    def _until(self, well: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not well():
            assert time.monotonic() < deadline, [self._say(number, "CLUSTER", "NODES") for number in range(MASTERS)]
            time.sleep(0.05)

    @property
    def url(self) -> str:
        """Of one of them."""
        return self.servers[0].url

    def start(self) -> RedisClusterServers:
        """Start them, and return once all of them serve."""
        try:
            for number, server in enumerate(self.servers):
                server.start()
                self.give_slots(number)
            for number in range(1, MASTERS):
                self.introduce(number)
            self.wait()
        except BaseException:
            self.kill()
            raise
        return self

    def give_slots(self, number: int) -> None:
        """One of them, which has just been started for the first time, gets its third of the slots."""
        first, last = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1
        self._say(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        self._say(number, "CLUSTER", "ADDSLOTSRANGE", first, last)

    def introduce(self, number: int) -> None:
        """One of them gets to know the first, and whom that knows."""
        self._say(0, "CLUSTER", "MEET", "127.0.0.1", self.servers[number].port, self.buses[number])

    def wait(self) -> None:
        """Return once every one of them says that all is well, and knows of every slot where it is."""
        deadline = time.monotonic() + PATIENCE
        while not all(self._serves(number) for number in range(MASTERS)):
            assert time.monotonic() < deadline, [self._say(number, "CLUSTER", "INFO") for number in range(MASTERS)]
            time.sleep(0.05)

    def wait_for_a_gap(self) -> None:
        """Return once the first of them says that slots are served by nobody."""
        deadline = time.monotonic() + PATIENCE
        while "cluster_state:fail" not in str(self._say(0, "CLUSTER", "INFO")):
            assert time.monotonic() < deadline, "nobody notices that a master is gone"
            time.sleep(0.05)

    def _serves(self, number: int) -> bool:
        with suppress(redis.RedisError, OSError):
            well = "cluster_state:ok" in str(self._say(number, "CLUSTER", "INFO"))
            ports = {row[2][1] for row in self._say(number, "CLUSTER SLOTS")}
            return well and ports == {server.port for server in self.servers}
        return False

    def _say(self, number: int, *words: Any) -> Any:
        with self.servers[number].client() as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)

    def flush(self) -> None:
        """Empty it, once all is well."""
        self.wait()
        for number in range(MASTERS):
            self._say(number, "FLUSHALL")

    def port_of(self, key: str) -> int:
        """On whose node a key is."""
        return self.server_of(key).port

    def server_of(self, key: str) -> RedisServer:
        """Who has a key."""
        slot = int(self._say(0, "CLUSTER", "KEYSLOT", key))
        port = next(row[2][1] for row in self._say(0, "CLUSTER SLOTS") if row[0] <= slot <= row[1])
        return next(server for server in self.servers if server.port == port)

    def move_slot(self, key: str, to: RedisServer) -> None:
        """Give the slot of a key to another master, with the keys in it, as ``redis-cli --cluster reshard`` does."""
        for _ in self._move(key, to):
            time.sleep(0.05)  # long enough for somebody to come upon it in between

    async def moving(self, key: str, to: RedisServer) -> AsyncIterator[None]:
        """The same in steps: between two of them, the caller does what it likes."""
        for step in self._move(key, to):
            yield step

    def _move(self, key: str, to: RedisServer) -> Iterator[None]:
        slot = int(self._say(0, "CLUSTER", "KEYSLOT", key))
        source, target = self.servers.index(self.server_of(key)), self.servers.index(to)
        ids = [self._say(number, "CLUSTER", "MYID") for number in range(MASTERS)]
        self._say(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        self._say(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        yield
        while keys := self._say(source, "CLUSTER", "GETKEYSINSLOT", slot, 1):
            self._say(source, "MIGRATE", "127.0.0.1", to.port, keys[0], 0, 5000)
            yield
        for number in sorted(range(MASTERS), key=lambda each: each != target):
            self._say(number, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        deadline = time.monotonic() + PATIENCE
        while self.server_of(key) is not to:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to all; their files stay."""
        for server in (*self.servers, *self.replicas):
            server.kill()
