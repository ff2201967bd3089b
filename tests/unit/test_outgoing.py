"""What goes out to a namespace of Socket.IO, as its clients read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collab.doors.connection import Connection
from collab.doors.socketio.outgoing import DIALECTS, MAX_STEPS_AWAITED, NamespaceAttachment, SocketIOEncoder
from collab.doors.websocket.writer import SHORT, Frames
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from tests.support.wires import NotingWire, budget

NAMESPACE = "/doc/notes"
PLACEHOLDER = '{"_placeholder":true,"num":0}'
ENCODER = SocketIOEncoder(NAMESPACE)
OWN, OTHER = DIALECTS


@pytest.mark.parametrize(
    ("frames", "text", "attachment"),
    [
        (ENCODER.update(b"u"), f'451-/doc/notes,["sync-update",{PLACEHOLDER}]', b"u"),
        (ENCODER.awareness(b"a"), f'451-/doc/notes,["awareness-update",{PLACEHOLDER}]', b"a"),
        (ENCODER.step_1(7, b"v"), f'451-/doc/notes,7["sync-step-1",{PLACEHOLDER}]', b"v"),
        (ENCODER.binary_ack(7, b"m"), f"461-/doc/notes,7[{PLACEHOLDER}]", b"m"),
    ],
)
def test_binary_packets(frames: Any, text: str, attachment: bytes) -> None:
    assert (frames.text.replace(" ", ""), frames.attachment) == (text, attachment)


@pytest.mark.parametrize("size", [0, 1, SHORT - 1, SHORT, 65_536])
def test_updates_of_any_length_are_the_frames_of_their_packet(size: int) -> None:
    frames = ENCODER.update(bytes(size))
    assert frames.websocket == Frames(frames.text, frames.attachment).websocket
    (series,) = ENCODER.updates([bytes(size), b"x"])
    assert series.websocket == frames.websocket + ENCODER.update(b"x").websocket


@pytest.mark.parametrize(
    ("frames", "head", "content"),
    [
        (ENCODER.presence({"joined": []}), "42/doc/notes,", ["presence", {"joined": []}]),
        (ENCODER.notice({"code": "x"}), "42/doc/notes,", ["notice", {"code": "x"}]),
        (ENCODER.broadcast("e", [1], "s"), "42/doc/notes,", ["broadcast", {"event": "e", "data": [1], "from": "s"}]),
        (ENCODER.event("session", "é\n"), "42/doc/notes,", ["session", "é\n"]),
        (ENCODER.ack(7, {"ok": True}), "43/doc/notes,7", [{"ok": True}]),
        (ENCODER.saved(7, 12), "43/doc/notes,7", [{"ok": True, "durable": True, "position": 12}]),
    ],
)
def test_packets_of_json(frames: Any, head: str, content: Any) -> None:
    assert frames.text.startswith(head)
    assert json.loads(frames.text.removeprefix(head)) == content
    assert frames.attachment is None


def test_several_updates_are_one_buffer() -> None:
    (several,) = ENCODER.updates([b"a", b"b"])
    assert several.websocket == ENCODER.update(b"a").websocket + ENCODER.update(b"b").websocket


async def attachment_of(dialect: Any) -> tuple[NamespaceAttachment, NotingWire]:
    wire = NotingWire()
    connection: Connection[NamespaceAttachment] = Connection(wire, "127.0.0.1", budget())
    attachment = NamespaceAttachment(connection, NAMESPACE, dialect, ENCODER)
    attachment.live = await Hub(MemoryStore(), DocumentLimits()).live("notes")
    return attachment, wire


async def test_answers() -> None:
    attachment, wire = await attachment_of(OWN)
    attachment.answer(1, {"role": "viewer"})
    attachment.answer_saved(2, 9)
    attachment.answer_refused(3, CollabError("read_only"))
    refusal = json.dumps([{"ok": False, "error": CollabError("read_only").as_dict()}], separators=(",", ":"))
    assert wire.texts() == [
        '43/doc/notes,1[{"ok":true,"role":"viewer"}]', ENCODER.saved(2, 9).text, "43/doc/notes,3" + refusal,
    ]  # fmt: skip


async def test_step_1_is_answered_with_an_ack_or_with_an_update_and_y_socket_io_is_asked_in_turn() -> None:
    """It calls itself synced when the server's step 1 arrives."""
    ours, wire = await attachment_of(OWN)
    ours.answer_step_1(4, b"missing")
    ours.answer_step_1(None, b"missing")
    assert wire.texts() == [ENCODER.binary_ack(4, b"").text, ENCODER.update(b"").text]
    assert wire.attachments() == [b"missing", b"missing"]
    theirs, wire = await attachment_of(OTHER)
    theirs.answer_step_1(4, b"missing")
    assert wire.texts() == [ENCODER.binary_ack(4, b"").text, ENCODER.step_1(0, b"").text]
    assert (ours.repeats_others, theirs.repeats_others) == (False, True)


async def test_few_questions_are_open_at_a_time_each_with_a_number_of_its_own() -> None:
    attachment, wire = await attachment_of(OWN)
    attachment.document_due = False
    for _ in range(2 * MAX_STEPS_AWAITED):
        attachment.ask_step_1(b"\0")
    assert wire.texts() == [ENCODER.step_1(number, b"").text for number in range(MAX_STEPS_AWAITED)]
    assert attachment.steps_awaited == set(range(MAX_STEPS_AWAITED))
    assert attachment.document_due, "the answer may be a whole document"
    attachment.steps_awaited.discard(0)
    attachment.ask_step_1(b"\0")
    assert wire.texts()[-1] == ENCODER.step_1(MAX_STEPS_AWAITED, b"").text


def test_the_dialects_are_those_of_the_two_kinds_of_namespaces() -> None:
    assert [(each.name, each.prefix, each.own) for each in DIALECTS] == [
        ("socket.io", "/doc/", True), ("y-socket.io", "/yjs|", False),
    ]  # fmt: skip
