"""How an inbox is written as Server-Sent Events; the rest is in tests/wire/test_inbox.py."""

from __future__ import annotations

from typing import Any

from collab.doors.http.inbox_routes import _dismiss, _tell
from collab.errors import CollabError
from collab.stores.inbox import InboxEntry


class Pipe:
    def __init__(self) -> None:
        self.text = ""
        self.ended = False

    def write(self, event: Any) -> None:
        self.text += event.plain.decode()

    def end(self) -> None:
        self.ended = True


def test_an_entry_has_its_id_and_a_change_of_the_unread_has_none() -> None:
    pipe: Any = Pipe()
    _tell(pipe, [InboxEntry(7, "reply", "a", "chat", 3, 0.0, False, b'{"from":{},"excerpt":"x"}')], 2)
    assert pipe.text == (
        'id: 7\nevent: inbox\ndata: {"events":[{"id":7,"type":"reply","document":"a","stream":"chat","offset":3,"from":{},'
        '"excerpt":"x","at":"1970-01-01T00:00:00.000Z","read":false}],"unread":2}\n\n'
    )
    pipe.text = ""
    _tell(pipe, [], 0)
    assert pipe.text == 'event: inbox\ndata: {"events":[],"unread":0}\n\n'


def test_whoever_may_not_come_back_is_told_so() -> None:
    pipe: Any = Pipe()
    _dismiss(pipe, CollabError("unauthorized"))
    assert pipe.ended and "event: notice" in pipe.text and "retry: 86400000" in pipe.text
    pipe = Pipe()
    _dismiss(pipe, CollabError("storage_unavailable"))
    assert pipe.ended and "retry:" not in pipe.text
