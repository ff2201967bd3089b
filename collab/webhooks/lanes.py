"""The deliveries to one endpoint: several documents at a time, those of one document in order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog

from collab.errors import CollabError
from collab.incidents import Incident
from collab.metrics import WEBHOOK_DELIVERIES
from collab.stores.failpoints import failpoint
from collab.stores.outbox import LANE_AT_ONCE, Delivery, Outbox, Settled
from collab.webhooks.backoff import next_attempt
from collab.webhooks.endpoints import Endpoint
from collab.webhooks.message import body_of
from collab.webhooks.sender import Attempt, Sender

#: deliveries that are sent to one endpoint at a time
AT_ONCE = 8
#: documents whose next deliveries are in memory: a store that is busy takes its time to give the next ones
TAKEN = 100
#: attempts without an answer of use one after the other, after which what waits is hurried once there is one
DOWN_AFTER = 3
#: seconds between two times of that, and of quiet after which the log says that trouble is over
CALM = 30.0
#: seconds after which a lane that takes long is written down, and goes on later
LONGEST_TURN = 5.0

_log = structlog.get_logger("collab.webhooks")


class Lanes:
    """Sends what is due to one endpoint.

    Args:
        outbox: where it waits.
        endpoint: where it goes.
        may_send: whether this node may still deliver.
        news: called when there is something to write down, and more may be sent once that is done.
    """

    def __init__(
        self,
        outbox: Outbox,
        endpoint: Endpoint,
        may_send: Callable[[], bool],
        news: Callable[[], None],
        sender: Sender | None = None,
    ) -> None:
        self.endpoint = endpoint
        #: nothing is to be sent until somebody says so
        self.disabled = False
        self.delivered = 0
        #: what came of the latest attempt of this node, and when that was (seconds since 1970)
        self.latest: tuple[Attempt, float] | None = None
        self._outbox = outbox
        self._may_send = may_send
        self._news = news
        self._sender = sender or Sender(endpoint)
        #: documents of which something is sent, or not written down yet
        self._busy: set[str] = set()
        #: lanes that wait for one of the tasks that send
        self._lanes: deque[list[Delivery]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = 0
        self._done: list[tuple[str, list[Settled]]] = []
        self._unanswered = 0
        self._failed_at = self._hurried_at = -CALM
        self._gone = False
        self._hurry = False
        self._trouble = Incident(_log, "webhooks are not delivered", "webhooks are delivered again")

    async def work(self, now: float) -> None:
        """Write down what became of attempts, and begin others. Raises ``storage_unavailable``: nothing is lost."""
        id = self.endpoint.id
        if self._gone:
            await self._outbox.disable(id, now)
            self.disabled, self._gone = True, False
        if self._done:
            await self._write_down()
        if self._hurry:
            self._hurry = False
            await self._outbox.hurry(id, now)
        room = TAKEN - len(self._busy)
        if room < TAKEN // 2 or self.disabled or not self._may_send():
            return
        for lane in await self._outbox.due(id, now, room, frozenset(self._busy)):
            self._busy.add(lane[0].event.document)
            self._lanes.append(lane)
        for _ in range(min(len(self._lanes), AT_ONCE - self._sending)):
            self._sending += 1
            task = asyncio.get_running_loop().create_task(self._send_lanes())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write_down(self) -> None:
        done = list(self._done)
        settled = [each for _, results in done for each in results]
        if settled:
            await self._outbox.settle(settled)
        del self._done[: len(done)]
        self._busy.difference_update(document for document, _ in done)  # not before: it would be sent once more

    async def _send_lanes(self) -> None:
        """Be one of the tasks that send; as long as a lane waits, there is one."""
        try:
            while self._lanes:
                await self._send(self._lanes.popleft())
        finally:
            self._sending -= 1

    async def _send(self, lane: list[Delivery]) -> None:
        """Send the next deliveries of one document, up to the first that does not arrive."""
        results: list[Settled] = []
        until = time.monotonic() + LONGEST_TURN
        try:
            for delivery in lane:
                if self.disabled or self._gone or not self._may_send() or time.monotonic() > until:
                    break
                settled = await self._try(delivery)
                results.append(settled)
                if settled.result == "retry":
                    break
        finally:
            self._done.append((lane[0].event.document, results))
            done = len(self._done)
            # There may be more of this document, or there is room for others, or nothing else is under way.
            if len(lane) == LANE_AT_ONCE or done == TAKEN // 2 or done == len(self._busy):
                self._news()

    async def _try(self, delivery: Delivery) -> Settled:
        try:
            body = body_of(delivery.event)
        except (KeyError, TypeError, ValueError):  # damaged, or of another version: no reason to send no other
            _log.exception("a webhook cannot be written", id=delivery.id, type=delivery.event.type)
            return self._fails_for_good(delivery, "it cannot be written")
        attempt = await self._sender.send(delivery.id, body)
        self.latest = attempt, time.time()
        failpoint("webhook.sent")
        return self._judged(delivery, attempt)

    def _judged(self, delivery: Delivery, attempt: Attempt) -> Settled:
        """What an attempt means for its delivery, and for the endpoint."""
        now = time.time()
        if attempt.result == "ok":
            WEBHOOK_DELIVERIES.add("ok")
            self.delivered += 1
            self._answered()
            return Settled(delivery, "ok", now)
        self._failed_at = time.monotonic()
        self._unanswered = self._unanswered + 1 if attempt.status is None or attempt.status >= 500 else 0
        shown, reason = self.endpoint.shown, attempt.reason
        if attempt.result == "gone":
            self._gone = True
            _log.error("a webhook is disabled", endpoint=self.endpoint.id, url=shown, reason=reason)
        else:
            self._trouble.begin(endpoint=self.endpoint.id, url=shown, reason=reason)
        due = next_attempt(delivery.attempts + 1, now, delivery.since or now, attempt.wait)
        if due is None:
            return self._fails_for_good(delivery, reason)
        WEBHOOK_DELIVERIES.add("gone" if self._gone else "retry")
        return Settled(delivery, "retry", now, due, reason)

    def _fails_for_good(self, delivery: Delivery, reason: str) -> Settled:
        WEBHOOK_DELIVERIES.add("failed")
        _log.warning("a webhook has failed for good", endpoint=self.endpoint.id, id=delivery.id, reason=reason)
        return Settled(delivery, "failed", time.time(), reason=reason)

    def _answered(self) -> None:
        now = time.monotonic()
        if self._unanswered >= DOWN_AFTER and now - self._hurried_at >= CALM:
            # Others of its deliveries would wait for hours.
            self._hurried_at, self._hurry = now, True
        self._unanswered = 0
        if self._trouble.lasts and (now - self._failed_at >= CALM or self._hurry):
            self._trouble.end(endpoint=self.endpoint.id, url=self.endpoint.shown)

    async def test(self) -> Attempt:
        """Send a message of type ``test``, now and once."""
        attempt = await self._sender.test()
        self.latest = attempt, time.time()
        return attempt

    async def close(self, patience: float) -> None:
        """Give what is under way ``patience`` seconds, and write down what became of it."""
        self._lanes.clear()
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(CollabError):  # it is sent once more then
            await self._write_down()
        await self._sender.close()
