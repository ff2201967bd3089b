"""Gaps in what clients of an open document did: who is told of them, and who is asked for what is missing.

Yjs 14 shows what stands behind a gap, Yjs 13 hides it until the gap is filled, and says nothing about it; so we do.
What leans on something in a gap is with the client that sent it, and nowhere else: it is asked again once a gap was
filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub.session import Session

_WORDS = "Changes here build on others that have not come yet; programs with Yjs 13 show them once they have."


class Gaps:
    """Watches the gaps of one document.

    Args:
        sessions: those of the document, by id.
        open: there are gaps already.
    """

    def __init__(self, sessions: Mapping[str, Session], *, open: bool) -> None:
        self._sessions = sessions
        self._open = open
        self._lacking: set[Session] = set()

    def greet(self, session: Session) -> None:
        """Tell a newcomer."""
        if self._open:
            self._tell(session)

    def lacks(self, session: Session | None) -> None:
        """A session sent something that could not be taken, as what it leans on is missing."""
        if session is not None:
            self._lacking.add(session)

    def leave(self, session: Session) -> None:
        """Forget a session."""
        self._lacking.discard(session)

    def watch(self, document: Document, session: Session | None) -> None:
        """Look at what the update that was applied last has changed.

        Args:
            session: where it came from, which may have what is missing; None: whoever sent it sent all that it has.
        """
        if document.gapped:
            if not self._open:
                self._open = True
                for one in self._sessions.values():
                    self._tell(one)
            if session is not None:
                session.request_sync(document.state_vector())
        if document.filled:
            lacking, self._lacking = self._lacking, set()
            for one in lacking:
                one.request_sync(document.state_vector())
            if not document.known.behind:
                self._open = False
                for one in self._sessions.values():
                    self._tell(one, resolved=True)

    def _tell(self, session: Session, **more: Any) -> None:
        words = "Everything that was missing has come." if more else _WORDS
        session.notify(CollabError("missing_dependencies", words), **more)
