"""What a server would not have, ever: given up and told, so that everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pycrdt

from collab.client.outbox import Batch
from collab.errors import CollabError
from collab.protocol.emptying import deletion_of, emptied, inserted_by

#: codes that say that nothing of this session is taken now, whatever it is
SHUT = frozenset({"read_only", "forbidden", "unauthorized", "token_expired", "document_deleted"})


@dataclass(frozen=True, slots=True)
class RefusedEdit:
    """An edit that was not saved, and is not in the document any more.

    ``error``: what the server said. ``text``: the text that it inserted, to be kept elsewhere. ``update``: all of
    it, as Yjs v1.
    """

    error: CollabError
    text: str
    update: bytes


class Refusals:
    """Gives up edits that are refused for good.

    What they inserted is deleted from the document, and the server gets deleted structs at their clocks, because
    whatever the same client did later would wait for these (D11).

    Attributes:
        edits: what was given up, in order.
        untold: the error of the last one that nobody has been told.

    Args:
        delete: applies a deletion to the document.
    """

    def __init__(self, delete: Callable[[bytes], None]) -> None:
        self.edits: list[RefusedEdit] = []
        self.untold: CollabError | None = None
        self._delete = delete
        self._bare = False
        self._ranges: dict[int, list[tuple[int, int]]] = {}

    def give_up(self, batch: Batch, error: CollabError) -> bool:
        """Make of a refused batch one that closes the gap; False where even that was refused."""
        if batch.tries > 1:
            return False
        if batch.tries == 0:
            ranges, text = inserted_by(batch.update)
            self.edits.append(RefusedEdit(error, text, batch.update))
            self.untold = error
            for client, runs in ranges.items():
                self._ranges.setdefault(client, []).extend(runs)
            deletion = deletion_of(ranges)
            self._delete(deletion)
            batch.update = pycrdt.merge_updates(emptied(batch.update, ranges), deletion)
        else:
            self._bare = True
            batch.update = emptied(self.edits[-1].update, self._ranges, parents_too=True)
        batch.tries += 1
        return True

    def without(self, update: bytes) -> bytes:
        """``update`` without what was given up."""
        return emptied(update, self._ranges, parents_too=self._bare) if self._ranges else update

    def tell(self) -> CollabError | None:
        """The error that nobody has been told; it counts as told then."""
        error, self.untold = self.untold, None
        return error
