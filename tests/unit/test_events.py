"""The table of events: what a client may send, in which form, with which role, at whose cost."""

from __future__ import annotations

import pytest

from collab.protocol.events import EVENTS, EventRule
from collab.types import Role


@pytest.mark.parametrize("rule", EVENTS.values(), ids=lambda rule: rule.name)
def test_what_changes_a_document_needs_an_editor_and_counts_as_an_update(rule: EventRule) -> None:
    changes = rule.name in ("sync-update", "operations")
    assert (rule.role is Role.EDITOR) == changes
    assert (rule.budget == "updates") == (changes or rule.name == "publish"), "what is kept costs as much"


def test_commenters_publish_and_readers_follow() -> None:
    assert EVENTS["publish"].role is Role.COMMENTER
    assert EVENTS["subscribe"].role is EVENTS["unsubscribe"].role is Role.VIEWER


def test_names_of_socketio_s_own_lifecycle_are_no_events() -> None:
    assert not {"connect", "disconnect", "connect_error"} & set(EVENTS)


def test_binary_is_what_yjs_speaks() -> None:
    binary = {name for name, rule in EVENTS.items() if rule.payload == "binary"}
    assert binary == {"sync-step-1", "sync-update", "awareness-update"}
