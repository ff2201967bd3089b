"""Inboxes of those who are here: whatever is new in one is told to all sessions of its participant, on every node.

The store has the entries, and says which are new (:attr:`InboxLog.on_news`, or a bell on :data:`InboxLog.CHANNEL`);
what is told is read from it. A participant may read some documents today and others tomorrow: what they may read is
asked whenever something is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import orjson
import structlog

from collab.auth.base import Authenticator
from collab.errors import CollabError, Refused
from collab.hub.hub import Hub
from collab.hub.session import Session, State
from collab.protocol.bells import Message, Note
from collab.stores.inbox import InboxEntry, InboxLog
from collab.types import Identity, timestamp

#: inboxes that are read at the same time
AT_ONCE = 16
#: documents of one inbox that the authenticator is asked about at the same time
ASKED_AT_ONCE = 16
#: seconds between two looks for those who are to be told: a look goes through everybody who is here
PAUSE = 0.02
#: times that a look took, for which nobody is told: many messages that name many people do not take all there is
REST = 3.0
#: seconds: no rest is longer, and no look is waited for longer
LONGEST_REST = 1.0
#: seconds until a store that failed is asked again
RETRY = 0.5
#: entries that a follower is told in one go
PAGE = 100
#: in the place of an id: some entries are read now, or nobody knows what was missed
CHANGED = InboxLog.GONE

_log = structlog.get_logger("collab.inbox")


#: sessions that have one identity
_Present = tuple[Identity, list[Session]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody may see of their inbox, oldest first; ``last``: the id behind which nothing was, seen or not."""

    entries: list[InboxEntry]
    last: int

    @property
    def unread(self) -> int:
        """How many of them are not read."""
        return sum(not entry.read for entry in self.entries)


def page_json(entries: Iterable[InboxEntry], unread: int) -> bytes:
    """``{events, unread}``, as it stands on every wire."""
    return orjson.dumps({"events": [_shown(entry) for entry in entries], "unread": unread})


def _shown(entry: InboxEntry) -> dict[str, Any]:
    return {
        "id": entry.id, "type": entry.type, "document": entry.document, "stream": entry.stream, "offset": entry.offset,
        **orjson.loads(entry.data), "at": timestamp(entry.at), "read": entry.read,
    }  # fmt: skip


class Follower:
    """Somebody who is told everything behind an entry, each once.

    Args:
        identity: who they are.
        after: the id of the last entry that they have; None: they begin with the newest ``PAGE``.
        tell: is given entries, oldest first, and how many are unread.
        dismiss: is told why there is no more to come.
    """

    def __init__(
        self,
        identity: Identity,
        after: int | None,
        tell: Callable[[list[InboxEntry], int], None],
        dismiss: Callable[[CollabError], None],
    ) -> None:
        self.identity = identity
        self.participant = identity.id or ""
        self.at = after
        self.tell = tell
        self.dismiss = dismiss


