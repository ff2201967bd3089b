"""Updates of one document to everybody who has it open here: paced, merged, and a diff for whoever could not follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from collab.documents.document import Document, merge
from collab.errors import CollabError
from collab.hub.pacer import Pacer
from collab.hub.session import Encoder, Lane, Session, State

#: updates of one document leave at most so often, in seconds: no screen shows more; where several
#: people edit at the same time, once per picture of a usual screen
UPDATE_INTERVAL = 0.008
BUSY_INTERVAL = 0.016
#: a session that is behind is looked at this often, in seconds
CATCH_UP_INTERVAL = 0.05


class _Pending(NamedTuple):
    """An update that the others have not seen yet; ``plain`` ones may be merged."""

    update: bytes
    origin: str | None
    plain: bool


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

    def __init__(
        self, document: Document, welcome_back: Callable[[Session], None], *, stall_timeout: float
    ) -> None:
        self.document = document
        self._welcome_back = welcome_back
        self._stall_timeout = stall_timeout
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[Encoder, Lane] = {}
        self._behind: dict[Session, _Lag] = {}
        self._pending: list[_Pending] = []
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
        self._pending.append(_Pending(update, origin, plain))
        self._pacer.request()

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
        self._pacer.min_wait = UPDATE_INTERVAL
        if len(pending) > 1:
            if len({origin for _, origin, _ in pending}) > 1:
                self._pacer.min_wait = BUSY_INTERVAL
            pending = _merged(pending)
        clogged: list[Session] = []
        for encoder, lane in self._lanes.items():
            clogged += _send(pending, encoder, lane)
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
                    session.pipe.cut()
                continue
            del self._behind[session]
            if lag.known not in diffs:
                diffs[lag.known] = self.document.diff(lag.known)
            session.move(State.LIVE)
            self.enter(session)
            session.write(session.encoder.update(diffs[lag.known]))
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
    for plain, run in groupby(pending, attrgetter("plain")):
        updates = list(run)
        if plain and len(updates) > 1:
            origins = {origin for _, origin, _ in updates}
            update = merge([update for update, _, _ in updates])
            updates = [_Pending(update, origins.pop() if len(origins) == 1 else None, plain=True)]
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
