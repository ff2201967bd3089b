"""Where the nodes of a Redis are: one, or the masters of a Redis Cluster, of which each has some of the slots of keys.

Which of the two it is, Redis says itself, when it is met first. Where slots are is asked again whenever a node did not
answer, or said that a slot has moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions as faults
from redis.asyncio import Connection, ConnectionPool, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, ClusterDownError, NoPermissionError, RedisError

from collab.stores.redis_words import words_of

#: what a command raises when Redis cannot be reached or does not do it
FAILURES = (RedisError, OSError, TimeoutError, EOFError)
#: of these, what may be otherwise soon: a node is away or loads, slots are on their way or without a master
_PASSING = (
    faults.ConnectionError,
    faults.TimeoutError,
    ClusterDownError,
    faults.TryAgainError,
    AskError,
    OSError,
    EOFError,
)
#: kinds of ConnectionError that are refusals
_LASTING = (faults.AuthenticationError, faults.AuthorizationError)
#: seconds until an answer is given up
ANSWER_TIMEOUT = 3.0
#: times that a command is sent after its key
REDIRECTIONS = 5

#: no timeouts of its own: below Python 3.12 redis-py's lose a cancellation (``asyncio.wait_for``), and who
#: listens waits for ever anyway; ours are around every call
OPTIONS: dict[str, Any] = {"protocol": 2, "socket_timeout": None, "socket_connect_timeout": ANSWER_TIMEOUT}

Command = Sequence[bytes | str | int | float]
#: host and port of a node; None: what the URL names
Address = tuple[str, int] | None

#: commands without a key
_KEYLESS = {"ASKING", "CLUSTER", "CONFIG", "INFO", "PING", "PUBSUB", "SCRIPT", "TIME"}


class Nodes:
    """The nodes behind a URL.

    Attributes:
        met: whether it is known what they are.
        divided: whether they are those of a Redis Cluster.
        masters: where they are.
        on_change: called when those, or what they have, are others than before.
    """

    def __init__(self, url: str) -> None:
        self._pool: Any = ConnectionPool.from_url(url, **OPTIONS, retry=never())
        self._owners: list[Address] = []
        self._lock = asyncio.Lock()
        self._stale = False
        self._suspect: Address = None
        self.met = False
        self.divided = False
        self.masters: tuple[Address, ...] = (None,)
        self.on_change: Callable[[], None] = lambda: None

    # -- connections ----------------------------------------------------------------------------

    def connection(self, address: Address = None) -> Any:
        """A bare connection that waits for ever for what comes; not connected yet."""
        return self.pool(address).make_connection()

    def pool(self, address: Address = None) -> Any:
        """A pool of connections to a node."""
        kind, options = self._pool.connection_class, dict(self._pool.connection_kwargs)
        if address is not None:
            options |= {"host": address[0], "port": address[1]}
            if issubclass(kind, UnixDomainSocketConnection):
                kind = Connection
                del options["path"]
        return ConnectionPool(connection_class=kind, **options)

    # -- where is what --------------------------------------------------------------------------

    def of_slot(self, slot: int) -> Address:
        """Which node has a slot.

        Raises:
            ClusterDownError: none has.
        """
        if not self.divided:
            return None
        if (owner := self._owners[slot]) is None:
            self._stale = True
            raise ClusterDownError(f"Hash slot {slot} is not served")
        return owner

    def of(self, key: bytes | str) -> Address:
        """Which node has a key, or whose order of messages a channel has; raises as :meth:`of_slot`."""
        if not self.divided:
            return None
        return self.of_slot(key_slot(key.encode() if isinstance(key, str) else key))

    def of_command(self, command: Command) -> Address:
        """Which node carries out a command; raises as :meth:`of_slot`."""
        if not self.divided:
            return None
        key = key_in(command)
        return self.masters[0] if key is None else self.of(key)

    @property
    def settled(self) -> bool:
        """Whether :meth:`meet` has nothing to do."""
        return self.met and not self._stale

    async def meet(self) -> None:
        """Find out what is there, unless that is known.

        Raises:
            RedisError, OSError, TimeoutError: nobody answers.
        """
        if self.settled:
            return
        async with self._lock:
            if not self.met:
                await self._look(None)
            elif self._stale:
                await self._look_again()

    async def _look_again(self) -> None:
        known = sorted(self.masters, key=lambda each: each == self._suspect)
        for number, address in enumerate([*known, None], 1):
            try:
                await self._look(address)
                return
            except FAILURES:
                if number > len(known):
                    raise

    async def _look(self, address: Address) -> None:
        connection = self.connection(address)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await connection.connect()
                if not self.met:
                    (info,) = await exchange(connection, [[b"INFO", b"cluster"]])
                    # What this user may not do is found out with all the rest.
                    if isinstance(info, RedisError) and not isinstance(info, NoPermissionError):
                        raise info
                    self.divided = isinstance(info, bytes) and b"cluster_enabled:1" in info
                if self.divided:
                    (rows,) = await exchange(connection, [[b"CLUSTER", b"SLOTS"]])
                    if isinstance(rows, RedisError):
                        raise rows
                    self._take(rows, address)
            self.met, self._stale = True, False
        finally:
            await connection.disconnect(nowait=True)

    def _take(self, rows: Sequence[Any], asked: Address) -> None:
        owners: list[Address] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_ in rows:
            owner = self._named(host, int(port), asked)
            owners[first : last + 1] = [owner] * (last + 1 - first)
        masters = tuple(sorted({owner for owner in owners if owner is not None}))
        if not masters:
            raise ClusterDownError("no node has any slots yet")
        if (masters, owners) != (self.masters, self._owners):
            self.masters, self._owners = masters, owners
            if self.met:
                self.on_change()

    def _named(self, host: bytes | str | None, port: int, asked: Address) -> Address:
        """A node that does not know its own name is at the one where it was asked."""
        name = host.decode() if isinstance(host, bytes) else host
        if not name or name == "?":
            name = asked[0] if asked is not None else str(self._pool.connection_kwargs.get("host", "localhost"))
        return name, port

    async def trouble(self) -> str | None:
        """Why whoever needs all of it has to wait, in words. None: every slot has a master, and each master says that
        all is well: they come to know of each other one after the other.

        Raises:
            RedisError: what no waiting mends.
        """
        try:
            await self.meet()
            if self.divided:
                self._stale = True  # what is known may be of before
                await self.meet()
                if missing := self._owners.count(None):
                    return f"the Redis Cluster is down: {missing} of {len(self._owners)} slots have no master"
        except FAILURES as error:
            if not passes(error):
                raise
            return words_of(error)
        return next(filter(None, await asyncio.gather(*map(self._trouble_at, self.masters))), None)

    async def _trouble_at(self, address: Address) -> str | None:
        where = "" if address is None else f"{address[0]}:{address[1]}"
        connection = self.connection(address)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await connection.connect()
                (said,) = await exchange(connection, [[b"CLUSTER", b"INFO"] if self.divided else [b"PING"]])
            if isinstance(said, RedisError) and not isinstance(said, NoPermissionError):
                raise said
        except FAILURES as error:
            if not passes(error):
                raise
            words = words_of(error)
            return words if where in words else f"{where}: {words}"
        finally:
            await connection.disconnect(nowait=True)
        if self.divided and isinstance(said, bytes) and b"cluster_state:ok" not in said:
            return f"{where}: the Redis Cluster is down"
        return None

    # -- what nodes say -------------------------------------------------------------------------

    def moved(self, error: AskError, asked: Address) -> Address:
        """A node has said that a slot is elsewhere; returns where."""
        owner = self._named(error.host, error.port, asked)
        if self.divided:
            self._owners[error.slot_id] = owner
            self._stale = True
            if owner not in self.masters:
                self.masters += (owner,)
            self.on_change()
        return owner

    def moved_for_once(self, error: AskError, asked: Address) -> Address:
        """A node has said that a key is elsewhere already, and the rest of its slot is not; returns where."""
        return self._named(error.host, error.port, asked)

    def asked_in_vain(self, address: Address) -> None:
        """A node did not answer, or has said that it cannot: another may have its place by now."""
        self._stale = self.divided
        self._suspect = address


def passes(error: BaseException | None) -> bool:
    """Whether what Redis said, or what happened to a connection, may be otherwise soon, without anybody doing anything
    about it here."""
    return isinstance(error, _PASSING) and not isinstance(error, _LASTING)


def never() -> Retry:
    """Retrying is ours: who reconnects must know that something may have been missed."""
    return Retry(NoBackoff(), 0)


def key_in(command: Command) -> bytes | str | None:
    """The first key of a command, or its channel; a command has keys of one slot."""
    word = command[0]
    name = (word.decode() if isinstance(word, bytes) else str(word)).upper()
    if name in _KEYLESS:
        return None
    key = command[3] if name in ("EVAL", "EVALSHA") else command[1]
    return key if isinstance(key, bytes | str) else str(key)


async def exchange(connection: Any, commands: Sequence[Command]) -> list[Any]:
    """Send ``commands`` over a connection, and read what is said to each: an answer, or the error in its place."""
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    answers: list[Any] = []
    for _ in commands:
        try:
            answers.append(await connection.read_response())
        except RedisError as error:
            if not connection.is_connected:
                raise
            answers.append(error)
    return answers