class Inboxes:
    """Shows inboxes, and tells what is new in them.

    Args:
        hub: whose store has them, and whose sessions are told.
        authenticator: says who may read what.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._followers: dict[str, set[Follower]] = {}
        self._noted: dict[str, set[int]] = {}
        self._everybody = False
        self._news = asyncio.Event()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to listen; called on the event loop, before the hub starts."""
        self._hub.store.inbox.on_news = self._note
        self._hub.on_bells_missed = self._missed
        self._spawn(self._run())

    def meet(self) -> None:
        """Hear of what other nodes write; the hub has started."""
        self._spawn(self._join())

    async def _join(self) -> None:
        while True:
            try:
                await self._hub.cluster.join(InboxLog.CHANNEL, self)
                return
            except CollabError:
                await asyncio.sleep(RETRY)

    async def close(self) -> None:
        """Listen no more."""
        self._hub.cluster.leave(InboxLog.CHANNEL)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- what is asked --------------------------------------------------------------------------

    async def look(self, identity: Identity) -> Seen:
        """What ``identity`` may see of its inbox now.

        Raises:
            CollabError: ``unauthorized`` for somebody without a token; ``storage_unavailable``.
        """
        if identity.id is None:
            raise CollabError("unauthorized", "Only those who come with a token have an inbox.")
        return await self._seen(identity, await self._hub.store.inbox.read(identity.id))

    async def _seen(self, identity: Identity, entries: list[InboxEntry]) -> Seen:
        readable = await self._readable(identity, {entry.document for entry in entries})
        return Seen([each for each in entries if each.document in readable], entries[-1].id if entries else 0)

    async def _readable(self, identity: Identity, documents: Collection[str]) -> set[str]:
        turn = asyncio.Semaphore(ASKED_AT_ONCE)

        async def may_read(document: str) -> bool:
            async with turn:
                return await self._authenticator.role_on(identity, document) is not None

        names = list(documents)
        answers = await asyncio.gather(*map(may_read, names))
        return {name for name, may in zip(names, answers, strict=True) if may}

    async def mark(self, identity: Identity, ids: Collection[int], up_to: int) -> int:
        """Note as read what of ``ids``, and of everything up to an id, somebody may see; how many are unread then.

        Raises:
            CollabError: as :meth:`look`.
        """
        seen = await self.look(identity)
        participant = identity.id or ""
        meant = [each.id for each in seen.entries if not each.read and (each.id in ids or each.id <= up_to)]
        if meant and await self._hub.store.inbox.mark(participant, meant):
            self._note(participant, CHANGED)
            self._hub.cluster.tell(InboxLog.CHANNEL, {"participant": participant, "id": CHANGED})
        return seen.unread - len(meant)

    async def follow(self, follower: Follower) -> None:
        """Tell ``follower`` what it lacks, and everything that comes, until :meth:`unfollow`.

        Raises:
            CollabError: as :meth:`look`.
        """
        if follower.at is None:
            entries = (await self.look(follower.identity)).entries
            follower.at = entries[-PAGE - 1].id if len(entries) > PAGE else 0
        self._followers.setdefault(follower.participant, set()).add(follower)
        async with self._one_at_a_time(follower.participant):
            await self._bring(follower, {CHANGED}, await self._hub.store.inbox.read(follower.participant))

    def unfollow(self, follower: Follower) -> None:
        """Tell it nothing more. Idempotent."""
        followers = self._followers.get(follower.participant, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(follower.participant, None)

    # -- what is new ----------------------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """See :class:`collab.cluster.base.Listener`."""
        if not isinstance(message, Note):
            return
        participant, id = message.body.get("participant"), message.body.get("id")
        own_change = id == CHANGED and message.node == self._hub.cluster.node
        if isinstance(participant, str) and isinstance(id, int) and not own_change:
            self._note(participant, id)

    def _note(self, participant: str, id: int) -> None:
        self._noted.setdefault(participant, set()).add(id)
        self._news.set()

    def _missed(self) -> None:
        self._everybody = True
        self._news.set()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._news.wait()
            self._news.clear()
            began = clock()
            noted, self._noted = self._noted, {}
            present = self._present(noted)
            if work := [self._spawn(self._inform(*each)) for each in present]:
                await asyncio.wait(work, timeout=LONGEST_REST)  # one that takes long holds up nobody
            await asyncio.sleep(max(PAUSE, min(LONGEST_REST, REST * (clock() - began))))

    def _present(self, noted: Mapping[str, set[int]]) -> list[tuple[str, set[int], list[_Present]]]:
        """Those who are to be told: participants, what of, and their sessions by identities."""
        everybody, self._everybody = self._everybody, False
        found: dict[str, dict[int, _Present]] = {}
        for live in self._hub.documents.values():
            for session in live.sessions.values():
                identity = session.identity
                if identity.id is not None and (everybody or identity.id in noted):
                    found.setdefault(identity.id, {}).setdefault(id(identity), (identity, []))[1].append(session)
        for participant in self._followers:
            if everybody or participant in noted:
                found.setdefault(participant, {})
        changed = {CHANGED} if everybody else set()
        return [(who, noted.get(who, set()) | changed, list(people.values())) for who, people in found.items()]

    async def _inform(self, participant: str, ids: set[int], people: list[_Present]) -> None:
        """Tell all sessions of a participant, and those who follow, of the same look into the store."""
        async with self._one_at_a_time(participant), self._turn:
            try:
                entries = await self._hub.store.inbox.read(participant)
                seen = [await self._seen(identity, entries) for identity, _ in people]
            except CollabError:
                asyncio.get_running_loop().call_later(RETRY, self._again, participant, ids)
                return
            except Exception:  # of an authenticator that is not ours
                _log.exception("an inbox cannot be shown", participant=participant)
                return
            for (identity, sessions), sight in zip(people, seen, strict=True):
                self._tell(identity, sessions, sight, ids)
            for follower in list(self._followers.get(participant, ())):
                try:
                    if await self.check(follower):
                        await self._bring(follower, ids, entries)
                except CollabError:
                    asyncio.get_running_loop().call_later(RETRY, self._again, participant, set())

    def _tell(self, identity: Identity, sessions: list[Session], seen: Seen, ids: set[int]) -> None:
        new = [entry for entry in seen.entries if entry.id in ids]
        if not new and CHANGED not in ids:
            return
        payload = page_json(new, seen.unread)
        for session in sessions:
            if session.state is State.CLOSED:
                continue
            if session.identity is identity:
                session.tell(session.encoder.inbox(payload))
            else:  # they may see more by now, or less: let them look for themselves
                self._note(identity.id or "", CHANGED)

    def _again(self, participant: str, ids: set[int]) -> None:
        self._noted.setdefault(participant, set()).update(ids)
        self._news.set()

    async def check(self, follower: Follower) -> bool:
        """Whether a follower is still who it was; one that is not is dismissed."""
        try:
            renewed = await self._authenticator.renew(follower.identity)
            if renewed.id != follower.identity.id:
                raise CollabError("unauthorized")
        except Refused as refusal:
            self.unfollow(follower)
            follower.dismiss(refusal)
            return False
        except Exception as failure:
            # Nobody is sent away because something else is in trouble; nor told what they may not be told.
            _log.error(
                "who somebody is cannot be found out", participant=follower.identity.id, reason=str(failure)[:200]
            )
            raise CollabError("storage_unavailable") from None
        follower.identity = renewed
        return True

    async def _bring(self, follower: Follower, ids: set[int], entries: list[InboxEntry]) -> None:
        seen = await self._seen(follower.identity, entries)
        at = follower.at or 0
        new = [entry for entry in seen.entries if entry.id > at]
        follower.at = max(at, seen.last)
        if follower not in self._followers.get(follower.participant, ()):
            return
        for begin in range(0, len(new), PAGE):
            follower.tell(new[begin : begin + PAGE], seen.unread)
        if not new and CHANGED in ids:
            follower.tell([], seen.unread)

    def _one_at_a_time(self, participant: str) -> asyncio.Lock:
        """What is read of an inbox is told in the order in which it was read: else ``unread`` would be of before."""
        lock = self._locks.get(participant)
        if lock is None:
            lock = self._locks[participant] = asyncio.Lock()
        return lock

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
