"""Sessions of y-protocols: how what a document says is written to them, and who is asked when."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.doors.connection import Connection
from collab.doors.websocket.sync import SyncAttachment, SyncEncoder
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.protocol.ywebsocket import STEP_1, STEP_2, UPDATE, write_awareness, write_sync
from collab.stores.memory import MemoryStore
from collab.types import Identity, Role
from tests.support.wires import NotingWire, budget


class Encoder(SyncEncoder):
    door = "y-websocket"


@pytest.mark.parametrize("address", [b"", b"\x05notes"])
def test_every_message_begins_with_the_address(address: bytes) -> None:
    encoder = Encoder(address)
    update = b"\x01\x02"
    assert encoder.frames(b"x").attachment == address + b"x"
    assert encoder.update(update).attachment == address + write_sync(UPDATE, update)
    assert encoder.awareness(update).attachment == address + write_awareness(update)
    assert encoder.update(update).text == ""
    (several,) = encoder.updates([b"a", b"b"])
    assert several.websocket == encoder.update(b"a").websocket + encoder.update(b"b").websocket


def test_what_these_clients_have_no_word_for_is_not_said() -> None:
    encoder = Encoder()
    encoder.presence({"joined": []})
    assert encoder.broadcast("x", 1, "session") is None
    assert encoder.notice({"code": "read_only", "message": "x"}) is None


def test_each_kind_is_counted_as_what_it_is() -> None:
    encoder = Encoder()
    kinds = [encoder.frames(b""), encoder.update(b""), encoder.awareness(b"")]
    assert len({id(frames.outgoing) for frames in kinds}) == 3


class Room:
    """A document, and an attachment to it."""

    def __init__(self) -> None:
        self.wire = NotingWire()
        self.connection: Connection[SyncAttachment] = Connection(self.wire, "127.0.0.1", budget())
        self.attachment = SyncAttachment(self.connection, "", Encoder())

    async def open(self) -> None:
        hub = Hub(MemoryStore(), DocumentLimits())
        self.attachment.live = await hub.live("notes")

    def told(self) -> list[bytes | None]:
        told, self.wire.sent = self.wire.attachments(), []
        return told


async def test_who_asks_is_answered_and_asked_in_turn_and_not_again_before_it_answered() -> None:
    room = Room()
    await room.open()
    vector = room.attachment.live.document.state_vector()
    room.attachment.answer_step_1(None, b"missing")
    assert room.told() == [write_sync(STEP_2, b"missing"), write_sync(STEP_1, vector)]
    room.attachment.answer_step_1(None, b"missing")
    assert room.told() == [write_sync(STEP_2, b"missing")]
    room.attachment.asked = False  # its answer came
    doc: Doc[Any] = Doc(client_id=3)
    doc["body"] = Text("x")
    room.attachment.live.document.apply(doc.get_update())
    room.attachment.attached = True
    room.attachment.ask_again()
    assert room.told() == [write_sync(STEP_1, doc.get_state())]


async def test_its_session_has_one_client_id_and_the_way_out_of_its_connection() -> None:
    room = Room()
    sent_away: list[str] = []
    identity = Identity("ann", "Ann", "#000000")
    attachment = room.attachment.begin(identity, Role.VIEWER, "door", lambda error: sent_away.append(error.code))
    session = attachment.session
    assert attachment is room.attachment
    assert attachment.repeats_others, "such clients repeat what they hear of others"
    assert (session.identity, session.role, session.door, session.max_client_ids) == (identity, Role.VIEWER, "door", 1)
    assert not session.json_presence
    session.request_sync(b"\0")
    assert room.told() == [write_sync(STEP_1, b"\0")]
