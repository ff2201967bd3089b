"""The intake where edits are traced: a trace begins with the frame, and ends whatever becomes of the edit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from collab.doors.traced import TracedIntake
from collab.types import Role
from tests.support.documents import typed
from tests.support.traces import Kept
from tests.unit.test_intake import MOST, Room, Tokens


class TracedRoom(Room):
    """The same room, with tracing."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Kept()
        self.kept.tracing.attach(self.hub)
        self.intake = TracedIntake(self.kept.tracing, Tokens(), self.workers, max_update_bytes=MOST)


@pytest.fixture
async def room() -> AsyncIterator[TracedRoom]:
    room = TracedRoom()
    await room.hub.start()
    yield room
    await room.held()
    await room.intake.close()
    await room.hub.close()


async def test_a_trace_begins_with_the_frame_and_says_whose_it_is(room: TracedRoom) -> None:
    ann = await room.enter()
    (update,) = typed("a")
    room.take("sync-update", update, id=7, size=40)
    assert await room.answered() == [(7, 1)]
    (edit,) = room.kept.seen("collab.edit")
    assert edit.attributes == {
        "collab.event": "sync-update", "collab.bytes": 40, "collab.document": "notes", "collab.position": 1,
        "collab.session": ann.session.id[:6], "collab.participant": "ann", "collab.door": ann.session.door,
    }  # fmt: skip
    assert {span.name for span in room.kept.seen() if span.parent == edit.id} == {"collab.apply", "collab.save"}


async def test_what_is_refused_before_any_document_has_it_ends_too(room: TracedRoom) -> None:
    await room.enter(Role.VIEWER)
    room.take("sync-update", typed("a")[0])
    room.take("operations", {"operations": []})
    assert [edit.attributes["collab.code"] for edit in room.kept.seen("collab.edit")] == ["read_only", "read_only"]
    assert all(edit.failed for edit in room.kept.seen("collab.edit"))


async def test_what_is_no_edit_is_not_traced(room: TracedRoom) -> None:
    await room.enter()
    room.take("cursor", {"index": 1})
    room.take("sync-step-1", b"\0")
    assert room.kept.seen() == []


async def test_operations_are_one_trace_with_what_a_worker_makes_of_them(room: TracedRoom) -> None:
    await room.enter()
    operations = {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "Hi"}]}
    room.take("operations", operations)
    await room.held()
    await room.answered()
    assert room.text() == "Hi"
    (edit,) = room.kept.seen("collab.edit")
    assert (edit.attributes["collab.event"], edit.failed) == ("operations", False)
    assert {span.name for span in room.kept.seen() if span.trace == edit.trace} == {
        "collab.edit", "collab.apply", "collab.save",
    }  # fmt: skip


async def test_operations_that_fail_end_and_so_do_those_of_who_is_gone(room: TracedRoom) -> None:
    ann = await room.enter()
    room.take("operations", {"operations": [{"op": "text.delete", "path": "/body", "index": 5, "length": 1}]})
    await room.held()
    await room.answered()
    room.workers.gate.clear()
    room.take("operations", {"operations": []})
    ann.attached = False
    room.workers.gate.set()
    await room.held()
    failed, gone = room.kept.seen("collab.edit")
    assert (failed.failed, gone.failed) == (True, False)
