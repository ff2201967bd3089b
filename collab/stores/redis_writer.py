"""Group commit into Redis: one pipeline at a time takes what gathered while the last was under way."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.exceptions import InvalidResponse

from collab.documents.ledger import Ledger
from collab.errors import CollabError
from collab.incidents import Incident
from collab.metrics import CLUSTER_APPEND, COMMIT, COMMIT_ROWS, STORE_ERRORS
from collab.stores.base import fresh_epoch
from collab.stores.commits import Commits, Trace
from collab.stores.outbox import LONGEST, QUIET, Event
from collab.stores.redis_link import RedisLink, shown_url
from collab.stores.redis_nodes import FAILURES, Command
from collab.stores.redis_outbox import RedisOutbox, as_notes
from collab.stores.redis_pipe import Unanswered
from collab.stores.redis_scripts import APPEND, Script
from collab.stores.redis_words import words_of

#: updates of one document that one script takes: Redis does nothing else meanwhile
MAX_BATCH = 500
#: bytes of them, for the same reason
MAX_BATCH_BYTES = 2**20
#: bytes that one pipeline takes
MAX_PIPELINE_BYTES = 8 * 2**20
#: seconds until Redis is tried again for the first time
FIRST_RETRY = 0.05
#: seconds between two tries later on
LAST_RETRY = 0.5
#: seconds: people feel it if an answer takes longer
SLOW_ANSWER = 0.5

_log = structlog.get_logger("collab.redis")


@dataclass(slots=True)
class _Append:
    update: bytes
    participant: str
    future: asyncio.Future[int]
    notes: Sequence[Event] = ()
    trace: Trace = None


@dataclass(slots=True)
class _Lane:
    """The way of one document's updates to its log, one batch at a time.

    A batch that got no answer is sent again as it was, under its number, by which the script knows
    what it has carried out already. ``held``: nothing may go until the copy was brought in line.
    ``seed`` goes before everything else, because what waits may build on it. ``former`` is the log that a copy
    which is gone has followed: what it still had to say belongs there, and nowhere else. ``listed``: the document's
    name is in the list of all names; with another hash tag, the script cannot see to that. ``untold_since``: when the
    first of the edits was logged that are not in the outbox as an event yet.
    """

    document: str
    waiting: deque[_Append] = field(default_factory=deque)
    batch: list[_Append] = field(default_factory=list)
    seed: _Append | None = None
    number: int = 0
    ledger: Ledger | None = None
    on_stray: Callable[[], None] | None = None
    held: bool = False
    former: str = ""
    listed: bool = False
    untold_since: float = 0.0

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.batch or self.seed)


class RedisWriter:
    """Appends updates to the logs of documents, in the order of the calls within each.

    While Redis cannot be reached, appends wait; what waits is bounded by those who append.

    Args:
        node: our name in the cluster.
        on_health: called with True when a pipeline was answered, with False when one broke.
        outbox: what is logged is told there, too.
        commits: who hears of each pipeline; None: nobody.
    """

    def __init__(
        self,
        link: RedisLink,
        node: str,
        on_health: Callable[[bool], None],
        outbox: RedisOutbox,
        commits: Commits | None = None,
    ) -> None:
        self._link = link
        self._commits = commits
        self._outbox = outbox
        self._node = node
        self._on_health = on_health
        self._url = shown_url(link.url)
        self._silent = Incident(_log, "Redis does not answer appends", "Redis answers appends again")
        self._slow = Incident(_log, "Redis is slow", "Redis is quick again", level="warning")
        self._refusing = Incident(_log, "Redis refuses appends", "Redis takes appends again")
        self._pipe = link.pipe()
        self._lanes: dict[str, _Lane] = {}
        self._ready: dict[str, _Lane] = {}
        self._work = asyncio.Event()
        self._number = 0
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    # -- what the store asks for ----------------------------------------------------------------

    def append(self, document: str, update: bytes, participant: str | None, epoch: str) -> asyncio.Future[int]:
        """See :meth:`collab.stores.base.Store.append`; the epoch counts if no copy follows the log any more."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._closing:
            future.set_exception(CollabError("storage_unavailable"))
            return future
        lane = self._lane(document)
        if epoch and lane.ledger is None:
            lane.former = epoch
        trace = None if self._commits is None else self._commits.current()
        lane.waiting.append(_Append(update, _named(participant), future, self._outbox.taken(document), trace))
        self._wake(lane)
        return future

    def follow(self, document: str, ledger: Ledger, on_stray: Callable[[], None]) -> None:
        """See :class:`collab.stores.base.SharedStore`."""
        lane = self._lane(document)
        lane.ledger, lane.on_stray, lane.held, lane.former = ledger, on_stray, False, ""
        self._wake(lane)

    def unfollow(self, document: str, *, deleted: bool = False) -> None:
        """See :class:`collab.stores.base.SharedStore`."""
        lane = self._lanes.get(document)
        if lane is not None:
            if lane.ledger is not None:
                lane.former = lane.ledger.log
            lane.ledger = lane.on_stray = None
            lane.held = False
            if deleted:
                left = [*lane.batch, *lane.waiting]
                lane.batch, lane.seed = [], None
                lane.waiting.clear()
                _fail(left, CollabError("document_deleted"))
            self._forget_if_idle(lane)

    def resume(self, document: str, seed: bytes | None) -> None:
        """See :class:`collab.stores.base.SharedStore`."""
        lane = self._lane(document)
        if seed is not None:
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_seen)
            lane.seed = _Append(seed, _named(None), future)
            lane.listed = False
        lane.held = False
        self._wake(lane)

    async def close(self, patience: float) -> None:
        """Finish what is under way, for ``patience`` seconds at most while Redis does not answer."""
        self._closing = True
        self._work.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._ready:
                    await asyncio.sleep(0.005)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for lane in self._lanes.values():
            _fail([*lane.batch, *lane.waiting], CollabError("storage_unavailable"))
        self._lanes.clear()
        await self._pipe.drop()

    def _lane(self, document: str) -> _Lane:
        lane = self._lanes.get(document)
        if lane is None:
            lane = self._lanes[document] = _Lane(document)
        return lane

    def _wake(self, lane: _Lane) -> None:
        if not lane.held and not lane.idle:
            self._ready[lane.document] = lane
            self._work.set()

    def _forget_if_idle(self, lane: _Lane) -> None:
        if lane.ledger is None and lane.idle and self._lanes.get(lane.document) is lane:
            del self._lanes[lane.document]

    # -- the loop -------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._write()
            except Exception:
                # A fault of ours. Without this task nobody's edits would be saved any more, and nobody would be told.
                _log.exception("appends failed", unsaved=self._unsaved)
                STORE_ERRORS.add("internal")
                await asyncio.sleep(LAST_RETRY)
                self._work.set()

    async def _write(self) -> None:
        wait = FIRST_RETRY
        while True:
            await self._work.wait()
            self._work.clear()
            lanes = self._gather()
            if not lanes:
                continue
            began = time.perf_counter()
            try:
                answers = await self._carry_out(lanes)
                await self._check(answers)
            except FAILURES as error:
                answers = [Unanswered(error)] * len(lanes)
            took = time.perf_counter() - began
            faults = [answer.fault for answer in answers if isinstance(answer, Unanswered)]
            if not faults:
                self._took(took)  # before what waited for it counts as saved
            done = [each for each in zip(lanes, answers, strict=True) if not isinstance(each[1], Unanswered)]
            if done:
                CLUSTER_APPEND.observe(took)
                COMMIT.observe(took)
                COMMIT_ROWS.observe(sum(len(lane.batch) for lane, _ in done))
                if self._commits is not None:
                    refused = next((words_of(answer) for _, answer in done if isinstance(answer, Exception)), None)
                    _tell(self._commits, [lane for lane, _ in done], took, refused)
                for lane, answer in done:
                    batch = lane.batch
                    try:
                        self._answered(lane, answer)
                    except Exception:
                        # One document's trouble; whoever waits for it is told, and the others go on.
                        _log.exception("an append was answered, and then something failed", document=lane.document)
                        STORE_ERRORS.add("internal")
                        _fail(batch, CollabError("storage_unavailable"))
            if faults:
                STORE_ERRORS.add("timeout" if isinstance(faults[0], TimeoutError) else "connection")
                self._silent.begin(url=self._url, reason=words_of(faults[0]), unsaved=self._unsaved)
                self._on_health(False)
                _log.debug("append got no answer", reason=type(faults[0]).__name__)
                if self._commits is not None:
                    waiting = [lane for lane, each in zip(lanes, answers, strict=True) if isinstance(each, Unanswered)]
                    _tell(self._commits, waiting, took, words_of(faults[0]))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LAST_RETRY)
                self._work.set()
                continue
            wait = FIRST_RETRY
            self._on_health(True)
            if self._ready:
                self._work.set()

    async def _carry_out(self, lanes: Sequence[_Lane]) -> list[Any]:
        """What is said to the batches of ``lanes``, whose documents are listed, and whose events are looked for."""
        commands: list[Command | tuple[Script, Command]] = [self._command(lane) for lane in lanes]
        looks = [(at, self._look(lane)) for at, lane in enumerate(lanes)] if self._outbox.wanted else []
        names: list[tuple[int, Command]] = [
            (at, [b"ZADD", self._link.shared_key("names"), 0, lane.document])
            for at, lane in enumerate(lanes)
            if not lane.listed
        ]
        if self._link.nodes.divided:
            answers = await self._carry_out_after([*looks, *names], commands)
        else:
            told = await self._pipe.run([*(look for _, look in looks), *commands, *(name for _, name in names)])
            answers, listed = told[len(looks) : len(looks) + len(lanes)], told[len(looks) + len(lanes) :]
            names = [name for name, said in zip(names, listed, strict=True) if not isinstance(said, Exception)]
        for at, _ in names:
            lanes[at].listed = not isinstance(answers[at], Exception)
        return answers

    async def _carry_out_after(
        self, before: Sequence[tuple[int, Command]], commands: Sequence[Command | tuple[Script, Command]]
    ) -> list[Any]:
        """The lists may be on another node than the document: nothing goes into its log that would not be found."""
        answers: list[Any] = [None] * len(commands)
        if before:
            said = await self._pipe.run_what_goes([command for _, command in before])
            for (at, _), answer in zip(before, said, strict=True):
                if isinstance(answer, Exception):
                    answers[at] = answer
        go = [at for at, answer in enumerate(answers) if answer is None]
        said = await self._pipe.run_what_goes([commands[at] for at in go]) if go else []
        for at, answer in zip(go, said, strict=True):
            answers[at] = answer
        return answers

    async def _check(self, answers: list[Any]) -> None:
        """Raise InvalidResponse where one of them is no answer to an append: what they belong to is not known then."""
        for answer in answers:
            if not _is_answer(answer):
                await self._pipe.drop()
                raise InvalidResponse(f"an answer that is none to an append: {answer!r}")

    def _took(self, seconds: float) -> None:
        """A pipeline was answered after so long."""
        self._silent.end(url=self._url)
        if seconds > SLOW_ANSWER:
            self._slow.begin(url=self._url, took=round(seconds, 3), unsaved=self._unsaved)
        else:
            self._slow.end(url=self._url)

    @property
    def _unsaved(self) -> int:
        return sum(len(lane.batch) + len(lane.waiting) for lane in self._lanes.values())

    def _gather(self) -> list[_Lane]:
        """The lanes of one pipeline, each with its batch."""
        lanes = []
        size = 0
        for lane in list(self._ready.values()):
            if lane.held or lane.idle:
                del self._ready[lane.document]
                continue
            if not lane.batch:
                self._fill(lane)
            lanes.append(lane)
            size += sum(len(append.update) for append in lane.batch)
            if size > MAX_PIPELINE_BYTES:
                break
        return lanes

    def _fill(self, lane: _Lane) -> None:
        self._number += 1
        lane.number = self._number
        if lane.seed is not None:
            lane.batch, lane.seed = [lane.seed], None
            return
        size = 0
        while lane.waiting and len(lane.batch) < MAX_BATCH and size <= MAX_BATCH_BYTES:
            append = lane.waiting.popleft()
            lane.batch.append(append)
            size += len(append.update)

    def _look(self, lane: _Lane) -> Command:
        """When whoever delivers is to look what is told of this batch."""
        now = time.time()
        if not lane.listed or any(append.notes for append in lane.batch):
            return self._outbox.entry(lane.document, now)
        latest = lane.untold_since + LONGEST
        return self._outbox.entry(lane.document, min(now + QUIET, latest) if latest > now else now + QUIET)

    def _command(self, lane: _Lane) -> tuple[Script, Command]:
        link, document, ledger = self._link, lane.document, lane.ledger
        node = self._node
        if self._commits is not None and (carried := self._commits.carried([each.trace for each in lane.batch])):
            node += f"+{carried}"
        words: list[bytes | str | int] = [
            5, *link.keys(document, "meta", "log", f"batch:{self._node}", "outbox", "changing"),
            ledger.log if ledger is not None else lane.former,
            fresh_epoch(),
            ledger.floor if ledger is not None else 0,
            lane.number, node, link.channel(document),
            self._outbox.telling(), as_notes([note for append in lane.batch for note in append.notes]),
        ]  # fmt: skip
        for append in lane.batch:
            words += (append.participant, append.update)
        return APPEND, words

    def _answered(self, lane: _Lane, answer: Any) -> None:
        batch, lane.batch = lane.batch, []
        if not isinstance(answer, Exception) and answer[0] != b"ok":
            lane.listed = False
        if isinstance(answer, Exception):
            STORE_ERRORS.add("refused")
            self._refusing.begin(url=self._url, reason=words_of(answer), document=lane.document, unsaved=self._unsaved)
            # Refused, not lost: Redis is full, read-only or still loading. What waits behind may build
            # on it, so it fails as well; whoever appended keeps it and comes again.
            _log.debug("append refused", document=lane.document, reason=str(answer)[:200])
            batch += lane.waiting
            lane.waiting.clear()
            _fail(batch, CollabError("storage_unavailable"))
        elif answer[0] == b"ok":
            self._refusing.end(url=self._url)
            first = int(answer[2])
            if answer[4]:
                lane.untold_since = float(answer[4])
            if lane.ledger is not None:
                lane.ledger.was_logged(answer[1].decode(), int(answer[3]))
            for at, append in enumerate(batch):
                if not append.future.done():
                    append.future.set_result(first + at)
        elif answer[0] == b"deleted":
            batch += lane.waiting
            lane.waiting.clear()
            _fail(batch, CollabError("document_deleted"))
            self._stray(lane)
        elif lane.ledger is None:
            # The log is another one, and the copy is gone: nobody will bring them in line.
            batch += lane.waiting
            lane.waiting.clear()
            _fail(batch, CollabError("storage_unavailable"))
        else:
            lane.waiting.extendleft(reversed(batch))
            lane.held = True
            self._stray(lane)
        self._ready.pop(lane.document, None)
        if lane.held or lane.idle:
            self._forget_if_idle(lane)
        else:
            self._ready[lane.document] = lane  # behind those that have waited longer

    def _stray(self, lane: _Lane) -> None:
        if lane.on_stray is not None:
            lane.on_stray()


def _tell(commits: Commits, lanes: Sequence[_Lane], seconds: float, error: str | None) -> None:
    commits.committed([append.trace for lane in lanes for append in lane.batch], seconds, error)


def _is_answer(answer: Any) -> bool:
    """Whether the script answers so, or it was refused; see :data:`APPEND`."""
    if isinstance(answer, Exception):
        return True
    if not isinstance(answer, list) or not answer:
        return False
    if answer[0] != b"ok":
        return answer[0] in (b"deleted", b"lost", b"changed", b"behind")
    positions = answer[2:4]
    return len(answer) == 5 and all(isinstance(each, int) or each.isdigit() for each in positions)


def _named(participant: str | None) -> str:
    """``=name``, or nothing for nobody: an empty name is a name."""
    return "" if participant is None else f"={participant}"


def _fail(appends: list[_Append], error: CollabError) -> None:
    for append in appends:
        if not append.future.done():
            append.future.set_exception(error)
            append.future.add_done_callback(_seen)


def _seen(future: asyncio.Future[int]) -> None:
    """An error that nobody asks for is no news to the event loop."""
    if not future.cancelled():
        future.exception()
