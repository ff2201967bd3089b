"""An edit that costs the server much is followed by a rest of its sender; a busy machine is nobody's fault (rule S5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from collab.doors import intake as intake_module
from collab.doors.connection import Attachment
from collab.doors.intake import FIRST_REST, MAX_REST, Intake


class Door:
    """The intake, with one session whose edits do ``work``; ``rests`` are what its reader was made to wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.work: Callable[[], object] = lambda: None
        self.rests: list[float] = []
        monkeypatch.setattr(intake_module.asyncio, "sleep", self.rests.append)  # type: ignore[attr-defined]
        session = SimpleNamespace(
            role=3, shares=(), unacknowledged=0, participant="ada", author="ada", door="socket.io", where={}
        )
        budget = SimpleNamespace(spend=lambda *_: 0.0)
        connection = SimpleNamespace(
            budget=budget,
            who={},
            wire=SimpleNamespace(clogged=False),
            spend=lambda *_: None,
            hold=lambda _until: None,
            hold_until_drained=lambda: None,
            attachments={},
        )
        self._attachment = Attachment(cast("Any", connection), "/doc/a")
        self._attachment.session = cast("Any", session)
        self._attachment.live = cast("Any", SimpleNamespace(name="a", apply=lambda *_, **__: self.work()))
        nobody = cast("Any", None)
        self._intake = Intake(nobody, nobody, max_update_bytes=100)

    def edit(self) -> float:
        """Send one edit; returns the seconds of the rest that follows it."""
        self.rests.clear()
        self._intake.take(self._attachment, "sync-update", [b"\0\0"], None, 2)
        return sum(self.rests)


def burn() -> None:
    until = time.thread_time() + 0.1
    while time.thread_time() < until:
        pass


@pytest.mark.slow
def test_who_edits_on_a_busy_machine_rests_a_moment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(monkeypatch)
    door.work = lambda: time.sleep(0.6)  # the process is put aside in the middle of it
    assert door.edit() <= FIRST_REST
    assert door.edit() == 0


@pytest.mark.slow
def test_who_makes_the_server_work_rests_long(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(monkeypatch)
    door.work = burn
    assert door.edit() == FIRST_REST
    assert 2 <= door.edit() <= MAX_REST
