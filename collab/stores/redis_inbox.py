"""Inboxes in Redis: a hash per participant, written by the script that appends the event.

In a Redis Cluster an inbox is on another node than most of its documents. There the script notes beside the event that
its mail is not out yet; it goes before the event is acknowledged, and whoever publishes again under the same key, for
want of an answer, sees to what is left of it.

``collab:inbox:<participant>`` holds entries by their ids: ``<0 or 1: read> <life> <offset> <seconds> <type> <JSON>``. A
participant has many documents, so these keys are under no document's hash tag. What ends with a document is known by
its *life*: a word in its ``meta`` that goes into the trash with it and comes back, and that no other document has. Who
has entries of a document stands in its hash ``inbox``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from collab.protocol.bells import encode_note
from collab.protocol.mentions import Mail
from collab.stores.inbox import InboxEntry, InboxLog
from collab.stores.redis_inbox_scripts import DELIVER, MARK_READ
from collab.stores.redis_link import RedisLink, unavailable
from collab.stores.redis_nodes import Command
from collab.stores.redis_pipe import Pipe
from collab.stores.redis_scripts import Script

#: seconds: no key is kept for longer
_LONGEST = 10 * 366 * 86_400


class RedisInbox(InboxLog):
    """Inboxes in one Redis.

    Args:
        node: the name of this process among the nodes.
        keep_for: seconds for which events are kept, and so what tells of them.
    """

    def __init__(self, link: RedisLink, node: str, keep_for: Callable[[], float]) -> None:
        super().__init__()
        self._link = link
        self._node = node
        self._keep_for = keep_for

    def words(
        self, document: str, stream: str, mail: Mail, answered: bytes | None, mail_key: str
    ) -> tuple[list[str], Command]:
        """What the script that appends an event takes beside: keys, and words."""
        link = self._link
        if link.nodes.divided:
            found = [participant for participant, _ in mail.recipients(answered)]
            return link.keys(document, "inbox", mail_key), ["", *found]
        keys = [link.key(document, "inbox"), link.shared_key("inbox")]
        words: list[bytes | str | int | float] = [
            link.channel(self.CHANNEL), self.keep, max(1, min(_LONGEST, int(self._keep_for())))
        ]  # fmt: skip
        rest = _rest(document, stream, mail)
        for participant, kind in mail.recipients(answered):
            keys.append(key_of(link, participant))
            bell = encode_note(self._node, {"participant": participant})
            words += [participant, b"%b %b" % (kind.encode(), rest), bell[:-1]]
        return keys, words

    async def take_back(self, document: str, stream: str, mail: Mail) -> None:
        """Erase the entries of the message that is taken back, and tell every node. Idempotent.

        Raises:
            What Redis raises: some of them may be there still.
        """
        for participant, entry in await self.of_document(document):
            if (entry.stream, entry.offset) != (stream, mail.takes_back) or not mail.takes(entry.data):
                continue
            async with self._link.asking() as client:
                await client.hdel(key_of(self._link, participant), str(entry.id))
                # Not in the name of this node, which would take it for what it has told itself.
                note = encode_note("", {"participant": participant, "id": self.GONE})
                await client.publish(self._link.channel(self.CHANNEL), note)

    async def deliver(
        self,
        pipe: Pipe,
        document: str,
        stream: str,
        mail: Mail,
        answered: bytes | None,
        mail_key: str,
        event: tuple[bytes, bytes, bytes],
    ) -> None:
        """Bring what :meth:`words` left to be done.

        Args:
            event: its offset, when it was, and the life of its document.

        Raises:
            CollabError: it was refused.
            RedisError, OSError, TimeoutError: no answer came.
        """
        offset, at, life = event
        link = self._link
        bounds = self.keep, max(1, min(_LONGEST, int(self._keep_for())))
        left = mail.recipients(answered)
        bells: list[Command] = []
        while left:
            ids = await _all(pipe, [[b"HINCRBY", link.shared_key("inbox"), "last", 1] for _ in left])
            commands: list[Command | tuple[Script, Command]] = []
            for (participant, kind), id in zip(left, ids, strict=True):
                rest = b"%b %b %b" % (at, kind.encode(), _rest(document, stream, mail))
                words: Command = [1, key_of(link, participant), id, b"%b %b " % (life, offset), rest, *bounds]
                commands.append((DELIVER, words))
            given = await _all(pipe, commands)
            for (participant, _), id in zip(left, given, strict=True):
                if int(id):
                    note = encode_note(self._node, {"participant": participant, "id": int(id)})
                    bells.append([b"PUBLISH", link.channel(self.CHANNEL), note])
            left = [each for each, id in zip(left, given, strict=True) if not int(id)]
        await _all(pipe, [*bells, [b"DEL", link.key(document, mail_key)]])

    async def read(self, participant: str) -> list[InboxEntry]:
        """See :class:`InboxLog`."""
        async with self._link.asking() as client:
            kept = await client.hgetall(key_of(self._link, participant))
        oldest = time.time() - self._keep_for()
        entries = [each for each in _entries(kept) if each[1].at >= oldest][-self.keep :]
        lives = await self._lives({entry.document for _, entry in entries})
        return [entry for life, entry in entries if lives[entry.document] == life]

    async def _lives(self, documents: Iterable[str]) -> dict[str, bytes | None]:
        names = list(documents)
        if not names:
            return {}
        async with self._link.asking() as client, client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hmget(self._link.key(name, "meta"), ["epoch", "life"])
            rows = await pipeline.execute()
        return {name: life if epoch is not None else None for name, (epoch, life) in zip(names, rows, strict=True)}

    async def mark(self, participant: str, ids: Collection[int]) -> int:
        """See :class:`InboxLog`."""
        return int(await self._link.run(MARK_READ, [key_of(self._link, participant)], *ids)) if ids else 0

    async def of_document(self, document: str) -> list[tuple[str, InboxEntry]]:
        """See :class:`InboxLog`."""
        async with self._link.asking() as client:
            life = await client.hget(self._link.key(document, "meta"), "life")
            whose = await client.hkeys(self._link.key(document, "inbox"))
        found = []
        for participant in (each.decode() for each in whose):
            async with self._link.asking() as client:
                kept = await client.hgetall(key_of(self._link, participant))
            found += [(participant, entry) for its, entry in _entries(kept) if its == life]
        return sorted(found, key=lambda each: each[1].id)


def _rest(document: str, stream: str, mail: Mail) -> bytes:
    """What an entry says of an event."""
    return b'{"document":%b,"stream":"%b",%b' % (orjson.dumps(document), stream.encode(), mail.data[1:])


async def _all(pipe: Pipe, commands: Sequence[Command | tuple[Script, Command]]) -> list[Any]:
    """The answers to ``commands``, none of which is refused."""
    answers = await pipe.run(commands)
    for answer in answers:
        if isinstance(answer, Exception):
            raise unavailable(answer) from answer
    return answers


def key_of(link: RedisLink, participant: str) -> str:
    """The key of an inbox."""
    return link.shared_key(f"inbox:{participant}")


def value_of(entry: InboxEntry, life: str) -> bytes:
    """An entry as it lies in its inbox."""
    rest = orjson.dumps({"document": entry.document, "stream": entry.stream, **orjson.loads(entry.data)})
    head = f"{int(entry.read)} {life} {entry.offset} {entry.at!r} {entry.type} "
    return head.encode() + rest


async def forget(link: RedisLink, participants: Sequence[bytes], life: bytes | None) -> None:
    """Erase the entries of a document that is gone for good."""
    if life is None:
        return
    for participant in participants:
        key = key_of(link, participant.decode())
        async with link.asking() as client:
            kept = await client.hgetall(key)
            gone = [id for id, value in kept.items() if value.split(b" ", 2)[1] == life]
            if gone:
                await client.hdel(key, *gone)


def _entries(kept: Mapping[bytes, bytes]) -> list[tuple[bytes, InboxEntry]]:
    """What lies in an inbox, each with the life of its document, by id."""
    found = []
    for id, value in kept.items():
        read, life, offset, at, kind, rest = value.split(b" ", 5)
        said = orjson.loads(rest)
        data = orjson.dumps({"from": said["from"], "excerpt": said["excerpt"]})
        found.append(
            (
                life,
                InboxEntry(
                    int(id), kind.decode(), said["document"], said["stream"], int(offset), float(at), read == b"1", data
                ),
            )
        )
    return sorted(found, key=lambda each: each[1].id)
