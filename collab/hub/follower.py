"""Keeps an open document in line with a log that other nodes write to as well.

Bells bring it forward one by one; a gap, a lost bell, a new epoch or a refused append leads to reading
the log. Where the log turns out to lack what the copy holds, the copy writes it again.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from collab.cluster.base import Cluster
from collab.documents.document import Document
from collab.documents.ledger import Ledger, Verdict, continues
from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.metrics import GAPS_HEALED, LOG_LOST
from collab.protocol.bells import Bell, Compacted, Deleted, Message, Note, Renewed, Told
from collab.protocol.codec import write_state_vector
from collab.stores.base import LogSlice, Mark, SharedStore, StoredDocument
from collab.stores.streams import StreamEvent

#: messages that are kept while the log is read; more, and it is read once more
MAX_HEARD = 1000
#: seconds until the log is tried again for the first time; then twice as long each time
FIRST_RETRY = 0.1
#: seconds: but never longer
LAST_RETRY = 1.0
#: seconds that a bell may take from Redis to us; a position that is not reached by then was missed
BELL_DELAY = 0.25

#: seconds between two tries to compare copies: a copy must stand still for it
COMPARE_INTERVAL = 0.5
#: tries until comparing is put off
COMPARE_TRIES = 10

_log = structlog.get_logger("collab.cluster")


class Follower:
    """The link between one open document and its log.

    It listens from before the document is loaded until :meth:`stop`.

    Args:
        name: of the document.
        on_deleted: called once when the document was deleted on another node.
        turn: whoever has it may compute a digest, which for large documents is work.
    """

    def __init__(
        self,
        name: str,
        store: SharedStore,
        cluster: Cluster,
        on_deleted: Callable[[str], None],
        turn: asyncio.Semaphore | None = None,
    ) -> None:
        self.name = name
        self.ledger = Ledger()
        self._store = store
        self._cluster = cluster
        self._on_deleted = on_deleted
        self._turn = turn or asyncio.Semaphore()
        self._live: LiveDocument | None = None
        self._heard: list[Message] = []
        self._reading: asyncio.Task[None] | None = None
        self._again = False
        self._stopped = False
        self._comparing: asyncio.Task[None] | None = None

    @property
    def in_line(self) -> bool:
        """Whether nothing is being read: the copy follows the bells."""
        return self._reading is None

    def start(self, live: LiveDocument, stored: StoredDocument | None) -> None:
        """``live`` was made of ``stored``; go on from there."""
        if stored is not None:
            self.ledger.has_read(stored.epoch, stored.position)
        self._live = live
        live.ledger = self.ledger
        self._store.follow(self.name, self.ledger, self.catch_up)
        heard, self._heard = self._heard, []
        for message in heard:
            self._take(message)

    def stop(self) -> None:
        """Let go of the document. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        self._cluster.leave(self.name)
        self._store.unfollow(self.name, deleted=self._live is not None and self._live.deleted)
        for task in (self._reading, self._comparing):
            if task is not None:
                task.cancel()

    # -- what is heard --------------------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """See :class:`collab.cluster.base.Listener`."""
        if isinstance(message, Note):
            self._note(message)
        elif isinstance(message, Told):
            if self._live is not None:
                event = StreamEvent(message.offset, message.at, message.body)
                self._live.streams.heard(message.stream, event, complete=bool(message.body))
        elif self._live is None or self._reading is not None:
            if len(self._heard) < MAX_HEARD:
                self._heard.append(message)
            else:
                self._again = True
        else:
            self._take(message)

    def _take(self, message: Message) -> None:
        live, ledger = self._live, self.ledger
        if live is None or self._stopped:
            return
        if isinstance(message, Bell):
            self._take_bell(live, message)
        elif isinstance(message, Compacted):
            if message.epoch == ledger.epoch:
                live.logged_since_snapshot = max(0, ledger.position - message.position)
                live.logged_bytes = 0
        elif isinstance(message, Renewed):
            if message.epoch != ledger.epoch:
                self.catch_up()
        elif isinstance(message, Deleted) and message.epoch == ledger.log:
            self._on_deleted(self.name)

    def _take_bell(self, live: LiveDocument, bell: Bell) -> None:
        ledger = self.ledger
        before = ledger.epoch, ledger.position
        own = bell.node == self._cluster.node
        verdict = ledger.hear(bell, own=own)
        if verdict is Verdict.READ:
            GAPS_HEALED.add()
            self.catch_up()
        elif verdict is Verdict.APPLY:
            if own or live.take_logged(None, bell.updates):
                live.journal.reached(ledger.position)
            else:
                ledger.epoch, ledger.position = before
                self.catch_up()

    def check(self, found: Mark, mark: tuple[str, int]) -> None:
        """Compare with where the log was found to end.

        Args:
            mark: of the ledger, from before that was asked for.
        """
        ledger = self.ledger
        if self._live is not None and not self._stopped:
            self._live.streams.counted(found.events)
        if self._live is None or self._stopped or mark[0] != ledger.log:
            return
        ledger.lag = max(0, found.position - ledger.position) if found.epoch == ledger.epoch else 0
        if self._reading is not None:
            return  # it may be that it cannot: then the lag is all that anybody hears of it
        if found.epoch != ledger.epoch or not continues(mark, found.epoch, found.position):
            self.catch_up()
            self.compare()
        elif ledger.lag:
            asyncio.get_running_loop().call_later(BELL_DELAY, self._check_reached, found.epoch, found.position)

    def _check_reached(self, epoch: str, position: int) -> None:
        if epoch == self.ledger.epoch and self.ledger.position < position and not self._stopped:
            GAPS_HEALED.add()
            self.catch_up()
            self.compare()
            self._cluster.renew(self.name)

    def _note(self, note: Note) -> None:
        live = self._live
        if live is None or self._stopped:
            return
        if note.body["k"] == "digest":
            if note.node != self._cluster.node:
                self._spawn_comparison(self._take_digest(live, note.body))
        elif live.people.neighbours is not None:
            live.people.neighbours.take(note)

    # -- reading the log ------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Read what the log has and the copy lacks, and write what only the copy has."""
        if self._reading is not None:
            self._again = True
        elif self._live is not None and not self._stopped:
            self._reading = asyncio.get_running_loop().create_task(self._read(self._live))

    async def _read(self, live: LiveDocument) -> None:
        wait = FIRST_RETRY
        try:
            while True:
                self._again = False
                try:
                    done = await self._bring_in_line(live)
                except CollabError as error:
                    _log.info("the log cannot be read now", document=self.name, code=error.code)
                    done = False
                if self._stopped:
                    return
                if not done:
                    await asyncio.sleep(wait)
                    wait = min(2 * wait, LAST_RETRY)
                    continue
                heard, self._heard = self._heard, []
                for message in heard:
                    self._take(message)
                if not self._again:
                    self._store.resume(self.name, None)
                    return
        except Exception:
            _log.exception("a document cannot follow its log", document=self.name)
        finally:
            self._reading = None

    async def _bring_in_line(self, live: LiveDocument) -> bool:
        """One attempt; False where it has to be made again."""
        ledger = self.ledger
        while True:
            mark = ledger.mark
            found = await self._store.read(self.name, ledger.position if ledger.epoch else 0)
            if ledger.log and ledger.log in found.deleted:
                self._on_deleted(self.name)
                return True
            if not continues(mark, found.epoch, found.position):
                return await self._write_again(live, found)
            if not found.epoch:
                return True
            if not live.take_logged(found.snapshot, found.updates):
                return False
            ledger.has_read(found.epoch, found.position)
            live.journal.reached(ledger.position)
            live.logged_since_snapshot = max(live.logged_since_snapshot, len(found.updates))
            if found.complete:
                return True

    async def _write_again(self, live: LiveDocument, found: LogSlice) -> bool:
        """The log was emptied, rolled back or replaced: take what it has, give it what it lacks."""
        ledger = self.ledger
        LOG_LOST.add()
        _log.warning(
            "the log has lost entries: they are written again",
            document=self.name, position=ledger.position, found=found.position, emptied=not found.epoch,
        )  # fmt: skip
        if found.epoch == ledger.log:
            await self._store.renew(self.name, ledger.log, ledger.floor)
            return False  # ours or another node's new epoch: read it
        stored = await self._store.load(self.name)
        if stored is not None and not live.take_logged(stored.snapshot, stored.tail):
            return False
        theirs = Document() if stored is None else Document.load(stored.snapshot, stored.tail)
        seed: bytes | None = live.document.diff(theirs.state_vector())
        if theirs.known == live.document.known and await _digest(theirs) == await _digest(live.document):
            seed = None
        ledger.begin_anew()
        if stored is not None:
            ledger.has_read(stored.epoch, stored.position)
        self._store.resume(self.name, seed)
        return True

    # -- comparing copies -----------------------------------------------------------------------

    def compare(self) -> None:
        """Have all copies compared, as soon as ours stands still for a moment."""
        if self._live is not None and not self._stopped:
            self._spawn_comparison(self._tell_digest(self._live))

    def _spawn_comparison(self, comparison: Coroutine[Any, Any, None]) -> None:
        if self._comparing is not None and not self._comparing.done():
            comparison.close()  # one at a time is enough: both sides compare
            return
        self._comparing = asyncio.get_running_loop().create_task(comparison)

    async def _tell_digest(self, live: LiveDocument, **more: Any) -> None:
        for _ in range(COMPARE_TRIES):
            await asyncio.sleep(COMPARE_INTERVAL)
            async with self._turn:
                if not self._stands_still(live):
                    continue
                position = self.ledger.position
                vector, content = await _digest(live.document)
            body = {"k": "digest", "epoch": self.ledger.epoch, "position": position, **more}
            self._cluster.tell(self.name, {**body, "vector": vector, "content": content})
            return

    async def _take_digest(self, live: LiveDocument, body: dict[str, Any]) -> None:
        ledger = self.ledger
        async with self._turn:
            there = body["epoch"], body["position"]
            if not self._stands_still(live) or there != (ledger.epoch, ledger.position):
                return
            if await _digest(live.document) == (body["vector"], body["content"]):
                return
        if self._stands_still(live) and there == (ledger.epoch, ledger.position):
            _log.error("copies of a document differ: it is read again", document=self.name, position=ledger.position)
            await self._settle_difference(live)
            if not body.get("answer"):
                await self._tell_digest(live, answer=True)  # whoever asked may be the one that is wrong

    def _stands_still(self, live: LiveDocument) -> bool:
        """Whether the copy is exactly what the log says up to the ledger's position."""
        return (
            self._reading is None and bool(self.ledger.epoch) and live.settled and not live.document.poisoned
            and live.journal.position == self.ledger.position
        )  # fmt: skip

    async def _settle_difference(self, live: LiveDocument) -> None:
        """Two copies at one position differ: the log decides, and gets what it lacks."""
        stored = await self._store.load(self.name)
        if stored is None or stored.epoch != self.ledger.epoch or not live.take_logged(stored.snapshot, stored.tail):
            return
        theirs = Document.load(stored.snapshot, stored.tail)
        if theirs.known != live.document.known:
            self._store.resume(self.name, live.document.diff(theirs.state_vector()))
        elif await _digest(theirs) != await _digest(live.document):
            live.load_again()


async def _digest(document: Document) -> tuple[str, str]:
    """State vector, gaps and content of a document as it is now, as text that is the same for equal documents."""
    vector = base64.b64encode(write_state_vector(dict(sorted(document.clocks.items())))).decode()
    if document.known.behind:
        vector += f" {sorted(document.known.gaps())}"
    return vector, await asyncio.to_thread(_content_of, document.encode())


def _content_of(state: bytes) -> str:
    return Document.load(state, []).content_hash()
