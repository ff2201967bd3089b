"""The cluster over Redis pub/sub: one connection that listens, one that speaks.

Nothing here is ever the only record of an edit. The listening connection has no timeout, because
silence is normal; a ping of our own every half second tells a quiet Redis from one that is gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from collab.cluster.base import Cluster, Listener, Watcher
from collab.cluster.health import Health
from collab.errors import CollabError
from collab.incidents import Incident
from collab.protocol.bells import decode, encode_note
from collab.stores.redis_link import FAILURES, Command, RedisLink, shown_url
from collab.stores.redis_scripts import HEARTBEAT, Script

#: seconds between two heartbeats of a node
BEAT_INTERVAL = 1.0
#: seconds for which a heartbeat counts: one may be late
LEASE = 2.5
#: seconds for which a node must be missing, and we within reach, before its people go
MISSING = 2.0
#: seconds between two pings of the listening connection
PING_INTERVAL = 0.5
#: seconds for which it may be silent
SILENCE = 2.0
#: seconds between two tries to reconnect
RETRY = 0.2
#: seconds that joining a document may take
JOIN_TIMEOUT = 3.0
#: notes that may wait to be sent; more is not worth sending late
MAX_WAITING = 10_000
#: channels of one SUBSCRIBE
_MANY = 500

_log = structlog.get_logger("collab.cluster")


class RedisCluster(Cluster):
    """One node of a cluster.

    Args:
        link: where Redis is.
        node: our name.
    """

    def __init__(self, link: RedisLink, node: str) -> None:
        self.node = node
        self._link = link
        self._pipe = link.pipe()
        self._listeners: dict[bytes, Listener] = {}
        self._joining: dict[bytes, asyncio.Future[None]] = {}
        self._connection: Any = None
        self._heard_at = 0.0
        self._notes: list[Command] = []
        #: some notes never went out
        self._notes_lost = False
        self._speaking = asyncio.Event()
        self._people: dict[str, int] = {}
        self._people_told: dict[str, int] = {}
        self._alive: set[str] = {node}
        self._missing: dict[str, float] = {}
        #: nodes that were told to have left; hundreds of restarts later they do not come back
        self._left: deque[str] = deque(maxlen=500)
        self._reachable = True
        self._reachable_since = 0.0
        self._health = Health("bells", "notes", "log")
        self._url = shown_url(link.url)
        self._outage = Incident(_log, "the cluster is out of reach", "the cluster is back", level="warning")
        self._watcher: Watcher
        self._chores: list[asyncio.Task[None]] = []
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def nodes(self) -> int:
        """See :class:`Cluster`."""
        return len(self._alive)

    @property
    def reachable(self) -> bool:
        """See :class:`Cluster`."""
        return self._reachable

    def log_answered(self, well: bool) -> None:
        """The log, which has a connection of its own, was answered or not."""
        self._report("log", well)

    # -- open and close -------------------------------------------------------------------------

    async def open(self, watcher: Watcher) -> None:
        """See :class:`Cluster`."""
        self._watcher = watcher
        loop = asyncio.get_running_loop()
        try:
            await self._connect()
            await self._beat()
        except FAILURES as error:
            raise CollabError("cluster_degraded", f"Redis is out of reach: {error}.") from None
        self._reachable_since = loop.time()
        self._chores = [
            loop.create_task(chore) for chore in (self._listen(), self._ping(), self._speak(), self._judge())
        ]

    async def close(self) -> None:
        """See :class:`Cluster`."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, *self._settling, return_exceptions=True)
        if self._chores and self._reachable:
            farewell: list[Command] = [
                *self._notes,
                [b"ZREM", self._link.shared_key("nodes"), self.node],
                [b"DEL", self._people_key(self.node)],
            ]
            try:
                await self._pipe.run(farewell)
            except FAILURES as error:
                _log.info("left without a word", reason=type(error).__name__)
        self._chores = []
        await self._pipe.drop()
        await self._hang_up()
        await asyncio.sleep(0)  # the turn of the loop in which their sockets are closed

    # -- listening ------------------------------------------------------------------------------

    async def join(self, document: str, listener: Listener) -> None:
        """See :class:`Cluster`."""
        channel = self._link.channel(document).encode()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners[channel] = listener
        self._joining[channel] = future
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                await self._command(b"SUBSCRIBE", channel)
                await future
        except FAILURES:
            self.leave(document)
            raise CollabError("cluster_degraded", retry_after=1) from None
        finally:
            self._joining.pop(channel, None)

    def leave(self, document: str) -> None:
        """See :class:`Cluster`."""
        channel = self._link.channel(document).encode()
        if self._listeners.pop(channel, None) is not None:
            self._settle(channel)

    def renew(self, document: str) -> None:
        """See :class:`Cluster`."""
        self._settle(self._link.channel(document).encode())

    def _settle(self, channel: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._subscribe_or_not(channel))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _subscribe_or_not(self, channel: bytes) -> None:
        try:
            await self._command(b"SUBSCRIBE" if channel in self._listeners else b"UNSUBSCRIBE", channel)
        except FAILURES:
            return  # a new connection subscribes to what is listened to by then

    async def _command(self, *words: bytes) -> None:
        connection = self._connection
        if connection is None:
            raise ConnectionError("not connected")
        await connection.send_packed_command(connection.pack_command(*words), check_health=False)

    async def _connect(self) -> None:
        connection = self._link.connection()
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                await connection.connect()
                channels = list(self._listeners)
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
                    self._report("bells", True)
                    self._call(self._watcher.bells_missed)
                    continue
                message = await connection.read_response(disconnect_on_error=False)
            except FAILURES as error:
                if connection is not None:
                    reason = str(error)[:100] or type(error).__name__
                    _log.warning("bells are out of reach", reason=reason, url=self._url)
                self._report("bells", False)
                await self._hang_up()
                await asyncio.sleep(0 if connection is not None else RETRY)
                continue
            self._heard_at = loop.time()
            try:
                self._dispatch(message)
            except Exception:
                _log.exception("a message of another node could not be taken")

    def _dispatch(self, message: Any) -> None:
        kind = message[0] if isinstance(message, list) else None
        if kind == b"message":
            listener = self._listeners.get(message[1])
            if listener is not None:
                listener.hear(decode(message[2]))
        elif kind == b"subscribe":
            joining = self._joining.get(message[1])
            if joining is not None and not joining.done():
                joining.set_result(None)

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
                self._report("bells", False)
                await connection.disconnect(nowait=True)
                continue
            try:
                await self._command(b"PING")
            except FAILURES:
                continue  # the listener finds out by itself

    # -- speaking -------------------------------------------------------------------------------

    def tell(self, document: str, body: Mapping[str, Any]) -> None:
        """See :class:`Cluster`."""
        if len(self._notes) >= MAX_WAITING:
            self._notes_lost = True
            return
        self._notes.append([b"PUBLISH", self._link.channel(document), encode_note(self.node, dict(body))])
        self._speaking.set()

    async def listeners(self, document: str) -> int:
        """See :class:`Cluster`."""
        try:
            async with self._link.asking() as client:
                (_, number), *_ = await client.pubsub_numsub(self._link.channel(document))
        except CollabError:
            return 0
        return int(number)

    def count(self, people: Mapping[str, int]) -> None:
        """See :class:`Cluster`."""
        self._people = dict(people)

    async def people(self, documents: Sequence[str]) -> list[int]:
        """See :class:`Cluster`."""
        others = sorted(self._alive - {self.node})
        if not (others and documents):
            return [0] * len(documents)
        try:
            async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
                for node in others:
                    pipeline.hmget(self._people_key(node), list(documents))
                rows = await pipeline.execute()
        except CollabError:
            return [0] * len(documents)
        return [sum(int(row[at] or 0) for row in rows) for at in range(len(documents))]

    def _people_key(self, node: str) -> str:
        return self._link.shared_key(f"people:{node}")

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        next_beat = loop.time() + BEAT_INTERVAL
        while True:
            try:
                async with asyncio.timeout_at(next_beat):
                    await self._speaking.wait()
            except TimeoutError:
                next_beat = loop.time() + BEAT_INTERVAL
                beating = True
            else:
                beating = False
            self._speaking.clear()
            notes, self._notes = self._notes, []
            try:
                if notes:
                    await self._pipe.run(notes)
                if beating:
                    await self._beat()
            except FAILURES:
                # Notes are not repeated, they would be old: the watcher says anew what holds by then.
                self._notes_lost = self._notes_lost or bool(notes)
                self._report("notes", False)
                next_beat = min(next_beat, loop.time() + RETRY)
            else:
                self._report("notes", True)
                if self._notes_lost:
                    self._notes_lost = False
                    self._call(self._watcher.notes_lost)

    async def _beat(self) -> None:
        commands: list[Command | tuple[Script, Command]] = [
            (HEARTBEAT, (1, self._link.shared_key("nodes"), self.node, LEASE))
        ]
        key, people = self._people_key(self.node), self._people
        if people != self._people_told:
            commands.append([b"DEL", key])
            if people:
                commands.append([b"HSET", key, *(word for item in people.items() for word in item)])
        commands.append([b"PEXPIRE", key, int(1000 * LEASE)])
        answer, *_, kept = await self._pipe.run(commands)
        if isinstance(answer, Exception):
            raise answer
        self._people_told = people if kept == 1 else {}
        self._heard_of({node.decode() for node in answer})

    def _heard_of(self, alive: set[str]) -> None:
        """Take the list of nodes with a heartbeat; those missing from it for a while have left."""
        beating = set(alive)
        now = asyncio.get_running_loop().time()
        for node in self._alive - alive:
            # After an outage of ours the others may be missing because they could not renew their lease.
            since = max(self._missing.get(node, now), self._reachable_since + LEASE)
            if now - since < MISSING:
                self._missing.setdefault(node, now)
                alive.add(node)
                continue
            _log.info("a node has left", node=node)
            self._left.append(node)
            self._call(self._watcher.node_left, node)
        for node in [node for node in self._left if node in beating]:
            self._left.remove(node)
            self._call(self._watcher.node_returned, node)
        self._missing = {node: since for node, since in self._missing.items() if node in alive - beating}
        self._alive = alive

    def _call(self, tell: Callable[..., None], *news: Any) -> None:
        """Tell the watcher something; a fault of it must not end the task that listens or speaks."""
        try:
            tell(*news)
        except Exception:
            _log.exception("news of the cluster could not be taken")

    # -- health ---------------------------------------------------------------------------------

    def _report(self, part: str, well: bool) -> None:
        self._health.report(part, well, asyncio.get_running_loop().time())

    async def _judge(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.1)
            reachable = self._health.judge(loop.time())
            if reachable == self._reachable:
                continue
            self._reachable = reachable
            self._link.down = not reachable
            if reachable:
                self._reachable_since = loop.time()
                self._outage.end(url=self._url)
            else:
                self._outage.begin(url=self._url, parts=self._health.failing)
            self._call(self._watcher.cluster_changed, reachable)
