"""The cluster over Redis pub/sub: one connection that listens, one that speaks.

Nothing here is ever the only record of an edit. In a Redis Cluster there are as many as masters: what is told of a
document is published on the node that has its log, and heard there, so that nobody depends on what nodes of Redis pass
on to each other, and everybody hears it in one order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from collab.cluster.base import Cluster, Listener, Watcher
from collab.cluster.health import Health
from collab.cluster.redis_ear import Ear
from collab.errors import CollabError
from collab.incidents import Incident
from collab.protocol.bells import decode, encode_note
from collab.stores.redis_link import RedisLink, shown_url
from collab.stores.redis_nodes import FAILURES, Address, Command
from collab.stores.redis_scripts import HEARTBEAT, Script
from collab.stores.redis_words import words_of

#: seconds between two heartbeats of a node
BEAT_INTERVAL = 1.0
#: seconds for which a heartbeat counts: one may be late
LEASE = 2.5
#: seconds for which a node must be missing, and we within reach, before its people go
MISSING = 2.0
#: seconds until a heartbeat that failed is repeated
RETRY = 0.2
#: seconds until we listen where channels have gone: as a rule many go at a time
REARRANGE = 0.05
#: seconds that joining a document may take
JOIN_TIMEOUT = 3.0
#: notes that may wait to be sent; more is not worth sending late
MAX_WAITING = 10_000

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
        self._ears: dict[Address, Ear] = {}
        #: where each channel is listened to
        self._placed: dict[bytes, Address] = {}
        self._rearranging: asyncio.TimerHandle | None = None
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
        self._troubles: dict[str, str] = {}
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

    @property
    def trouble(self) -> str:
        """See :class:`Cluster`."""
        return next(iter(self._troubles.values()), "")

    def urls(self) -> list[str]:
        """Where Redis can be reached: its URL first, then those of the masters of a Redis Cluster."""
        return self._link.urls()

    def log_answered(self, well: bool) -> None:
        """The log, which has a connection of its own, was answered or not."""
        self._report("log", well)

    # -- open and close -------------------------------------------------------------------------

    async def open(self, watcher: Watcher) -> None:
        """See :class:`Cluster`."""
        self._watcher = watcher
        loop = asyncio.get_running_loop()
        nodes = self._link.nodes
        try:
            await nodes.meet()
            self._ears = {address: self._ear(address) for address in nodes.masters}
            for ear in self._ears.values():
                await ear.open()
            nodes.on_change = self._changed
            await self._beat()
        except FAILURES as error:
            await self._close_ears()
            raise CollabError("cluster_degraded", f"Redis is out of reach: {words_of(error)}.") from error
        self._reachable_since = loop.time()
        self._chores = [loop.create_task(chore) for chore in (self._speak(), self._judge())]

    async def close(self) -> None:
        """See :class:`Cluster`."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, *self._settling, return_exceptions=True)
        await self._close_ears()
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
        await asyncio.sleep(0)  # the turn of the loop in which their sockets are closed

    # -- listening ------------------------------------------------------------------------------

    def _ear(self, address: Address) -> Ear:
        """What listens to a node."""
        ear = Ear(
            self._link, address, lambda: [channel for channel, at in self._placed.items() if at == address],
            self._dispatch, lambda: self._call(self._watcher.bells_missed),
            lambda well, why: self._report(ear.name, well, why) if self._ears.get(address) is ear else None,
        )  # fmt: skip
        return ear

    async def _close_ears(self) -> None:
        self._link.nodes.on_change = lambda: None
        if self._rearranging is not None:
            self._rearranging.cancel()
        ears, self._ears = self._ears, {}
        await asyncio.gather(*(ear.close() for ear in ears.values()))

    def _changed(self) -> None:
        if self._rearranging is None:
            self._rearranging = asyncio.get_running_loop().call_later(REARRANGE, self._rearrange)

    def _rearrange(self) -> None:
        """Masters have come or gone, or what they have is elsewhere: listen there."""
        self._rearranging = None
        nodes = self._link.nodes
        for address in nodes.masters:
            if address not in self._ears:
                self._ears[address] = self._ear(address)
                self._ears[address].begin()
        for channel, before in list(self._placed.items()):
            try:
                now = nodes.of(channel)
            except FAILURES:
                continue  # nobody has it at present
            if now != before:
                self._placed[channel] = now
                self._spawn(self._replace(channel, before, now))
        for address in [address for address in self._ears if address not in nodes.masters]:
            self._health.forget(part := self._ears[address].name)
            self._troubles.pop(part, None)
            self._spawn(self._ears.pop(address).close())

    async def _replace(self, channel: bytes, before: Address, now: Address) -> None:
        """Listen at another node, and no more at the one before once that is so: for a moment both are heard."""
        joining = self._joining.get(channel)
        if joining is None:
            joining = self._joining[channel] = asyncio.get_running_loop().create_future()
        await self._subscribe_or_not(channel, now)
        await asyncio.wait([joining], timeout=JOIN_TIMEOUT)
        if self._joining.get(channel) is joining:
            del self._joining[channel]
        await self._subscribe_or_not(channel, before)

    async def join(self, document: str, listener: Listener) -> None:
        """See :class:`Cluster`."""
        channel = self._link.channel(document).encode()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners[channel] = listener
        self._joining[channel] = future
        try:
            self._placed[channel] = self._link.nodes.of(channel)
            if self._rearranging is not None and self._placed[channel] not in self._ears:
                self._rearranging.cancel()
                self._rearrange()
            async with asyncio.timeout(JOIN_TIMEOUT):
                await self._command(self._placed[channel], b"SUBSCRIBE", channel)
                await future
        except FAILURES:
            self.leave(document)
            raise CollabError("cluster_degraded", retry_after=1) from None
        finally:
            self._joining.pop(channel, None)

    def leave(self, document: str) -> None:
        """See :class:`Cluster`."""
        channel = self._link.channel(document).encode()
        if self._listeners.pop(channel, None) is not None and channel in self._placed:
            self._settle(channel, self._placed.pop(channel))

    def renew(self, document: str) -> None:
        """See :class:`Cluster`."""
        channel = self._link.channel(document).encode()
        if channel in self._placed:
            self._settle(channel, self._placed[channel])

    def _settle(self, channel: bytes, address: Address) -> None:
        self._spawn(self._subscribe_or_not(channel, address))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _subscribe_or_not(self, channel: bytes, address: Address) -> None:
        try:
            here = channel in self._placed and self._placed[channel] == address
            await self._command(address, b"SUBSCRIBE" if here else b"UNSUBSCRIBE", channel)
        except FAILURES:
            return  # a new connection subscribes to what is listened to by then

    async def _command(self, address: Address, *words: bytes) -> None:
        ear = self._ears.get(address)
        if ear is None:
            raise ConnectionError("not connected")
        await ear.command(*words)

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
                found = [await node.pubsub_numsub(self._link.channel(document)) for node in client.masters()]
        except CollabError:
            return 0
        return sum(int(number) for (_, number), *_ in found)

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
            except FAILURES as error:
                # Notes are not repeated, they would be old: the watcher says anew what holds by then.
                self._notes_lost = self._notes_lost or bool(notes)
                self._report("notes", False, words_of(error))
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

    def _report(self, part: str, well: bool, why: str = "") -> None:
        if well:
            self._troubles.pop(part, None)
        elif why:
            self._troubles[part] = why
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
                self._outage.begin(url=self._url, parts=self._health.failing, reason=self.trouble)
            self._call(self._watcher.cluster_changed, reachable)
