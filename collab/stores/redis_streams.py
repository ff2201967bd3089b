"""Streams in Redis, beside the log of their document and under its hash tag.

``streams`` is a hash: of each stream ``<first> <last> <born>``, where ``born`` names this stream for the keys of its
publications. ``events`` is a hash of ``<stream>:<offset>`` to ``<seconds> <body>``: offsets have no gaps, so that a
range of them needs no index. The script that appends also publishes the bell.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any

from collab.errors import CollabError
from collab.protocol.mentions import Mail
from collab.stores.base import fresh_epoch
from collab.stores.redis_inbox import RedisInbox
from collab.stores.redis_link import RedisLink
from collab.stores.redis_nodes import FAILURES, Command
from collab.stores.redis_outbox import RedisOutbox
from collab.stores.redis_scripts import PUBLISH, READ_STREAM, Script
from collab.stores.streams import (
    READ_BYTES,
    Batches,
    Publication,
    Published,
    StreamEvent,
    StreamLog,
    StreamSlice,
    too_many_streams,
)

#: seconds for which a publication waits for a Redis that does not answer
PATIENCE = 8.0
#: seconds between two tries
RETRY = 0.2
#: bytes of events that one pipeline takes
MAX_PIPELINE_BYTES = 4 * 2**20


class RedisStreams(StreamLog):
    """Streams of the documents in one Redis.

    Args:
        node: the name of this process among the nodes.
        outbox: what is published is told there, too.
    """

    inbox: RedisInbox

    def __init__(self, link: RedisLink, node: str, outbox: RedisOutbox) -> None:
        super().__init__()
        self._outbox = outbox
        self._link = link
        self._node = node
        self._pipe = link.pipe()
        self._batches = Batches(self._write)
        self._closing = False
        self.inbox = RedisInbox(link, node, lambda: self.bounds.keep_for)

    def publish(
        self,
        document: str,
        stream: str,
        body: bytes,
        *,
        key: str | None = None,
        epoch: str = "",
        mail: Mail | None = None,
    ) -> asyncio.Future[Published]:
        """See :class:`StreamLog`."""
        # A batch whose answer is lost is sent again: what it has brought already is known by its key.
        return self._batches.put(Publication(document, stream, body, key or fresh_epoch(), epoch, mail))

    async def _write(self, batch: list[Publication]) -> list[Published | CollabError]:
        results: list[Published | CollabError] = []
        deadline = time.monotonic() + PATIENCE
        while len(results) < len(batch):
            some = _first(batch[len(results) :])
            try:
                answered = await self._answered(some)
                commands: list[Command | tuple[Script, Command]] = [
                    (PUBLISH, self._words(each, said)) for each, said in zip(some, answered, strict=True)
                ]
                documents = dict.fromkeys(each.document for each in some)
                names: list[Command] = [[b"ZADD", self._link.shared_key("names"), 0, name] for name in documents]
                before = [self._outbox.entry(name, time.time()) for name in documents] if self._outbox.wanted else []
                if self._link.nodes.divided:
                    answers = await self._written_apart([*before, *names], commands, some, answered)
                else:
                    answers = (await self._pipe.run([*before, *commands, *names]))[len(before) :]
            except FAILURES:
                if self._closing or time.monotonic() > deadline:
                    results += [CollabError("storage_unavailable", retry_after=1)] * (len(batch) - len(results))
                else:
                    await asyncio.sleep(RETRY)
                continue
            for publication, answer in zip(some, answers, strict=False):
                result = _result(answer)
                if isinstance(result, Published) and not await self._took_back(publication, deadline):
                    result = CollabError("storage_unavailable", retry_after=1)
                results.append(result)
        return results

    async def _took_back(self, publication: Publication, deadline: float) -> bool:
        """Erase what a message has brought that is taken back; False if Redis is away for long: then nothing is
        acknowledged, and it is done when the event is published again, under its key."""
        mail = publication.mail
        while mail is not None and mail.takes_back is not None:
            try:
                await self.inbox.take_back(publication.document, publication.stream, mail)
                break
            except CollabError:
                if self._closing or time.monotonic() > deadline:
                    return False
                await asyncio.sleep(RETRY)
        return True

    async def _written_apart(
        self,
        before: Sequence[Command],
        commands: Sequence[Command | tuple[Script, Command]],
        publications: Sequence[Publication],
        answered: Sequence[bytes | None],
    ) -> list[Any]:
        """Lists and inboxes are on other nodes than the documents: first what makes sure that these are found, last
        what tells of their events."""
        refused = [each for each in await self._pipe.run(before) if isinstance(each, Exception)]
        if refused:
            return [refused[0]] * len(commands)
        answers = await self._pipe.run(commands)
        for at, (each, said, answer) in enumerate(zip(publications, answered, answers, strict=True)):
            if each.mail is None or isinstance(answer, Exception) or len(answer) < 5 or not answer[4]:
                continue
            event = answer[1], answer[2], answer[4]
            try:
                await self.inbox.deliver(
                    self._pipe, each.document, each.stream, each.mail, said, _kind("stream-mail", each), event
                )
            except CollabError as error:
                answers[at] = error
        return answers

    async def _answered(self, publications: list[Publication]) -> list[bytes | None]:
        """What is kept of the event that each one answers. Whoever answers it has seen it, and no event ever changes:
        so it may be read before, and the script is told every key that it writes."""
        found: list[bytes | None] = [None] * len(publications)
        replies = [
            (at, each)
            for at, each in enumerate(publications)
            if each.mail is not None and each.mail.reply_to is not None
        ]
        if replies:
            values = await self._pipe.run(
                [
                    [b"HGET", self._link.key(each.document, "events"), f"{each.stream}:{each.mail.reply_to}"]
                    for _, each in replies
                    if each.mail is not None
                ]
            )
            for (at, _), value in zip(replies, values, strict=True):
                found[at] = value.partition(b" ")[2] if isinstance(value, bytes) else None
        return found

    def _words(self, publication: Publication, answered: bytes | None) -> Command:
        link, document, bounds = self._link, publication.document, self.bounds
        keys = link.keys(document, "meta", "streams", "events", _kind("stream-key", publication), "outbox")
        more: Command = ()
        if publication.mail is not None:
            mail = _kind("stream-mail", publication)
            own, more = self.inbox.words(document, publication.stream, publication.mail, answered, mail)
            keys += own
        return [
            len(keys), *keys, publication.epoch, fresh_epoch(), publication.stream, publication.body,
            bounds.keep, bounds.keep_for, self._node, link.channel(document), self._outbox.telling(), *more,
        ]  # fmt: skip

    async def read(
        self, document: str, stream: str, after: int | None = None, limit: int = 100, *, most: int = READ_BYTES
    ) -> StreamSlice:
        """See :class:`StreamLog`."""
        first, last, start, bodies = await self._link.run(
            READ_STREAM, self._link.keys(document, "streams", "events"),
            stream, "" if after is None else after, limit, most, self.bounds.keep, self.bounds.keep_for,
        )  # fmt: skip
        events = []
        for offset, value in enumerate(bodies, int(start)):
            at, _, body = value.partition(b" ")
            events.append(StreamEvent(offset, float(at), body))
        return StreamSlice(events, int(first), int(last))

    async def names(self, document: str) -> list[str]:
        """See :class:`StreamLog`."""
        async with self._link.asking() as client:
            return sorted(name.decode() for name in await client.hkeys(self._link.key(document, "streams")))

    async def sweep(self) -> None:
        """See :class:`StreamLog`; publishing does it, and reading looks at the time."""

    async def close(self) -> None:
        """See :class:`StreamLog`."""
        self._closing = True
        await self._batches.drain()
        await self._pipe.drop()


def _kind(kind: str, publication: Publication) -> str:
    """The kind of data of a document that belongs to the key of a publication."""
    digest = hashlib.blake2b((publication.key or "").encode(), digest_size=16).hexdigest()
    return f"{kind}:{publication.stream}:{digest}"


def _first(publications: list[Publication]) -> list[Publication]:
    """Those from the beginning that one pipeline takes."""
    size = 0
    for at, publication in enumerate(publications):
        size += len(publication.body)
        if size > MAX_PIPELINE_BYTES and at:
            return publications[:at]
    return publications


def _result(answer: Any) -> Published | CollabError:
    if isinstance(answer, CollabError):
        return answer
    if isinstance(answer, Exception) or answer[0] == b"lost":
        # Redis is full, read-only or still loading; or the log is just being written again.
        return CollabError("storage_unavailable", retry_after=1)
    if answer[0] == b"ok":
        return Published(int(answer[1]), float(answer[2]), fresh=bool(answer[3]))
    return CollabError("document_deleted") if answer[0] == b"deleted" else too_many_streams()
