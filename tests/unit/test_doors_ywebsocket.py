"""The y-websocket door: what of a message goes where, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from collab.auth.anonymous import AnonymousAuthenticator
from collab.config import Settings
from collab.content.workers import Workers
from collab.doors.admission import Admission
from collab.doors.connection import Connection
from collab.doors.intake import Intake
from collab.doors.peers import Peers
from collab.doors.websocket.sync import SyncAttachment
from collab.doors.websocket.writer import Frames
from collab.doors.ywebsocket import YWebSocketDoor, YWebSocketEncoder
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import SharedLimits
from collab.hub.live_document import DocumentLimits
from collab.protocol.awareness import AwarenessEntry, decode_awareness
from collab.protocol.codec import DecodeError
from collab.protocol.ywebsocket import NO_NEWS, STEP_1, STEP_2, UPDATE, read_message, write_denied, write_sync
from collab.stores.memory import MemoryStore
from collab.types import Role
from tests.support.documents import typed
from tests.support.peers import Peer
from tests.support.wires import NotingWire, budget


class Request:
    """As much of one as the door looks at."""

    def __init__(self, document: str, **query: str) -> None:
        self.match_info, self.query = {"document": document}, query


class House:
    def __init__(self, role: Role = Role.EDITOR) -> None:
        settings = Settings()
        self.hub = Hub(MemoryStore(), DocumentLimits())
        shared, authenticator = SharedLimits(settings), AnonymousAuthenticator(role)
        self.admission = Admission(self.hub, authenticator, settings, shared)
        intake = Intake(authenticator, Workers(), max_update_bytes=1000)
        self.door = YWebSocketDoor(self.hub, self.admission, intake, settings, shared.bulk, Peers((), ()))
        self.wire = NotingWire()
        self.connection: Connection[SyncAttachment] = Connection(self.wire, "203.0.113.9", budget())

    async def enter(self, document: str = "notes") -> None:
        await self.door.begin(self.connection, Request(document))  # type: ignore[arg-type]

    def take(self, data: bytes) -> list[bytes]:
        """What is answered to a message."""
        before = len(self.wire.sent)
        self.door.take(self.connection, data)
        return [bytes(frames.attachment or b"") for frames in self.wire.sent[before:]]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.hub.start()
    yield house
    if house.wire.hold is not None:
        await house.wire.hold
    await house.hub.close()


async def test_a_name_may_have_slashes_and_one_that_cannot_be_is_refused(house: House) -> None:
    await house.enter("team/notes")
    assert list(house.hub.documents) == ["team/notes"]
    assert house.wire.expelled == []
    other = House()
    await other.enter("a//b")
    assert other.wire.expelled == ["invalid_document"]
    assert other.connection.attachments == {}


async def test_step_1_is_answered_and_asked_in_turn_once(house: House) -> None:
    await house.enter()
    answers = house.take(write_sync(STEP_1, b"\0"))
    assert answers == [write_sync(STEP_2, b"\0\0"), write_sync(STEP_1, b"\0")]
    assert house.take(write_sync(STEP_1, b"\0")) == [write_sync(STEP_2, b"\0\0")], "the answer is still to come"
    house.take(write_sync(STEP_2, typed("x")[0]))
    assert len(house.take(write_sync(STEP_1, b"\0"))) == 2
    (live,) = house.hub.documents.values()
    assert sum(live.document.clocks.values()) == 1


async def test_an_update_is_an_edit(house: House) -> None:
    await house.enter()
    assert house.take(write_sync(UPDATE, typed("x")[0])) == [], "the protocol has no word for it"
    (live,) = house.hub.documents.values()
    assert sum(live.document.clocks.values()) == 1


async def test_who_is_here_is_told_again_to_whoever_asks(house: House) -> None:
    await house.enter()
    house.take(write_sync(STEP_1, b"\0"))
    (live,) = house.hub.documents.values()
    other = Peer()
    live.join(other.session)
    live.people.announce(other.session, [AwarenessEntry(9, 1, "{}")])
    (answer,) = house.take(b"\x03")
    assert [entry.client for entry in decode_awareness(read_message(answer).payload)] == [9]


async def test_kinds_of_applications_are_paid_for_and_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.enter()
    noted: list[Any] = []
    monkeypatch.setattr(Connection, "spend", lambda _self, *paid: noted.append(paid[:2]))
    monkeypatch.setattr(Connection, "count_fault", lambda _self, error: noted.append(error.code))
    assert house.take(b"\x63more") == []
    assert noted == [("requests", 5), "unknown_event"]


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\7\0", b"\0\0\5ab", b"\1\xff", b"\xff" * 12])
async def test_what_breaks_the_protocol_is_raised(house: House, data: bytes) -> None:
    await house.enter()
    with pytest.raises(DecodeError):
        house.take(data)


async def test_a_reader_has_its_own_edit_refused(house: House) -> None:
    reader = House(Role.VIEWER)
    await reader.hub.start()
    await reader.enter()
    (answer,) = reader.take(write_sync(UPDATE, typed("x")[0]))
    assert answer.startswith(write_denied("read_only")[:2]) and b"read_only" in answer
    await reader.hub.close()


def test_a_client_that_hears_nothing_is_sent_something_that_is_nothing(house: House) -> None:
    assert house.door.feed(house.connection) == NO_NEWS
    assert read_message(NO_NEWS).payload == b"\0"


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (CollabError("read_only").as_dict(), True), (CollabError("document_too_large").as_dict(), True),
        (CollabError("lagging").as_dict(), False), (CollabError("draining", retry_after=1).as_dict(), False),
        ({**CollabError("read_only").as_dict(), "resolved": True}, False), ({**CollabError("token_expired").as_dict(), "retry_after": 3}, False),
    ],
)  # fmt: skip
def test_only_refusals_that_last_are_said(notice: dict[str, Any], said: bool) -> None:
    frames = YWebSocketEncoder().notice(notice)
    assert (frames is not None) is said
    if isinstance(frames, Frames):
        assert notice["code"].encode() in (frames.attachment or b"")
