"""A session's life: from every status there is a way to the end, and none back from it."""

from __future__ import annotations

from collab.client.status import MOVES, Status


def test_every_status_may_end_and_only_the_end_is_final() -> None:
    assert set(MOVES) == set(Status)
    assert [status.value for status in Status] == ["connecting", "syncing", "live", "offline", "closed"]
    assert [status for status in Status if not MOVES[status]] == [Status.CLOSED]
    assert all(Status.CLOSED in MOVES[status] for status in Status if status is not Status.CLOSED)


def test_nobody_is_live_who_was_not_synchronised() -> None:
    assert [status for status in Status if Status.LIVE in MOVES[status]] == [Status.SYNCING]
    assert [status for status in Status if Status.SYNCING in MOVES[status]] == [Status.CONNECTING]
