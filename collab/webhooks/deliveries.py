"""Delivers what is in the outbox, and is asked about it.

One node of a cluster at a time has the lease and delivers; the others only put aside who comes and goes on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache

import structlog

from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.hub.observer import Observer
from collab.hub.session import Session
from collab.incidents import Incident
from collab.metrics import WEBHOOK_DELIVERIES
from collab.stores.outbox import COLLECTED_AT_ONCE, Delivery, EndpointState, Event, Outbox
from collab.webhooks.endpoints import Endpoint
from collab.webhooks.lanes import Lanes
from collab.webhooks.sender import Attempt

#: seconds between two looks at the outbox, and at least while there is a lot to do
TICK, SHORTEST = 0.5, 0.05
#: seconds between two looks at how endpoints stand
LOOK = 2.0
#: seconds for which a node has the lease; it renews it after a third
LEASE = 15.0
#: people who came and went and are not put aside yet
MOST_SEEN = 10_000
#: people who are put aside in one transaction
_SEEN_AT_ONCE = 500
#: documents times types of which it is remembered who wants them
_MATCHES = 16_384
#: seconds that the end waits for an answer
PATIENCE = 3.0

_log = structlog.get_logger("collab.webhooks")


class Deliveries(Observer):
    """Tells the endpoints of a server what happens.

    Args:
        outbox: of the store.
        endpoints: by the settings; none: nothing is put aside, and nothing is done.
    """

    def __init__(self, outbox: Outbox, endpoints: Sequence[Endpoint]) -> None:
        self._outbox = outbox
        self._news = asyncio.Event()
        self.lanes = {each.id: Lanes(outbox, each, self._may_send, self._news.set) for each in endpoints}
        self._wanted = frozenset[str]().union(*(each.events for each in endpoints))
        self._match = lru_cache(_MATCHES)(self._find_matches)  # a store's thread asks, too
        self._seen: deque[Event] = deque(maxlen=MOST_SEEN)
        self._states: dict[str, EndpointState] = {}
        self._looked_at = self._leased_at = self._collected_at = -LEASE
        self._task: asyncio.Task[None] | None = None
        self._trouble = Incident(_log, "the outbox cannot be had", "the outbox can be had again", level="warning")
        self._dropping = Incident(_log, "webhooks are dropped", "webhooks are not dropped any more")

    async def open(self) -> None:
        """Begin; the store is open."""
        if self.lanes:
            await self._outbox.open(self._wanted)
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Put aside who is gone, and write down what became of what was sent."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        try:
            await self._put_seen()
        except CollabError as error:
            _log.warning("the end of sessions is not told", code=error.code)
        await asyncio.gather(*(lanes.close(PATIENCE) for lanes in self.lanes.values()))
        with contextlib.suppress(CollabError):  # it ends by itself
            await self._outbox.release()
        await self._outbox.close()

    @property
    def looks(self) -> bool:
        """Whether it wants to hear of what happens in the hub."""
        return bool(self._wanted & {"session.joined", "session.left"})

    # -- what is seen in the hub ----------------------------------------------------------------

    def joined(self, live: LiveDocument, session: Session) -> None:
        """See :class:`Observer`."""
        self._see("session.joined", live, session)

    def left(self, live: LiveDocument, session: Session) -> None:
        """See :class:`Observer`."""
        self._see("session.left", live, session, reason=session.dismissed or "left")

    def _see(self, type: str, live: LiveDocument, session: Session, **more: str) -> None:
        if type not in self._wanted or not self._match(type, live.name):
            return
        identity = session.identity
        data = {
            "session": session.id,
            "participant": identity.id,
            "name": identity.name,
            "agent": identity.is_agent(live.name),
            "role": session.role.word,
            "door": session.door,
            **more,
        }
        if len(self._seen) == MOST_SEEN:  # the oldest is forgotten: the store has failed for long
            WEBHOOK_DELIVERIES.add("dropped")
        self._seen.append(Event(live.name, type, time.time(), data))
        self._news.set()  # soon, or it would be told behind what follows it

    async def _put_seen(self) -> bool:
        """Put aside who came and went; whether somebody did."""
        seen = bool(self._seen)
        while self._seen:
            some = [self._seen[at] for at in range(min(len(self._seen), _SEEN_AT_ONCE))]
            await self._outbox.put(some)
            for each in some:
                if self._seen and self._seen[0] is each:
                    self._seen.popleft()
        return seen

    # -- delivering -----------------------------------------------------------------------------

    def _find_matches(self, type: str, document: str) -> tuple[str, ...]:
        return tuple(id for id, lanes in self.lanes.items() if lanes.endpoint.wants(type, document))

    def _may_send(self) -> bool:
        return time.monotonic() - self._leased_at < LEASE - 2.0

    async def _run(self) -> None:
        while True:
            self._news.clear()
            busy = False
            try:
                busy = await self._turn()
                self._trouble.end()
            except CollabError as error:
                self._trouble.begin(code=error.code, reason=error.message)
            except Exception:  # a fault of ours costs one turn, and not all that follow
                _log.exception("delivering webhooks failed")
                await asyncio.sleep(LOOK)
            await asyncio.sleep(SHORTEST)
            if not busy:
                # Not wait_for, which in Python 3.11 may swallow the cancellation that ends this.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._news.wait()

    async def _turn(self) -> bool:
        """Look once; whether there is more to do at once."""
        seen = await self._put_seen()
        if not await self._have_lease():
            self._states = {}
            return False
        now, count = time.time(), 0
        # What was sent is written down more often: looking for what is to be told is the more costly of the two.
        if seen or time.monotonic() - self._collected_at >= TICK:
            count, dropped = await self._outbox.collect(now, self._match)
            self._collected_at = time.monotonic() if count < COLLECTED_AT_ONCE else -LEASE
            self._tell_dropped(dropped, count)
        if time.monotonic() - self._looked_at >= LOOK:
            await self._look(now)
        for lanes in self.lanes.values():
            await lanes.work(now)
        return count >= COLLECTED_AT_ONCE

    async def _have_lease(self) -> bool:
        now = time.monotonic()
        if now - self._leased_at < LEASE / 3:
            return True
        if await self._outbox.lease(LEASE):
            self._leased_at = now
        return self._may_send()

    async def _look(self, now: float) -> None:
        self._looked_at = time.monotonic()
        self._states = await self._outbox.states(list(self.lanes), now)
        for id, state in self._states.items():
            self.lanes[id].disabled = state.disabled_at is not None

    def _tell_dropped(self, dropped: dict[str, int], count: int) -> None:
        if dropped:
            WEBHOOK_DELIVERIES.add("dropped", amount=sum(dropped.values()))
            for id in dropped:
                waiting = self._outbox.most_waiting
                self._dropping.begin(endpoint=id, url=self.lanes[id].endpoint.shown, waiting=waiting)
        elif count:
            self._dropping.end()

    # -- what is asked --------------------------------------------------------------------------

    @property
    def waiting(self) -> tuple[int, float]:
        """How many deliveries wait, as this node knows, and for how many seconds the oldest has."""
        oldest = min((each.oldest for each in self._states.values() if each.oldest is not None), default=None)
        waiting = sum(each.waiting for each in self._states.values())
        return waiting, 0.0 if oldest is None else max(0.0, time.time() - oldest)

    def find(self, id: str) -> Lanes:
        """The lanes of an endpoint.

        Raises:
            CollabError: ``not_found``.
        """
        lanes = self.lanes.get(id)
        if lanes is None:
            raise CollabError("not_found", "There is no such endpoint in the settings.")
        return lanes

    async def states(self) -> dict[str, EndpointState]:
        """How each endpoint stands, now."""
        return await self._outbox.states(list(self.lanes), time.time()) if self.lanes else {}

    async def deliveries(self, id: str, *, failed: bool, limit: int) -> list[Delivery]:
        """See :meth:`Outbox.deliveries`; raises ``not_found``."""
        self.find(id)
        return await self._outbox.deliveries(id, failed=failed, limit=limit)

    async def test(self, id: str) -> Attempt:
        """Send a message of type ``test``; raises ``not_found``."""
        return await self.find(id).test()

    async def retry(self, id: str, ids: Sequence[str] | None = None) -> int:
        """See :meth:`Outbox.retry`; raises ``not_found``."""
        lanes = self.find(id)
        count = await self._outbox.retry(id, time.time(), ids)
        lanes.disabled = False
        self._looked_at = -LEASE
        self._news.set()
        return count
