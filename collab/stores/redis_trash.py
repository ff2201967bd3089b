"""The trash of a Redis store: a document's keys under other names, and one list of all that lies there.

The list is written first: an entry without keys is harmless, keys without an entry would stay for ever. An entry is
``<name>\\n<milliseconds>\\n<id>``, so that names are a range of it and the latest of a name comes last.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from collab.errors import CollabError
from collab.stores.base import DeletedDocument, beyond_prefix, fresh_epoch
from collab.stores.redis_inbox import forget
from collab.stores.redis_link import RedisLink
from collab.stores.redis_outbox import RedisOutbox
from collab.stores.redis_scripts import DELETE, TRASH, UNDELETE

#: what a document consists of
KINDS = ("meta", "log", "snapshot", "history", "versions", "states", "streams", "events", "inbox")
#: entries that one look takes
PAGE = 500
#: seconds for which an entry may be there before its keys are
PENDING = 3600.0


class RedisTrash:
    """Deletes documents, and brings them back.

    Args:
        node: the name of this process among the nodes.
        outbox: what ends and begins is told there, too.
    """

    def __init__(self, link: RedisLink, node: str, outbox: RedisOutbox) -> None:
        self._outbox = outbox
        self._link = link
        self._node = node
        self._index = link.shared_key("trash")
        self._names = link.shared_key("names")

    async def delete(self, document: str, *, keep: bool) -> bool:
        """See :class:`collab.stores.base.Store`."""
        link = self._link
        keys, told = link.keys(document, *KINDS), link.keys(document, "outbox", "changing")
        words = link.channel(document), self._node, self._outbox.telling()
        await self._outbox.announce(document)
        if keep:
            id = secrets.token_hex(8)
            entry = f"{document}\n{1000 * time.time():013.0f}\n{id}"
            async with link.asking() as client:
                await client.zadd(self._index, {entry: 0})
            gone = await link.run(TRASH, [*keys, *self._keys(document, id), *told], *words)
            if not gone:
                await self._forget(entry)
        else:
            gone = await link.run(DELETE, [*keys, *told], *words)
            if gone:
                await forget(link, gone[1:], gone[0])
        async with link.asking() as client:
            await client.zrem(self._names, document)
        return bool(gone)

    async def listed(self, prefix: str, limit: int, after: str | None, since: float) -> list[DeletedDocument]:
        """See :meth:`collab.stores.base.Store.trash`."""
        found: dict[str, DeletedDocument] = {}
        least = b"[" + prefix.encode() if after is None or after < prefix else f"({after}\n\x7f".encode()
        beyond = beyond_prefix(prefix)
        most = b"+" if beyond is None else b"(" + beyond.encode()
        while True:
            entries = await self._entries(least, most)
            for (name, _, _), (deleted_at, size, created, updated) in zip(
                map(_parts, entries), await self._metas(entries), strict=True
            ):
                if deleted_at is None or float(deleted_at) < since:
                    continue
                if name not in found and len(found) == limit:
                    return list(found.values())
                # A later entry of the same name takes the place of an earlier one.
                found[name] = DeletedDocument(
                    name, int(size or 0), float(created or 0), float(updated or 0), float(deleted_at)
                )
            if len(entries) < PAGE:
                return list(found.values())
            least = b"(" + entries[-1].encode()

    async def undelete(self, document: str, since: float) -> bool:
        """See :class:`collab.stores.base.Store`."""
        link = self._link
        entries = await self._of(document)
        for entry, (deleted_at, *_) in reversed([*zip(entries, await self._metas(entries), strict=True)]):
            if deleted_at is None or float(deleted_at) < since:
                continue
            # Before it is there, like the list of the trash: a name without a document is harmless.
            async with link.asking() as client:
                await client.zadd(self._names, {document: 0})
            keys = [*link.keys(document, *KINDS), *self._keys(document, _parts(entry)[2])]
            keys += link.keys(document, "outbox", "changing")
            await self._outbox.announce(document)
            words = since, fresh_epoch(), link.channel(document), self._node, self._outbox.telling()
            done = await link.run(UNDELETE, keys, *words)
            if done < 0:
                raise CollabError("document_exists")
            if done:
                await self._forget(entry)
                return True
        return False

    async def purge(self, document: str | None, before: float) -> int:
        """See :class:`collab.stores.base.Store`."""
        count = 0
        least = b"-"
        while True:
            entries = await self._entries(least, b"+") if document is None else await self._of(document)
            for entry, (deleted_at, *_) in zip(entries, await self._metas(entries), strict=True):
                name, at, id = _parts(entry)
                if deleted_at is None:
                    if at < time.time() - PENDING:
                        await self._forget(entry)
                elif float(deleted_at) < before:
                    keys = self._keys(name, id)
                    async with self._link.asking() as client:
                        told, life = await client.hkeys(keys[-1]), await client.hget(keys[0], "life")
                        await client.delete(*keys)
                    await forget(self._link, told, life)
                    await self._forget(entry)
                    count += 1
            if document is not None or len(entries) < PAGE:
                return count
            least = b"(" + entries[-1].encode()

    def _keys(self, document: str, id: str) -> list[str]:
        return self._link.keys(document, *(f"trash:{id}:{kind}" for kind in KINDS))

    async def _of(self, document: str) -> list[str]:
        return await self._entries(f"[{document}\n".encode(), f"({document}\n\x7f".encode())

    async def _entries(self, least: bytes, most: bytes) -> list[str]:
        async with self._link.asking() as client:
            return [entry.decode() for entry in await client.zrangebylex(self._index, least, most, 0, PAGE)]

    async def _metas(self, entries: Sequence[str]) -> list[list[bytes | None]]:
        """``deleted_at size created updated`` of each."""
        async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
            for name, _, id in map(_parts, entries):
                pipeline.hmget(self._keys(name, id)[0], ["deleted_at", "size", "created", "updated"])
            rows: list[list[bytes | None]] = await pipeline.execute() if entries else []
            return rows

    async def _forget(self, entry: str) -> None:
        async with self._link.asking() as client:
            await client.zrem(self._index, entry)


def _parts(entry: str) -> tuple[str, float, str]:
    """Name, seconds since 1970, id."""
    name, at, id = entry.split("\n")
    return name, int(at) / 1000, id
