"""Who is here, as a session sees it, and what it shows of itself."""

from __future__ import annotations

from typing import Any

import pytest

from collab.client.presence import Participant, Presence


def entry(session: str, state: Any = None) -> Participant:
    return {"session": session, "client_id": 1, "user": {"name": session}, "state": state}


class Seen:
    """The presence of a session called `me`, and how often it wanted to show something else."""

    def __init__(self) -> None:
        self.changes = 0
        self.presence = Presence(self.changed)
        self.presence._begin("me")

    def changed(self) -> None:
        self.changes += 1

    def names(self) -> list[str]:
        return [each["session"] for each in self.presence.everybody]


def test_who_comes_changes_and_goes() -> None:
    seen = Seen()
    seen.presence._update({"joined": [entry("me"), entry("ann", 1), entry("bob")]})
    seen.presence._update({"updated": [entry("ann", 2)], "left": [entry("bob"), entry("nobody")]})
    assert seen.names() == ["me", "ann"]
    assert [each["state"] for each in seen.presence.others] == [2]
    seen.presence._update({})
    assert seen.names() == ["me", "ann"]


def test_what_it_shows_is_seen_at_once_and_stays_what_it_is() -> None:
    """The server's answer to the state before may come later than the next one is shown."""
    seen = Seen()
    seen.presence._update({"joined": [entry("me")]})
    seen.presence.set({"cursor": 1})
    assert [each["state"] for each in seen.presence.everybody] == [{"cursor": 1}]
    seen.presence.set({"cursor": 2})
    seen.presence._update({"updated": [entry("me", {"cursor": 1})]})
    assert [each["state"] for each in seen.presence.everybody] == [{"cursor": 2}]
    seen.presence.set(None)
    assert (seen.presence.state, seen.changes) == (None, 3)


@pytest.mark.parametrize("state", [3, "x", [1], {"a": object()}, {"a": {1, 2}}, {1: 2}])
def test_what_is_no_json_object_fails_where_somebody_sees_it(state: Any) -> None:
    seen = Seen()
    with pytest.raises(TypeError):
        seen.presence.set(state)
    assert (seen.presence.state, seen.changes) == ({}, 0)


def test_offline_nobody_is_here_and_what_it_shows_is_kept() -> None:
    seen = Seen()
    seen.presence.set({"cursor": 1})
    seen.presence._update({"joined": [entry("me"), entry("ann")]})
    seen.presence._end()
    assert seen.names() == []
    seen.presence._begin("me again")
    seen.presence._update({"joined": [entry("me again"), entry("me")]})
    assert [each["session"] for each in seen.presence.others] == ["me"]
    assert seen.presence.state == {"cursor": 1}
    assert seen.presence.everybody[0]["state"] == {"cursor": 1}


def test_a_new_connection_begins_with_nobody() -> None:
    seen = Seen()
    seen.presence._update({"joined": [entry("ann")]})
    seen.presence._begin("me")
    assert seen.names() == []
