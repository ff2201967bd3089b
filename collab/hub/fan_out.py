"""Updates of one document to everybody who has it open here: paced, merged, and a diff for whoever could not follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import structlog

from collab.documents.document import Document
from collab.documents.merging import merge
from collab.errors import CollabError
from collab.hub.outlets import Encoder, Lane
from collab.hub.session import Session, State
from collab.metrics import CUT_SLOW, FLUSH, UPDATES_SENT, VISIBLE

_log = structlog.get_logger("collab.hub")

#: times the cost of the flush before it: so long a flush waits, so that no document takes more than a tenth of the core
COST_FACTOR = 10.0
#: seconds that a flush waits at most
MAX_WAIT = 0.05
#: seconds between two flushes of one document at least: no screen shows more
UPDATE_INTERVAL = 0.008
#: seconds: the same while several people edit, which is once per picture of a usual screen
BUSY_INTERVAL = 0.016
#: seconds between two looks at a session that is behind
CATCH_UP_INTERVAL = 0.05


class Pacer:
    """Calls ``flush`` soon after :meth:`request`, never more often than its cost allows.

    The first request after quiet is served in the same turn of the loop, so that edits which
    arrived together leave together. After a flush that cost ``c`` seconds the next one waits
    ``min(10 c, 50 ms)``, and at least ``min_wait``. A document so never takes more than about a
    tenth of the core for its own fan-out.

    Args:
        flush: does the work; its cost is the time that it takes, system calls included (the clock of
            the wall: asking for CPU time is a system call of its own, and a slow one).
        min_wait: seconds between two flushes at least; ``flush`` may set it for what comes next.
    """

    __slots__ = ("_flush", "_handle", "_loop", "_not_before", "min_wait")

    def __init__(self, flush: Callable[[], None], *, min_wait: float = 0.0) -> None:
        self._flush = flush
        self.min_wait = min_wait
        self._loop = asyncio.get_running_loop()
        self._not_before = 0.0
        self._handle: asyncio.Handle | None = None

    def request(self) -> None:
        """Ask for a flush; asking twice before it ran is asking once."""
        if self._handle is not None:
            return
        wait = self._not_before - self._loop.time()
        if wait <= 0:
            self._handle = self._loop.call_soon(self._run)
        else:
            self._handle = self._loop.call_later(wait, self._run)

    def flush_now(self) -> None:
        """Run what was requested, without waiting."""
        if self._handle is not None:
            self._handle.cancel()
            self._run()

    def cancel(self) -> None:
        """Forget a request that has not run yet."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def close(self) -> None:
        """Flush nothing any more, and let go of whose work it was."""
        self.cancel()
        self._flush = _nothing

    def _run(self) -> None:
        self._handle = None
        began = time.perf_counter()
        self._flush()
        cost = time.perf_counter() - began
        FLUSH.observe(cost)
        wait = COST_FACTOR * cost
        if wait > MAX_WAIT:  # what `min` and `max` would say, without a call
            wait = MAX_WAIT
        if wait < self.min_wait:
            wait = self.min_wait
        self._not_before = self._loop.time() + wait


#: an update that the others have not seen yet: whose it is, and whether it is plain, so that it may be merged
_Pending = tuple[bytes, str | None, bool]


@dataclass(slots=True)
class _Lag:
    """Of a session that is behind: what it was sent before, as a state vector; what waits for it, and since when."""

    known: bytes
    waiting: int
    since: float


