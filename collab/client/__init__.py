"""The Python client: a live Yjs document that survives bad networks.

    from collab.client import connect
    from pycrdt import Text

    async with connect("http://127.0.0.1:8080", "notes", token=None) as session:
        body = session.doc.get("body", type=Text)
        body += "hello"
        await session.saved()

:func:`collab.client.sync.connect` is the blocking twin for scripts. Nothing here imports the server.
"""

from collab.client.following import Stream, StreamEvent
from collab.client.mailbox import Inbox, InboxEntry, InboxPage, inbox
from collab.client.options import Backoff
from collab.client.presence import Participant, Presence
from collab.client.refusals import RefusedEdit
from collab.client.replica import Change
from collab.client.session import Session, connect
from collab.client.status import Status
from collab.client.unreachable import Reason, Unreachable
from collab.errors import CollabError

__all__ = [
    "Backoff", "Change", "CollabError", "Inbox", "InboxEntry", "InboxPage", "Participant", "Presence",
    "Reason", "RefusedEdit", "Session", "Status", "Stream", "StreamEvent", "Unreachable", "connect", "inbox",
]  # fmt: skip
