"""What every door keeps of a connection: what it may send, why its reader waits, and when it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

from collab.doors import connection as connection_module
from collab.doors.connection import (
    MAX_UNACKNOWLEDGED,
    Attachment,
    Connection,
    until_acknowledged,
    until_drained,
)
from collab.errors import CollabError
from collab.hub.limits import CUT_AFTER, MAX_STRIKES, TELL_AFTER
from collab.types import Role
from tests.support.peers import Peer
from tests.support.wires import NotingWire, budget


class Clock:
    """Stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def connected(*peers: Peer, **limits: Any) -> tuple[Connection[Attachment], NotingWire]:
    """A connection on which these people have a session each."""
    wire = NotingWire()
    connection: Connection[Attachment] = Connection(wire, "203.0.113.9", budget(**limits))
    for number, peer in enumerate(peers):
        attachment = Attachment(connection, str(number))
        attachment.session = peer.session
        attachment.live = SimpleNamespace(name="notes")  # type: ignore[assignment]
        connection.attachments[attachment.key] = attachment
    return connection, wire


async def waited(hold: Awaitable[Any] | None) -> None:
    """Do as the reader does."""
    if hold is not None:
        async with asyncio.timeout(10):
            await hold


@pytest.mark.parametrize(("size", "due", "taken"), [(100, False, True), (101, False, False), (10_000, True, True)])
def test_a_whole_document_may_be_brought_where_one_is_due(size: int, due: bool, taken: bool) -> None:
    attachment = Attachment(connected()[0], "")
    attachment.document_due = due
    if taken:
        attachment.bring(size, 100)
    else:
        with pytest.raises(CollabError) as refused:
            attachment.bring(size, 100)
        assert (refused.value.code, refused.value.detail["limit"]) == ("update_too_large", 100)
    assert not attachment.document_due, "once"


async def test_who_is_over_the_rate_waits_then_hears_of_it_then_is_cut() -> None:
    ann, clock = Peer(), Clock()
    connection, wire = connected(ann, updates=10.0, clock=clock)
    for _ in range(20):
        connection.spend("updates", 1, ann.session)
    assert wire.hold is None, "what was saved up is spent first"
    began, told_at, cut_at = clock.now, 0.0, 0.0
    while not cut_at:
        connection.spend("updates", 1, ann.session)
        assert wire.hold is not None
        wire.hold.close()  # type: ignore[attr-defined]
        wire.hold = None
        clock.now += 0.1
        if ann.got and not told_at:
            told_at = clock.now - began
        if wire.expelled:
            cut_at = clock.now - began
    assert told_at == pytest.approx(TELL_AFTER, abs=1.0)
    assert cut_at == pytest.approx(CUT_AFTER, abs=1.0)
    assert {kind for kind, _ in ann.got} == {"notice"}
    assert wire.expelled == ["rate_limited"]


async def test_nobody_is_told_where_nobody_was_let_in() -> None:
    connection, wire = connected(updates=1.0)
    while wire.hold is None:
        connection.spend("updates", 4)
    wire.hold.close()  # type: ignore[attr-defined]
    assert wire.expelled == [], "it is held, and nothing else"


async def test_the_reader_waits_for_one_thing_after_the_other() -> None:
    connection, wire = connected()
    done: list[str] = []

    async def wait(word: str) -> None:
        await asyncio.sleep(0)
        done.append(word)

    for word in ("one", "two", "three"):
        connection.hold(wait(word))
    await waited(wire.hold)
    assert done == ["one", "two", "three"]


def test_repeated_faults_end_the_connection_and_troubles_of_ours_are_no_faults() -> None:
    connection, wire = connected()
    for _ in range(int(2 * MAX_STRIKES)):
        connection.count_fault(CollabError("internal"))
    assert wire.expelled == []
    for _ in range(int(2 * MAX_STRIKES)):
        connection.count_fault(CollabError("invalid_payload"))
        if wire.expelled:
            break
    assert wire.expelled == ["rate_limited"]


def test_who_sends_what_no_document_has_room_for_is_sent_away() -> None:
    writer, reader = Peer(), Peer(role=Role.VIEWER)
    connection, _ = connected(writer, reader)
    assert connection.brings_documents
    connection.refuse_large(connection.attachments["1"])
    assert (writer.session.dismissed, reader.session.dismissed) == (None, "read_only")
    connection.refuse_large()
    assert writer.session.dismissed == "document_too_large"
    assert not connected(reader)[0].brings_documents
    assert not connected()[0].brings_documents


def test_whose_connection_it_is() -> None:
    ann = Peer()
    connection, _ = connected(ann, Peer())
    assert connection.who_and_where == connection.who == {"connection": "wire", "address": connection.address}
    connection.participant = "ann"
    del connection.attachments["1"]
    assert connection.who_and_where == {
        "connection": "wire", "address": connection.address, "participant": "ann", "document": "notes", "session": ann.session.id[:6],
    }  # fmt: skip


async def test_who_takes_its_answers_slowly_is_waited_for() -> None:
    connection, wire = connected()
    wire.clogged, wire.waiting_bytes = True, 100
    connection.hold_until_drained()
    assert wire.hold is not None
    waiting = asyncio.ensure_future(waited(wire.hold))
    await asyncio.sleep(0.03)
    assert not waiting.done()
    wire.clogged = False
    await waiting
    assert not wire.was_cut


async def test_who_takes_none_of_them_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "STALL_TIMEOUT", 0.1)
    connection, wire = connected()
    wire.clogged, wire.waiting_bytes = True, 100
    async with asyncio.timeout(10):
        await until_drained(connection)
    assert wire.was_cut


async def test_edits_that_wait_for_the_log_hold_their_sender() -> None:
    connection, _ = connected(Peer())
    attachment = connection.attachments["0"]
    attachment.live = SimpleNamespace(outage=SimpleNamespace(lasts=False))  # type: ignore[assignment]
    attachment.session.unacknowledged = MAX_UNACKNOWLEDGED // 2 + 1
    waiting = asyncio.ensure_future(until_acknowledged(attachment))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    attachment.session.unacknowledged -= 1
    await waited(waiting)
    # In an outage nobody would answer pings for as long as it lasts.
    attachment.session.unacknowledged = MAX_UNACKNOWLEDGED
    attachment.live.outage.lasts = True  # type: ignore[misc]
    await waited(until_acknowledged(attachment))


async def test_what_the_document_lacks_is_asked_for_only_while_somebody_is_in_it() -> None:
    class Asking(Attachment):
        asked = 0

        def ask_step_1(self, state_vector: bytes) -> None:
            Asking.asked += 1

    attachment = Asking(connected()[0], "")
    attachment.live = SimpleNamespace(document=SimpleNamespace(state_vector=lambda: b"\0"))  # type: ignore[assignment]
    attachment.ask_again()
    assert Asking.asked == 0
    attachment.attached = True
    attachment.ask_again()
    assert Asking.asked == 1
