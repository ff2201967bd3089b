"""The intake where edits are traced: a trace begins with the frame."""

from __future__ import annotations

from typing import Any

from collab.doors.connection import Attachment
from collab.doors.intake import EDITS, Intake
from collab.errors import CollabError
from collab.observe.tracing import Tracing


class TracedIntake(Intake):
    """Tells tracing of each edit: when it came, and if it was refused, that.

    Args:
        tracing: makes the spans.
        rest: see :class:`Intake`.
    """

    def __init__(self, tracing: Tracing, *rest: Any, **options: Any) -> None:
        super().__init__(*rest, **options)
        self._tracing = tracing

    def take(self, attachment: Attachment, name: str, args: list[Any], id: Any, size: int) -> None:
        """See :class:`Intake`."""
        if name not in EDITS:
            super().take(attachment, name, args, id, size)
            return
        session = attachment.session
        where = {**session.where, "door": session.door, "participant": session.participant}
        with self._tracing.inside(self._tracing.begin(name, size, where, frame=True)):
            super().take(attachment, name, args, id, size)

    def _fail(self, attachment: Attachment, error: CollabError, id: Any, *, ask: bool = True) -> None:
        super()._fail(attachment, error, id, ask=ask)
        edit = self._tracing.current()
        if edit is not None:
            edit.end(error)

    async def _operate(self, attachment: Attachment, operations: Any, id: Any) -> None:
        await super()._operate(attachment, operations, id)
        edit = self._tracing.current()
        if edit is not None and edit.handed_to is None:
            edit.end()  # whoever sent it is gone
