"""Who wants to hear of what happens in the hub: metrics, webhooks, the admin page.

There is none by default, and that costs nothing: whoever would tell asks first whether somebody listens. An observer
is called on the event loop, in the midst of the work it hears of: it counts or puts aside, never waits, never raises,
and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collab.errors import CollabError

if TYPE_CHECKING:
    from collab.hub.live_document import LiveDocument
    from collab.hub.session import Session


class Observer:
    """Hears of everything and does nothing: a subclass overrides what it cares for."""

    def opened(self, live: LiveDocument, seconds: float) -> None:
        """A document was loaded, in ``seconds``."""

    def closed(self, live: LiveDocument) -> None:
        """A document was put away, or is deleted (``live.deleted``)."""

    def joined(self, live: LiveDocument, session: Session) -> None:
        """A session is in a document from now on."""

    def left(self, live: LiveDocument, session: Session) -> None:
        """A session is in it no more; ``session.dismissed`` says why where it was sent away."""

    def changed(self, live: LiveDocument, update: bytes, session: Session | None, participant: str | None) -> None:
        """An update changed a document and is on its way to the others and to the log.

        Args:
            session: where it came from; None: from a request or a program without one.
            participant: under whose name it is logged.
        """

    def saved(self, live: LiveDocument, position: int) -> None:
        """Everything up to ``position`` of a document's log is durable."""

    def refused(self, error: CollabError, door: str, document: str | None) -> None:
        """Somebody was not let in, or what they sent was not taken.

        Args:
            door: which door said so.
            document: its name; None where it is not one.
        """
