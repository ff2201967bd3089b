"""A Redis without documents that is given whole ones. How they lie: :mod:`collab.stores.redis_scripts`."""

from __future__ import annotations

import orjson

from collab.errors import CollabError
from collab.stores.base import fresh_epoch
from collab.stores.redis import history_row, state_digest
from collab.stores.redis_inbox import key_of, value_of
from collab.stores.redis_link import RedisLink
from collab.stores.whole import Whole


class RedisTarget:
    """See :class:`~collab.stores.whole.Target`; to be made by :meth:`open`."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._last_inbox_id = 0

    @classmethod
    async def open(cls, url: str) -> RedisTarget:
        """The database at ``url``.

        Raises:
            CollabError: ``storage_unavailable``: it holds documents already, or is out of reach.
        """
        link = RedisLink(url)
        try:
            async with link.asking() as client:
                documents = await client.zcard(link.shared_key("names"))
        except BaseException:
            await link.close()
            raise
        if documents:
            await link.close()
            raise CollabError("storage_unavailable", "That Redis database holds documents already.")
        return cls(link)

    async def put(self, whole: Whole) -> None:
        """See :class:`~collab.stores.whole.Target`."""
        meta, snapshot, history, versions, states, streams, events, inbox = self._link.keys(
            whole.name, "meta", "snapshot", "history", "versions", "states", "streams", "events", "inbox"
        )
        fields = {
            "epoch": fresh_epoch(), "position": whole.position, "size": len(whole.state or b""),
            "created": repr(whole.created_at), "updated": repr(whole.updated_at), "version": len(whole.versions),
        }  # fmt: skip
        # All at once on one Redis. In a Redis Cluster what is elsewhere comes first: it means nothing without the rest.
        async with (
            self._link.asking() as client,
            client.pipeline(transaction=True) as pipeline,
            client.pipeline(transaction=False) as before,
        ):
            elsewhere = before if self._link.nodes.divided else pipeline
            if whole.state is not None:
                fields["snapshot"] = whole.position
                pipeline.set(snapshot, whole.state)
            pipeline.hset(meta, mapping=fields)
            # A document of this name that was deleted lately is remembered under the same key, for a while.
            pipeline.persist(meta)
            for entry in whole.history:
                pipeline.rpush(history, history_row(entry))
            for id, (version, state) in enumerate(whole.versions, 1):
                digest = state_digest(state)
                head = orjson.dumps([version.name, version.participant, version.position, len(state), digest])
                pipeline.hset(versions, str(id), b"%b %b" % (repr(version.created_at).encode(), head))
                pipeline.hset(states, digest, state)
            for stream in whole.streams:
                first = stream.events[0].offset if stream.events else stream.last + 1
                pipeline.hset(streams, stream.name, f"{first} {stream.last} {fresh_epoch()}")
                for event in stream.events:
                    pipeline.hset(
                        events, f"{stream.name}:{event.offset}", b"%b %b" % (repr(event.at).encode(), event.body)
                    )
            if whole.inbox:
                life = fresh_epoch()
                pipeline.hset(meta, "life", life)
                for participant, kept in whole.inbox:
                    pipeline.hset(inbox, participant, 1)
                    elsewhere.hset(key_of(self._link, participant), str(kept.id), value_of(kept, life))
                self._last_inbox_id = max(self._last_inbox_id, whole.inbox[-1][1].id)
                elsewhere.hset(self._link.shared_key("inbox"), "last", self._last_inbox_id)
            elsewhere.zadd(self._link.shared_key("names"), {whole.name: 0})
            await before.execute()
            await pipeline.execute()

    async def close(self) -> None:
        """See :class:`~collab.stores.whole.Target`."""
        await self._link.close()
