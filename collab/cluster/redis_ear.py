"""One connection that listens to a Redis, and is made again whenever it breaks.

It has no timeout, because silence is normal; a ping of our own every half second tells a quiet Redis from one that is
gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import structlog

from collab.stores.redis_link import RedisLink, shown_url
from collab.stores.redis_nodes import FAILURES, Address
from collab.stores.redis_words import words_of

#: seconds between two pings
PING_INTERVAL = 0.5
#: seconds for which it may be silent
SILENCE = 2.0
#: seconds between two tries to reconnect
RETRY = 0.2
#: seconds that connecting may take
CONNECT_TIMEOUT = 3.0
#: channels of one SUBSCRIBE
_MANY = 500

_log = structlog.get_logger("collab.cluster")


class Ear:
    """Hears what is published on some channels.

    Args:
        address: of the node that it listens to; None: the one of the URL.
        channels: on which, at present; a new connection subscribes to them.
        on_message: is given whatever comes.
        on_return: called when what was published meanwhile may have been missed, and no more is.
        report: told whether it hears, and if not, why.

    Attributes:
        name: what of the cluster it is, in the log.
    """

    def __init__(
        self,
        link: RedisLink,
        address: Address,
        channels: Callable[[], Collection[bytes]],
        on_message: Callable[[Any], None],
        on_return: Callable[[], None],
        report: Callable[[bool, str], None],
    ) -> None:
        self.name = "bells" if address is None else f"bells of {address[0]}:{address[1]}"
        self._link = link
        self._address = address
        self._channels = channels
        self._on_message = on_message
        self._on_return = on_return
        self._report = report
        self._where = shown_url(link.url) if address is None else f"{address[0]}:{address[1]}"
        self._connection: Any = None
        self._heard_at = 0.0
        self._chores: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin, with a connection.

        Raises:
            RedisError, OSError, TimeoutError: Redis does not answer.
        """
        await self._connect()
        self.begin()

    def begin(self) -> None:
        """Begin; whoever needs a connection hears of it when there is one."""
        loop = asyncio.get_running_loop()
        self._chores = [loop.create_task(chore) for chore in (self._listen(), self._ping())]

    async def close(self) -> None:
        """End. Idempotent."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        self._chores = []
        await self._hang_up()

    async def command(self, *words: bytes) -> None:
        """Send a command, whose answer comes as a message.

        Raises:
            RedisError, OSError: there is no connection.
        """
        connection = self._connection
        if connection is None:
            raise ConnectionError("not connected")
        await connection.send_packed_command(connection.pack_command(*words), check_health=False)

    async def _connect(self) -> None:
        connection = self._link.connection(self._address)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await connection.connect()
                channels = list(self._channels())
                for at in range(0, len(channels), _MANY):
                    some = channels[at : at + _MANY]
                    await connection.send_packed_command(
                        connection.pack_command(b"SUBSCRIBE", *some), check_health=False
                    )
                    for _ in some:
                        await connection.read_response()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection
        self._heard_at = asyncio.get_running_loop().time()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection = self._connection
            try:
                if connection is None:
                    await self._connect()
                    self._report(True, "")
                    self._on_return()
                    continue
                message = await connection.read_response(disconnect_on_error=False)
            except FAILURES as error:
                if connection is not None:
                    _log.warning("bells are out of reach", reason=words_of(error), url=self._where)
                self._report(False, words_of(error))
                await self._hang_up()
                self._link.nodes.asked_in_vain(self._address)
                await asyncio.sleep(0 if connection is not None else RETRY)
                continue
            self._heard_at = loop.time()
            try:
                self._on_message(message)
            except Exception:
                _log.exception("a message of another node could not be taken")

    async def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(PING_INTERVAL)
            if loop.time() - before > 2 * PING_INTERVAL:
                self._heard_at = loop.time()  # it was us who were not listening
            connection = self._connection
            if connection is None:
                continue
            if loop.time() - self._heard_at > SILENCE:
                self._report(False, "Redis is silent")
                await connection.disconnect(nowait=True)
                continue
            try:
                await self.command(b"PING")
            except FAILURES:
                continue  # the listener finds out by itself
