"""The outbox in Redis: events beside their documents, deliveries under a hash tag for each endpoint.

The scripts that change a document put its events into its own list, in the same step. ``collab:outbox`` lists the
documents that have something there, by when somebody is to look. It lies elsewhere, so it is written before: an entry
without events is harmless, and goes when it was found without any twice, half a minute apart.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

import orjson

from collab.stores.failpoints import failpoint
from collab.stores.outbox import (
    COLLECTED_AT_ONCE,
    LANE_AT_ONCE,
    LONGEST,
    MOST_PARTICIPANTS,
    QUIET,
    Delivery,
    EndpointState,
    Event,
    Match,
    Outbox,
    Settled,
)
from collab.stores.redis_link import RedisLink, unavailable
from collab.stores.redis_nodes import FAILURES, Command
from collab.stores.redis_outbox_scripts import (
    COLLECT,
    ENQUEUE,
    HURRY,
    LEASE,
    PUT,
    RESCHEDULE,
    REVIVE,
    SETTLE,
)
from collab.stores.redis_scripts import Script

#: documents that one look goes through, and events of one of them
LOOKED_AT_ONCE = 200
EVENTS_AT_ONCE = 100
#: seconds until a document that had nothing is looked at again; after the last it is forgotten
SECOND_LOOKS = (1.0, 30.0)
#: bytes that stand for whole numbers in what scripts write
_WHOLE = ("offset", "position", "updates", "bytes", "version")


class RedisOutbox(Outbox):
    """Events and deliveries in one Redis.

    Args:
        node: the name of this process among the nodes.
    """

    def __init__(self, link: RedisLink, node: str) -> None:
        super().__init__()
        self._link = link
        self._node = node
        self._pipe = link.pipe()
        self.index = link.shared_key("outbox")
        self._empty: dict[str, int] = {}

    async def open(self, wanted: frozenset[str]) -> None:
        """See :class:`Outbox`."""
        self.wanted = wanted

    # -- for the store --------------------------------------------------------------------------

    def telling(self) -> str:
        """What a script is given: empty, or a name for the events that it puts aside; + asks for edits, too."""
        if not self.wanted:
            return ""
        return secrets.token_hex(11) + ("+" if "document.changed" in self.wanted else "")

    def entry(self, document: str, at: float) -> Command:
        """Before a script that may put something aside: somebody looks at ``at``."""
        return [b"ZADD", self.index, at, document]

    async def announce(self, document: str) -> None:
        """The same, where the script is not in a pipeline."""
        if self.wanted:
            async with self._link.asking() as client:
                await client.zadd(self.index, {document: time.time()})

    def taken(self, document: str) -> Sequence[Event]:
        """What goes with an edit that is just being logged."""
        return self.notes.pop(document, ()) if self.notes else ()

    # -- events ---------------------------------------------------------------------------------

    async def put(self, events: Sequence[Event]) -> None:
        """See :class:`Outbox`; the time is that of Redis."""
        commands: list[Command | tuple[Script, Command]] = []
        for each in events:
            commands.append(self.entry(each.document, time.time()))
            key = self._link.key(each.document, "outbox")
            words: Command = [1, key, self.telling(), each.type, orjson.dumps(each.data)]
            commands.append((PUT, words))
        await self._run(commands)

    async def collect(self, now: float, match: Match) -> tuple[int, dict[str, int]]:
        """See :class:`Outbox`; what was collected and not taken off the list is known by its id."""
        (found,) = await self._run(
            [[b"ZRANGE", self.index, b"-inf", now, b"BYSCORE", b"LIMIT", 0, LOOKED_AT_ONCE, b"WITHSCORES"]]
        )
        looks = [(found[at].decode(), float(found[at + 1])) for at in range(0, len(found), 2)]
        if not looks:
            return 0, {}
        link = self._link
        answers = await self._run([self._collecting(name) for name, _ in looks])
        count = 0
        dropped: dict[str, int] = {}
        commands: list[Command | tuple[Script, Command]] = []
        for (name, seen), (due, left, events) in zip(looks, answers, strict=True):
            if events:
                for id, lost in (await self._enqueue(name, events, now, match)).items():
                    dropped[id] = dropped.get(id, 0) + lost
                failpoint("webhook.collect.before_commit")
                commands.append([b"LTRIM", link.key(name, "outbox"), len(events), -1])
                count += len(events)
            score = self._next_look(name, now, float(due) if due else None, left > len(events), bool(events))
            commands.append((RESCHEDULE, [1, self.index, name, repr(seen), score]))
        await self._run(commands)
        failpoint("webhook.collect.after_commit")
        return max(count, COLLECTED_AT_ONCE if len(looks) == LOOKED_AT_ONCE else 0), dropped

    def _collecting(self, name: str) -> tuple[Script, Command]:
        keys = self._link.keys(name, "outbox", "changing")
        return COLLECT, [len(keys), *keys, QUIET, LONGEST, self.telling(), EVENTS_AT_ONCE]

    def _next_look(self, name: str, now: float, due: float | None, more: bool, had: bool) -> str:
        if due is not None or more or had:
            self._empty.pop(name, None)
        if more:
            return repr(now)
        if due is not None:
            return repr(max(due, now + 0.1))
        times = self._empty.get(name, 0)
        if times < len(SECOND_LOOKS):
            self._empty[name] = times + 1
            return repr(now + SECOND_LOOKS[times])
        self._empty.pop(name, None)
        return ""

    async def _enqueue(self, name: str, events: Sequence[bytes], now: float, match: Match) -> dict[str, int]:
        words: dict[str, list[bytes | str | int | float]] = {}
        for each in events:
            id, type, at, data = orjson.loads(each)
            body = orjson.dumps([name, type, float(at), _plain(data)])
            for endpoint in match(type, name):
                words.setdefault(endpoint, []).extend((f"msg_{id}", float(at), body))
        endpoints = list(words)
        commands: list[Command | tuple[Script, Command]] = [
            (
                ENQUEUE,
                [
                    4, *self._keys(endpoint, "waiting", "bodies", "lanes"), self._queue(endpoint, name),
                    self.most_waiting, name, now, *words[endpoint],
                ],
            )
            for endpoint in endpoints
        ]  # fmt: skip
        answers = await self._run(commands) if commands else []
        return {endpoint: int(lost) for endpoint, lost in zip(endpoints, answers, strict=True) if lost}

    # -- deliveries -----------------------------------------------------------------------------

    async def due(self, endpoint: str, now: float, limit: int, busy: frozenset[str]) -> list[list[Delivery]]:
        """See :class:`Outbox`."""
        lanes, bodies, heads = self._keys(endpoint, "lanes", "bodies", "heads")
        (found,) = await self._run([[b"ZRANGE", lanes, b"-inf", now, b"BYSCORE", b"LIMIT", 0, limit + len(busy)]])
        names = [each.decode() for each in found if each.decode() not in busy][:limit]
        if not names:
            return []
        commands: list[Command | tuple[Script, Command]] = []
        for name in names:
            commands.append([b"LRANGE", self._queue(endpoint, name), 0, LANE_AT_ONCE - 1])
            commands.append([b"HGET", heads, name])
        answers = await self._run(commands)
        queues = dict(zip(names, zip(answers[::2], answers[1::2], strict=True), strict=True))
        texts = await self._run([[b"HMGET", bodies, *ids] for ids, _ in queues.values() if ids])
        result, stale = [], []
        for name, (ids, head) in queues.items():
            if not ids:
                stale.append(name)
                continue
            lane = [_delivery(id.decode(), endpoint, text) for id, text in zip(ids, texts.pop(0), strict=True) if text]
            if head and lane:
                attempts, since, _ = orjson.loads(head)
                lane[0] = Delivery(lane[0].id, endpoint, lane[0].event, attempts, since)
            if lane:
                result.append(lane)
        if stale:
            await self._run([self._settling("ok", endpoint, name, "", now) for name in stale])
        return result

    async def settle(self, settled: Sequence[Settled]) -> None:
        """See :class:`Outbox`."""
        failpoint("webhook.settle")
        commands = []
        for each in settled:
            delivery = each.delivery
            head = orjson.dumps([delivery.attempts + 1, delivery.since or each.at, each.reason]).decode()
            commands.append(
                self._settling(
                    each.result, delivery.endpoint, delivery.event.document, delivery.id, each.at, each.due, head,
                    each.reason or "",
                )
            )  # fmt: skip
        await self._run(commands)

    def _settling(
        self,
        result: str,
        endpoint: str,
        document: str,
        id: str,
        now: float,
        due: float = 0.0,
        head: str = "",
        reason: str = "",
    ) -> tuple[Script, Command]:
        keys = [
            *self._keys(endpoint, "waiting", "bodies", "lanes", "heads"), self._queue(endpoint, document),
            *self._keys(endpoint, "failed", "fates"),
        ]  # fmt: skip
        return SETTLE, [len(keys), *keys, result, document, id, now, due, head, reason]

    async def hurry(self, endpoint: str, now: float) -> None:
        """See :class:`Outbox`."""
        await self._link.run(HURRY, self._keys(endpoint, "lanes"), now)

    async def disable(self, endpoint: str, now: float) -> None:
        """See :class:`Outbox`."""
        async with self._link.asking() as client:
            await client.set(self._key(endpoint, "disabled"), repr(now))

    async def retry(self, endpoint: str, now: float, ids: Sequence[str] | None = None) -> int:
        """See :class:`Outbox`."""
        failed, bodies, heads = self._keys(endpoint, "failed", "bodies", "heads")
        async with self._link.asking() as client:
            known = [each.decode() for each in await client.zrange(failed, 0, -1)]
            chosen = [id for id in known if ids is None or id in set(ids)]
            texts = await client.hmget(bodies, chosen) if chosen else []
        count = 0
        for id, text in reversed([*zip(chosen, texts, strict=True)]):  # each goes in front of the others
            if text is None:
                continue
            document, _, at, _ = orjson.loads(text)
            keys = [*self._keys(endpoint, "waiting", "lanes", "failed", "fates"), self._queue(endpoint, document)]
            count += await self._link.run(REVIVE, keys, document, id, now, at)
        async with self._link.asking() as client:
            await client.delete(self._key(endpoint, "disabled"), heads)
        await self.hurry(endpoint, now)
        return count

    async def deliveries(self, endpoint: str, *, failed: bool, limit: int) -> list[Delivery]:
        """See :class:`Outbox`."""
        waiting, lost, bodies, fates, heads, lanes = self._keys(
            endpoint, "waiting", "failed", "bodies", "fates", "heads", "lanes"
        )
        found = []
        async with self._link.asking() as client:
            key = lost if failed else waiting
            rows = await client.zrange(key, 0, limit - 1, desc=failed, withscores=True)
            texts = await client.hmget(bodies, [id for id, _ in rows]) if rows else []
            for (id, score), text in zip(rows, texts, strict=True):
                if text is None:
                    continue
                plain = _delivery(id.decode(), endpoint, text)
                if failed:
                    reason = await client.hget(fates, id)
                    found.append(Delivery(plain.id, endpoint, plain.event, failed_at=score, reason=_text(reason)))
                elif await client.lrange(self._queue(endpoint, plain.event.document), 0, 0) == [id]:
                    head = await client.hget(heads, plain.event.document)
                    attempts, since, why = orjson.loads(head) if head else (0, None, None)
                    due = await client.zscore(lanes, plain.event.document)
                    found.append(Delivery(plain.id, endpoint, plain.event, attempts, since, due, reason=why))
                else:
                    found.append(plain)
        return found

    async def states(self, endpoints: Sequence[str], now: float) -> dict[str, EndpointState]:
        """See :class:`Outbox`."""
        found = {}
        for endpoint in endpoints:
            waiting, failed, disabled = self._keys(endpoint, "waiting", "failed", "disabled")
            async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
                pipeline.zcard(waiting)
                pipeline.zrange(waiting, 0, 0, withscores=True)
                pipeline.zcard(failed)
                pipeline.get(disabled)
                count, oldest, lost, since = await pipeline.execute()
            found[endpoint] = EndpointState(
                count, oldest[0][1] if oldest else None, lost, float(since) if since is not None else None
            )
        return found

    # -- one node at a time ---------------------------------------------------------------------

    async def lease(self, seconds: float) -> bool:
        """See :class:`Outbox`."""
        key = self._link.shared_key("webhooks:lease")
        return bool(await self._link.run(LEASE, [key], self._node, int(1000 * seconds)))

    async def release(self) -> None:
        """See :class:`Outbox`."""
        await self._link.run(LEASE, [self._link.shared_key("webhooks:lease")], self._node, 0)

    async def close(self) -> None:
        """See :class:`Outbox`."""
        await self._pipe.drop()

    # -- keys and commands ----------------------------------------------------------------------

    def _key(self, endpoint: str, kind: str) -> str:
        return self._link.shared_key(f"webhooks:{{{endpoint}}}:{kind}")

    def _keys(self, endpoint: str, *kinds: str) -> list[str]:
        return [self._key(endpoint, kind) for kind in kinds]

    def _queue(self, endpoint: str, document: str) -> str:
        return self._key(endpoint, f"queue:{document}")

    async def _run(self, commands: Sequence[Command | tuple[Script, Command]]) -> list[Any]:
        try:
            answers = await self._pipe.run(commands)
        except FAILURES as error:
            raise unavailable(error) from error
        for answer in answers:
            if isinstance(answer, Exception):
                raise unavailable(answer) from answer
        return answers


def as_notes(events: Sequence[Event]) -> bytes:
    """What goes with an edit, for its script."""
    return orjson.dumps([[each.type, each.data] for each in events]) if events else b""


def _plain(said: Any) -> dict[str, Any]:
    """What a script has written: whole numbers stand in texts there, and an empty list may be an empty table."""
    data: dict[str, Any] = dict(said) if isinstance(said, dict) else {}
    for key in _WHOLE:
        if key in data:
            data[key] = int(data[key])
    if "first" in data:  # edits
        authors = data.get("authors") or []
        counted = sorted(((author, int(updates)) for author, updates in authors), key=lambda each: -each[1])
        data |= {"first_at": float(data["first"]), "authors": counted[:MOST_PARTICIPANTS]}
    return data


def _delivery(id: str, endpoint: str, text: bytes) -> Delivery:
    document, type, at, data = orjson.loads(text)
    return Delivery(id, endpoint, Event(document, type, at, data))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
