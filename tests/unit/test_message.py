"""What is sent of an event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collab.stores.outbox import TYPES, Event
from collab.types import AGENT_MARK
from collab.webhooks.message import body_of, body_of_test

DATA: dict[str, dict[str, Any]] = {
    "document.created": {"undeleted": 1},
    "document.changed": {
        "position": 7, "updates": 3, "bytes": 90, "first_at": 0.5, "authors": [[AGENT_MARK + "bot", 2], ["ann", 1]],
    },
    "document.deleted": {"forever": 0},
    "version.created": {"version": 2, "name": None, "author": None, "position": 7, "bytes": 40},
    "version.restored": {"version": 2, "name": "one", "author": "ann"},
    "session.joined": {"session": "s", "participant": "ann", "role": "editor"},
    "session.left": {"session": "s", "participant": "ann", "reason": "left"},
    "stream.published": {"stream": "chat", "offset": 4, "body": '{"event":"message","data":[1],"from":{"name":"A"}}'},
}  # fmt: skip
SENT: dict[str, dict[str, Any]] = {
    "document.created": {"undeleted": True},
    "document.changed": {
        "position": 7, "updates": 3, "bytes": 90, "since": "1970-01-01T00:00:00.500Z",
        "participants": [
            {"participant": "bot", "agent": True, "updates": 2}, {"participant": "ann", "agent": False, "updates": 1},
        ],
    },
    "document.deleted": {"forever": False},
    "version.created": {
        "version": 2, "name": None, "position": 7, "bytes": 40, "participant": None, "agent": False, "automatic": True,
    },
    "version.restored": {"version": 2, "name": "one", "participant": "ann", "agent": False},
    "session.joined": DATA["session.joined"],
    "session.left": DATA["session.left"],
    "stream.published": {"stream": "chat", "offset": 4, "event": "message", "data": [1], "from": {"name": "A"}},
}  # fmt: skip


@pytest.mark.parametrize("type", TYPES)
def test_every_type_says_what_and_where(type: str) -> None:
    body = json.loads(body_of(Event("nötes", type, 1.0, DATA[type])))
    assert body == {
        "type": type, "timestamp": "1970-01-01T00:00:01.000Z", "data": {"document": "nötes", **SENT[type]},
    }  # fmt: skip


def test_the_same_event_is_the_same_bytes() -> None:
    event = Event("notes", "document.deleted", 1.5, {"forever": True})
    assert body_of(event) == body_of(event)


def test_a_test_says_that_it_is_one() -> None:
    assert json.loads(body_of_test())["type"] == "test"
