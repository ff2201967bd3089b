"""The document of a session: what others did comes in, what is done here goes out."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pycrdt

from collab.client.links import Link
from collab.client.sender import Sender
from collab.client.signals import Changes, Stream
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.disguise import disguise, undisguise
from collab.protocol.yjs_structs import XML_HOOK

#: with one of these bytes begins a struct that holds a shared type
_TYPE_STRUCT = re.compile(rb"[\x07\x27\x47\x67\x87\xa7\xc7\xe7]")
_log = logging.getLogger("collab.client")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed in the document.

    ``update`` is the Yjs v1 update; ``remote`` is false where it was made in this very document.
    """

    update: bytes
    remote: bool


class Replica:
    """Applies to the document what comes over a link, and gives the sender what is edited here.

    Attributes:
        heard: all changes of the document from :meth:`open` to :meth:`close`.
        given_up: why the document cannot be brought up to date.

    Args:
        name: the document's, for the log.
        doc: the document.
        sender: where edits go.
        changes: told when the document has changed.
        run: runs something that belongs to the link beside it.
    """

    def __init__(
        self,
        name: str,
        doc: pycrdt.Doc[Any],
        sender: Sender,
        changes: Changes,
        run: Callable[[Awaitable[None]], None],
    ) -> None:
        self.heard: Stream[Change] = Stream(join=_joined)
        self.given_up: CollabError | None = None
        self._name = name
        self._doc = doc
        self._sender = sender
        self._changes = changes
        self._run = run
        self._subscription: Any = None
        self._applying = False
        self._catching_up = False

    def open(self) -> None:
        """Look for edits from now on; what the document brings along is to be saved like one."""
        if self._doc.get_state() != b"\0":
            self._sender.add(undisguise(self._doc.get_update()))
        self._subscription = self._doc.observe(self._observed)

    def close(self) -> None:
        """Look for edits no more."""
        if self._subscription is not None:
            self._doc.unobserve(self._subscription)
            self._subscription = None

    def take_in(self, link: Link, update: bytes) -> None:
        """Apply what others did; where that cannot be done completely, ask for all that is missing.

        What hostile people wrote may depend on where one update ends and the next begins, and the
        server merges updates. A state in one piece can be applied.

        Raises:
            CollabError: ``invalid_update``; the document may be half changed.
        """
        try:
            update = _readable(update)
            self._apply(update)
            if pycrdt.get_update(update, self._doc.get_state())[:1] == b"\0":  # no structs are left over
                return
        except CollabError as error:
            if error.code != "missing_dependencies":
                raise
        if not self._catching_up:
            self._catching_up = True
            self._run(self._catch_up(link))

    async def _catch_up(self, link: Link) -> None:
        try:
            missing = await link.call("sync-step-1", self._doc.get_state())
        finally:
            self._catching_up = False
        if isinstance(missing, bytes):
            await self.follow(link, missing)
        else:
            await link.drop()

    async def follow(self, link: Link, missing: bytes) -> None:
        """Apply what this side lacks; a document that cannot be brought up to date is given up."""
        try:
            self._apply(missing)
        except CollabError as error:
            self.given_up = error
            await link.drop()

    def take_back(self, deletion: bytes) -> None:
        """Delete what was refused; to whoever listens it is as if somebody else had."""
        self._apply(deletion)

    def _observed(self, event: Any) -> None:
        """A transaction of the document has ended."""
        update = undisguise(event.update)
        if update == EMPTY_UPDATE:
            return
        if self._applying:
            self.heard.put(Change(update, remote=True))
            return
        self._sender.add(update)
        self.heard.put(Change(update, remote=False))
        self._changes.tell()

    def _apply(self, update: bytes) -> None:
        self._applying = True
        try:
            self._doc.apply_update(_readable(update))
        except ExceptionGroup:
            _log.exception("an observer of %r failed", self._name)
        except Exception as error:
            raise CollabError("missing_dependencies", f"An update could not be applied: {error}") from None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            # pycrdt's PanicException is none of Exception; the document may be half changed.
            raise CollabError("invalid_update", f"An update could not be applied: {error}") from None
        finally:
            self._applying = False
        self._changes.tell()


def _readable(update: bytes) -> bytes:
    """``update`` as the CRDT library can read it: it cannot read XML hooks."""
    found = _TYPE_STRUCT.search(update)
    may_hold_hook = found is not None and update.find(XML_HOOK, found.end()) >= 0
    return disguise(update, hooks_only=True) if may_hold_hook else update


def _joined(one: Change, other: Change) -> Change:
    return Change(pycrdt.merge_updates(one.update, other.update), one.remote or other.remote)


async def remote_only(items: AsyncIterator[Change]) -> AsyncIterator[Change]:
    """``items`` without the changes that were made here."""
    async for change in items:
        if change.remote:
            yield change