class FanOut:
    """Sends updates to the sessions of one document; none gets back what it sent.

    Who has more waiting than its door allows is ``behind``: it gets no updates, but one diff once
    that has drained, and is cut where nothing drains for ``stall_timeout`` seconds.

    Args:
        document: where the diffs come from; to be exchanged when the document is loaded again.
        welcome_back: called for a session that was behind, after its diff.
    """

    def __init__(self, document: Document, welcome_back: Callable[[Session], None], *, stall_timeout: float) -> None:
        self.document = document
        self._welcome_back = welcome_back
        self._stall_timeout = stall_timeout
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[Encoder, Lane] = {}
        self._behind: dict[Session, _Lag] = {}
        self._pending: list[_Pending] = []
        #: when they came
        self._arrived: list[float] = []
        self._pacer = Pacer(self._flush, min_wait=UPDATE_INTERVAL)
        self._catching_up: asyncio.TimerHandle | None = None

    def enter(self, session: Session) -> None:
        """Send updates to a session from now on."""
        lane = self._lanes.get(session.encoder)
        if lane is None:
            lane = self._lanes[session.encoder] = session.encoder.lane()
        lane.enter(session)

    def leave(self, session: Session) -> None:
        """Forget a session."""
        self._behind.pop(session, None)
        lane = self._lanes.get(session.encoder)
        if lane is not None:
            lane.leave(session)
            if not lane.sessions:
                del self._lanes[session.encoder]

    def add(self, update: bytes, origin: str | None, *, plain: bool) -> None:
        """Send an update with the next flush.

        Args:
            origin: the id of the session that it came from.
            plain: whether it is plain typing, which may be merged.
        """
        self._pending.append((update, origin, plain))
        self._arrived.append(time.perf_counter())
        self._pacer.request()

    @property
    def behind(self) -> int:
        """How many sessions get a diff later, because they read too slowly."""
        return len(self._behind)

    def flush(self) -> None:
        """Send at once what waits for its turn."""
        self._pacer.flush_now()

    def close(self) -> None:
        """Send nothing any more, and let go of whoever is called back."""
        self._pacer.close()
        if self._catching_up is not None:
            self._catching_up.cancel()
            self._catching_up = None
        self._welcome_back = _nobody

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        arrived, self._arrived = self._arrived, []
        self._pacer.min_wait = UPDATE_INTERVAL
        clogged: list[Session] = []
        if len(pending) == 1:  # most often
            update, origin, _ = pending[0]
            for encoder, lane in self._lanes.items():
                UPDATES_SENT.values[encoder.door,] += len(lane.sessions) - (origin in lane.sessions)
                frames = encoder.update(update)
                if frames is not None:
                    clogged += lane.send(frames, () if origin is None else (origin,))
        else:
            for encoder, lane in self._lanes.items():
                own = sum(origin in lane.sessions for _, origin, _ in pending)
                UPDATES_SENT.values[encoder.door,] += len(pending) * len(lane.sessions) - own
            if len({origin for _, origin, _ in pending}) > 1:
                self._pacer.min_wait = BUSY_INTERVAL
            pending = _merged(pending)
            for encoder, lane in self._lanes.items():
                clogged += _send(pending, encoder, lane)
        now = time.perf_counter()
        for at in arrived:
            VISIBLE.observe(now - at)
        if clogged:
            self.fall_behind(list(dict.fromkeys(clogged)))

    # -- slow readers ---------------------------------------------------------------------------

    def fall_behind(self, sessions: Sequence[Session]) -> None:
        """Send these sessions nothing until what waits for them has drained; they are told."""
        self.flush()  # what waits for its turn is not known to them yet
        known = self.document.state_vector()
        now = self._loop.time()
        for session in sessions:
            if session.state is State.BEHIND:
                continue
            session.notify(CollabError("lagging"))
            session.move(State.BEHIND)
            self.leave(session)
            self._behind[session] = _Lag(known, session.pipe.waiting_bytes, now)
        self._look_later()

    def _look_later(self) -> None:
        if self._catching_up is None:
            self._catching_up = self._loop.call_later(CATCH_UP_INTERVAL, self._catch_up)

    def _catch_up(self) -> None:
        self._catching_up = None
        self.flush()
        now = self._loop.time()
        diffs: dict[bytes, bytes] = {}
        clogged: list[Session] = []
        for session, lag in list(self._behind.items()):
            if session.pipe.clogged:
                left = session.pipe.waiting_bytes
                if left < lag.waiting:
                    lag.waiting, lag.since = left, now
                elif now - lag.since > self._stall_timeout:
                    _log.info("session cut: it takes nothing", participant=session.participant, **session.where)
                    CUT_SLOW.add()
                    session.pipe.cut()
                continue
            del self._behind[session]
            if lag.known not in diffs:
                diffs[lag.known] = self.document.diff(lag.known)
            session.move(State.LIVE)
            self.enter(session)
            session.tell(session.encoder.update(diffs[lag.known]))
            self._welcome_back(session)
            if session.pipe.clogged:
                clogged.append(session)
        if clogged:
            self.fall_behind(clogged)
        if self._behind:
            self._look_later()


def _merged(pending: Sequence[_Pending]) -> list[_Pending]:
    """``pending`` with runs of plain typing merged.

    Merging bytes is sound for what honest editors send one after the other; of hostile updates, each of
    which can be applied, it can make one that cannot. Those stay as they came.
    """
    series: list[_Pending] = []
    for plain, run in groupby(pending, itemgetter(2)):
        updates = list(run)
        if plain and len(updates) > 1:
            origins = {origin for _, origin, _ in updates}
            update = merge([update for update, _, _ in updates])
            updates = [(update, origins.pop() if len(origins) == 1 else None, True)]
        series += updates
    return series


def _send(series: Sequence[_Pending], encoder: Encoder, lane: Lane) -> list[Session]:
    """Send everybody in ``lane`` all of ``series``, but nobody what is their own; returns who is clogged now."""
    clogged: list[Session] = []
    origins = {origin for _, origin, _ in series if origin is not None}
    for frames in encoder.updates([update for update, _, _ in series]):
        clogged += lane.send(frames, origins)
    if len(series) > 1:
        for origin in origins & lane.sessions.keys():
            session = lane.sessions[origin]
            others = [update for update, author, _ in series if author != origin]
            for frames in encoder.updates(others) if others else ():
                if session.write(frames):
                    clogged.append(session)
    return clogged


def _nobody(_session: Session) -> None:
    pass


def _nothing() -> None:
    pass
