"""Documents in Redis, shared by all nodes of a cluster. An ack means: in the log of that Redis.

What that is worth on a disk is decided by its ``appendonly`` and ``appendfsync``; :meth:`check` says it.
Needs Redis 7 or newer, or Valkey. How the data lies: :mod:`collab.stores.redis_scripts`.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Sequence

import orjson

from collab.documents.ledger import Ledger
from collab.errors import CollabError
from collab.stores.base import (
    DeletedDocument,
    DocumentInfo,
    HistoryEntry,
    LogSlice,
    Mark,
    SharedStore,
    Space,
    StoredDocument,
    StoreReport,
    Usage,
    Version,
    beyond_prefix,
    fresh_epoch,
)
from collab.stores.history import beyond, summed
from collab.stores.redis_link import RedisLink, shown_url
from collab.stores.redis_nodes import FAILURES
from collab.stores.redis_outbox import RedisOutbox
from collab.stores.redis_probe import missing_permissions
from collab.stores.redis_scripts import ADD_VERSION, COMPACT, CREATE, DELETE_VERSION, READ, RENEW
from collab.stores.redis_streams import RedisStreams
from collab.stores.redis_trash import RedisTrash
from collab.stores.redis_words import words_of
from collab.stores.redis_worth import probes, promise, space
from collab.stores.redis_writer import RedisWriter

#: log entries that one read takes
PAGE = 2000
#: seconds for which closing waits for a Redis that does not answer
CLOSE_PATIENCE = 5.0


class RedisStore(SharedStore):
    """The shared store.

    Args:
        link: where Redis is; its client is closed with the store.
        node: the name of this process among the nodes.
        on_health: told True whenever appends got an answer, False whenever they got none.
    """

    adapter = "redis"
    outbox: RedisOutbox

    def __init__(
        self,
        link: RedisLink,
        *,
        node: str | None = None,
        on_health: Callable[[bool], None] = lambda _healthy: None,
    ) -> None:
        self._link = link
        self._node = node or secrets.token_hex(6)
        self._on_health = on_health
        self._writer: RedisWriter | None = None
        self.outbox = RedisOutbox(link, self._node)
        self._trash = RedisTrash(link, self._node, self.outbox)
        self.streams = RedisStreams(link, self._node, self.outbox)

    # -- open and close -------------------------------------------------------------------------

    async def open(self) -> None:
        """See :class:`Store`; fails with the reason where Redis does not answer or is too old."""
        where = shown_url(self._link.url)
        try:
            missing = await missing_permissions(self._link, self._node)
            if missing:
                raise CollabError(
                    "storage_unavailable",
                    f"Redis at {where} does not let this user do everything that is needed; missing: {missing}"
                    " (for ACL SETUSER).",
                )
            async with self._link.asking() as client:
                infos = [await node.info("server") for node in client.masters()]
        except (*FAILURES, CollabError) as error:
            await self._link.client.aclose()
            if isinstance(error, CollabError) and error.__cause__ is None:
                raise
            cause = error.__cause__ or error
            raise CollabError("storage_unavailable", f"Cannot reach Redis at {where}: {words_of(cause)}.") from cause
        version = min((str(info.get("redis_version", "0")) for info in infos), key=_major)
        if _major(version) < 7:
            raise CollabError("storage_unavailable", f"Redis {version} at {where} is too old: 7 is needed.")
        self._writer = RedisWriter(self._link, self._node, self._on_health, self.outbox, self.commits)

    async def close(self) -> None:
        """See :class:`Store`."""
        await self.streams.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close(CLOSE_PATIENCE)
        await self._link.client.aclose()

    @property
    def _appends(self) -> RedisWriter:
        if self._writer is None:
            raise CollabError("storage_unavailable", "The store is closed.")
        return self._writer

    # -- documents ------------------------------------------------------------------------------

    async def load(self, document: str) -> StoredDocument | None:
        """See :class:`Store`."""
        while True:
            found = await self.read(document, 0)
            if not found.epoch:
                return None
            epoch, snapshot, at = found.epoch, found.snapshot, found.snapshot_position
            created_at = found.created_at
            tail = found.updates
            while not found.complete:
                found = await self.read(document, found.position)
                if found.epoch != epoch or found.snapshot is not None:
                    break  # compacted or replaced meanwhile: from the beginning
                tail += found.updates
            else:
                return StoredDocument(snapshot, at, tail, found.position, created_at, found.updated_at, epoch=epoch)

    async def create(self, document: str) -> bool:
        """See :class:`Store`."""
        await self.outbox.announce(document)
        # Before it is there: a name without a document is harmless, and may be on another node than it.
        await self._list(document)
        words = fresh_epoch(), self.outbox.telling()
        return bool(await self._link.run(CREATE, self._link.keys(document, "meta", "outbox"), *words))

    async def _list(self, document: str) -> None:
        async with self._link.asking() as client:
            await client.zadd(self._link.shared_key("names"), {document: 0})

    def append(
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        """See :class:`Store`."""
        return self._appends.append(document, update, participant, epoch)

    async def compact(self, document: str, snapshot: bytes, position: int, epoch: str = "") -> None:
        """See :class:`Store`."""
        meta, log, state, history = self._link.keys(document, "meta", "log", "snapshot", "history")
        async with self._link.asking() as client:
            present, snapshot_at = await client.hmget(meta, ["epoch", "snapshot"])
            since = int(snapshot_at or 0)
            if present is None or position <= since or epoch not in ("", present.decode()):
                return
            entries = await client.xrange(log, f"({since}-0", f"{position}-0")
            last = await client.lrange(history, -1, -1)
        trimmed = sum(len(fields[b"u"]) for _, fields in entries)
        rows = summed([*map(_from_row, last), *(_entry(id, fields) for id, fields in entries)])
        await self._link.run(
            COMPACT, [meta, log, state, history], present, since, position, snapshot, trimmed, len(last),
            self._link.channel(document), self._node, *map(history_row, rows),
        )  # fmt: skip

    # -- deleting -------------------------------------------------------------------------------

    async def delete(self, document: str, *, keep: bool = False, epoch: str = "") -> bool:
        """See :class:`Store`."""
        return await self._trash.delete(document, keep=keep)

    async def trash(
        self, prefix: str = "", limit: int = 100, after: str | None = None, *, since: float = 0.0
    ) -> list[DeletedDocument]:
        """See :class:`Store`."""
        return await self._trash.listed(prefix, limit, after, since)

    async def undelete(self, document: str, since: float = 0.0) -> bool:
        """See :class:`Store`."""
        return await self._trash.undelete(document, since)

    async def purge(self, document: str | None = None, *, before: float = float("inf")) -> int:
        """See :class:`Store`."""
        return await self._trash.purge(document, before)

    # -- looking --------------------------------------------------------------------------------

    async def names(self, prefix: str = "", limit: int = 100, after: str | None = None) -> list[str]:
        """See :class:`Store`."""
        start = b"[" + prefix.encode() if after is None or after < prefix else b"(" + after.encode()
        beyond = beyond_prefix(prefix)
        end = b"+" if beyond is None else b"(" + beyond.encode()
        async with self._link.asking() as client:
            names = await client.zrangebylex(self._link.shared_key("names"), start, end, 0, limit)
        return [name.decode() for name in names]

    async def infos(self, names: Sequence[str]) -> list[DocumentInfo]:
        """See :class:`Store`."""
        async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hmget(self._link.key(name, "meta"), ["epoch", "size", "created", "updated"])
            rows = await pipeline.execute() if names else []
        return [
            DocumentInfo(name, int(size or 0), float(created or 0), float(updated or 0))
            for name, (epoch, size, created, updated) in zip(names, rows, strict=True)
            if epoch is not None
        ]

    async def usage(self) -> Usage:
        """See :class:`Store`; bytes of memory that Redis uses, for whatever."""
        async with self._link.asking() as client:
            documents = await client.zcard(self._link.shared_key("names"))
            memories = [await node.info("memory") for node in client.masters()]
        return Usage(int(documents), sum(int(memory.get("used_memory", 0)) for memory in memories))

    # -- history and versions -------------------------------------------------------------------

    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """See :class:`Store`."""
        log, history = self._link.keys(document, "log", "history")
        async with self._link.asking() as client, client.pipeline(transaction=True) as pipeline:
            pipeline.lrange(history, 0, -1)
            pipeline.xrange(log)
            rows, entries = await pipeline.execute()
        return beyond([*map(_from_row, rows), *(_entry(id, fields) for id, fields in entries)], after, limit)

    async def add_version(
        self,
        document: str,
        state: bytes,
        position: int,
        name: str | None,
        participant: str | None,
        epoch: str = "",
    ) -> Version:
        """See :class:`Store`; ``storage_unavailable`` while the log is being written again."""
        digest = state_digest(state)
        head = orjson.dumps([name, participant, position, len(state), digest])
        keys, telling = self._link.keys(document, "meta", "versions", "states", "outbox"), self.outbox.telling()
        await self.outbox.announce(document)
        id, *now = await self._link.run(ADD_VERSION, keys, fresh_epoch(), state, head, epoch, digest, telling)
        if not now:
            raise CollabError("document_deleted" if id == b"deleted" else "storage_unavailable", retry_after=1)
        await self._list(document)
        return Version(int(id), name, participant, position, len(state), float(now[0]))

    async def versions(self, document: str, limit: int | None = None, before: int | None = None) -> list[Version]:
        """See :class:`Store`."""
        async with self._link.asking() as client:
            heads = await client.hgetall(self._link.key(document, "versions"))
        ids = sorted((int(id) for id in heads if before is None or int(id) < before), reverse=True)
        return [_version(id, heads[b"%d" % id]) for id in ids[:limit]]

    async def version_usage(self, document: str, state: bytes | None = None) -> tuple[int, int]:
        """See :class:`Store`."""
        async with self._link.asking() as client:
            heads = await client.hgetall(self._link.key(document, "versions"))
        sizes = {_state_key(int(id), head): _version(int(id), head).size for id, head in heads.items()}
        if state is not None:
            sizes[state_digest(state)] = len(state)
        return len(heads), sum(sizes.values())

    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """See :class:`Store`."""
        versions, states = self._link.keys(document, "versions", "states")
        async with self._link.asking() as client:
            head = await client.hget(versions, str(id))
            state = None if head is None else await client.hget(states, _state_key(id, head))
        return None if head is None or state is None else (_version(id, head), state)

    async def delete_version(self, document: str, id: int) -> bool:
        """See :class:`Store`."""
        return bool(await self._link.run(DELETE_VERSION, self._link.keys(document, "versions", "states"), id))

    # -- shared ---------------------------------------------------------------------------------

    def follow(self, document: str, ledger: Ledger, on_stray: Callable[[], None]) -> None:
        """See :class:`SharedStore`."""
        self._appends.follow(document, ledger, on_stray)

    def unfollow(self, document: str, *, deleted: bool = False) -> None:
        """See :class:`SharedStore`."""
        if self._writer is not None:
            self._writer.unfollow(document, deleted=deleted)

    def resume(self, document: str, seed: bytes | None) -> None:
        """See :class:`SharedStore`."""
        self._appends.resume(document, seed)

    async def read(self, document: str, after: int) -> LogSlice:
        """See :class:`SharedStore`."""
        epoch, last, at, created, updated, deleted, has_snapshot, snapshot, entries = await self._link.run(
            READ, self._link.keys(document, "meta", "log", "snapshot"), after, PAGE
        )
        updates = [_fields(words)[b"u"] for _, words in entries]
        end, at_snapshot = int(last or 0), int(at or 0)
        position = end
        if len(entries) == PAGE:
            position = _position(entries[-1][0])
        return LogSlice(
            epoch.decode(),
            position,
            snapshot if has_snapshot else None,
            at_snapshot if has_snapshot else 0,
            updates,
            position >= end,
            tuple(deleted.decode().split()),
            float(created or 0),
            float(updated or 0),
        )

    async def probe(self, documents: Sequence[str]) -> list[Mark]:
        """See :class:`SharedStore`."""
        async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
            for document in documents:
                pipeline.hmget(self._link.key(document, "meta"), ["epoch", "position", "deleted", "events"])
            rows = await pipeline.execute()
        return [
            Mark(
                (epoch or b"").decode(), int(position or 0), tuple((deleted or b"").decode().split()), int(events or 0)
            )
            for epoch, position, deleted, events in rows
        ]

    async def renew(self, document: str, epoch: str, floor: int) -> None:
        """See :class:`SharedStore`."""
        channel = self._link.channel(document)
        await self._link.run(RENEW, self._link.keys(document, "meta"), epoch, fresh_epoch(), floor, channel, self._node)

    async def lease(self, document: str, purpose: str, seconds: float) -> bool:
        """See :class:`SharedStore`."""
        key = self._link.key(document, f"lease:{purpose}")
        async with self._link.asking() as client:
            return bool(await client.set(key, self._node, nx=True, px=int(1000 * seconds)))

    # -- what is it worth -----------------------------------------------------------------------

    async def check(self, deep: bool = False) -> StoreReport:
        """See :class:`Store`; ``deep`` reads every document."""
        token = secrets.token_hex(4)
        async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
            for probe in probes(self._link, self._node):
                pipeline.set(probe, token, ex=60)
                pipeline.get(probe)
            pipeline.zcard(self._link.shared_key("names"))
            *answers, documents = await pipeline.execute()
        if set(answers[1::2]) != {token.encode()}:
            raise CollabError("storage_unavailable", "Redis did not keep what was written to it.")
        damaged = await self._read_all() if deep else {}
        return StoreReport(self.adapter, shown_url(self._link.url), await self.promise(), documents, damaged)

    async def space(self) -> Space:
        """See :class:`Store`: the memory of that Redis, whatever else is in it; room is where there is least."""
        return await space(self._link)

    async def promise(self) -> str:
        """What an ack is worth on this Redis, in words."""
        return await promise(self._link)

    async def _read_all(self) -> dict[str, str]:
        damaged: dict[str, str] = {}
        after: str | None = None
        while rows := await self.documents(limit=500, after=after):
            for row in rows:
                found = await self.load(row.name)
                if found is not None and found.snapshot == b"" and found.snapshot_position:
                    damaged[row.name] = "its snapshot is missing"
            after = rows[-1].name
        return damaged


def _major(version: str) -> int:
    return int(version.split(".")[0])


def _position(id: bytes) -> int:
    return int(id.partition(b"-")[0])


def _fields(words: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(words[::2], words[1::2], strict=True))


def _entry(id: bytes, fields: dict[bytes, bytes]) -> HistoryEntry:
    at, when = _position(id), float(fields[b"t"])
    name = fields[b"p"].decode()
    return HistoryEntry(at, at, name[1:] if name else None, 1, len(fields[b"u"]), when, when)


def history_row(e: HistoryEntry) -> bytes:
    return orjson.dumps([e.first, e.last, e.participant, e.updates, e.size, e.started_at, e.ended_at])


def _from_row(row: bytes) -> HistoryEntry:
    return HistoryEntry(*orjson.loads(row))


def _version(id: int, row: bytes) -> Version:
    created, _, head = row.partition(b" ")
    name, participant, position, size, *_ = orjson.loads(head)
    return Version(id, name, participant, position, size, float(created))


def state_digest(state: bytes) -> str:
    return hashlib.blake2b(state, digest_size=32).hexdigest()


def _state_key(id: int, row: bytes) -> str:
    """Under which key a version has its state."""
    *_, last = orjson.loads(row.partition(b" ")[2])
    return last if isinstance(last, str) else str(id)
