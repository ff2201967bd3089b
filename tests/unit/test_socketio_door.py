"""The Socket.IO door: packets in, one by one, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from collab.auth.anonymous import AnonymousAuthenticator
from collab.config import Settings
from collab.content.workers import Workers
from collab.doors.admission import Admission
from collab.doors.intake import Intake
from collab.doors.socketio.connection import SocketIOConnection
from collab.doors.socketio.door import SocketIODoor
from collab.doors.socketio.engine_port import ProtocolError
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import SharedLimits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from collab.types import Role
from tests.support.documents import typed
from tests.support.wires import NotingWire

EDIT = '["sync-update",{"_placeholder":true,"num":0}]'


class Socket(NotingWire):
    """One Engine.IO session, as much as the door looks at."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.sid, self.address = f"sid{number}", "203.0.113.9"
        self.connection: Any = None
        self.ends: list[str] = []

    def end(self, reason: str) -> None:
        self.ends.append(reason)
        self.closed = True

    def packets(self) -> list[str]:
        """The text of what was written since the last call."""
        sent, self.sent = self.sent, []
        return [packet.text for frames in sent for packet in (frames.packets or (frames,))]


class House:
    def __init__(self) -> None:
        settings = Settings()
        self.hub = Hub(MemoryStore(), DocumentLimits())
        authenticator = AnonymousAuthenticator(Role.EDITOR)
        admission = Admission(self.hub, authenticator, settings, SharedLimits(settings))
        intake = Intake(authenticator, Workers(), max_update_bytes=1000)
        self.door = SocketIODoor(
            self.hub, admission, intake, settings, origin_fault=lambda _request: None, client_address=lambda _request: "",
        )  # fmt: skip
        self.opened: list[Any] = []

    def open(self) -> Any:
        socket: Any = Socket(len(self.opened))
        self.opened.append(socket)
        self.door.eio.sockets[socket.sid] = socket
        self.door._opened(socket)
        return socket

    async def join(self, socket: Any, namespace: str = "/doc/notes", auth: str = "") -> list[str]:
        """What a CONNECT is answered."""
        self.door._text(socket, f"0{namespace},{auth}")
        async with asyncio.timeout(20):
            while socket.connection.entering:
                await asyncio.sleep(0)
        packets: list[str] = socket.packets()
        return packets

    def say(self, socket: Any, text: str, *attachments: bytes) -> None:
        self.door._text(socket, text)
        for each in attachments:
            self.door._binary(socket, each)

    @property
    def clocks(self) -> int:
        return sum(self.hub.documents["notes"].document.clocks.values())


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.hub.start()
    yield house
    for socket in house.opened:
        if socket.hold is not None:
            await socket.hold
    await house.hub.close()


async def test_a_connect_is_answered_first_then_who_and_what_then_the_question(house: House) -> None:
    first, second, *rest = await house.join(house.open(), auth='{"presence":"json","user":{"name":"Ann"}}')
    assert first.startswith('40/doc/notes,{"sid":')
    session = orjson.loads(second.partition(",")[2])
    assert (session[0], session[1]["document"], session[1]["user"]["name"]) == ("session", "notes", "Ann")
    assert '"presence"' in rest[0] and '"sync-step-1"' in rest[-1]


async def test_the_other_dialect_is_told_nothing_that_it_does_not_know(house: House) -> None:
    packets = await house.join(house.open(), "/yjs|notes", '{"presence":"json","user":{"name":"Ann"}}')
    assert packets[0].startswith("40/yjs|notes,")
    assert not any('"session"' in packet or '"presence"' in packet for packet in packets)
    assert list(house.hub.documents) == ["notes"]


@pytest.mark.parametrize(
    "head",
    [
        f"51-/doc/notes,{EDIT}",
        f"51-/doc/notes,12{EDIT}",
        f"51-/doc/notes,12{EDIT}".replace('","', '", "').replace(",{", ", {"),
    ],
)
async def test_an_edit_is_one_however_its_head_is_written(house: House, head: str) -> None:
    socket = house.open()
    await house.join(socket)
    house.say(socket, head, typed("x")[0])
    assert (house.clocks, socket.connection.partial) == (1, None)
    await asyncio.sleep(0.01)
    acks = [packet for packet in socket.packets() if packet.startswith("43")]
    assert len(acks) == ("12" in head)


@pytest.mark.parametrize(
    "text",
    [
        "", "9", "2", "2/doc/notes", "2/doc/notes,x", '2/doc/other,["a"]', f"51-/doc/other,{EDIT}", "0/doc/notes,", "0/doc/notes,[]x",
        f"5999-/doc/notes,{EDIT}", "1/doc/other,", "4/doc/notes,{}", "6/doc/notes,1[]",
    ],
)  # fmt: skip
async def test_what_breaks_the_protocol_is_raised_and_changes_nothing(house: House, text: str) -> None:
    socket = house.open()
    await house.join(socket)
    with pytest.raises(ProtocolError):
        house.door._text(socket, text)
    assert house.clocks == 0


async def test_an_attachment_is_due_or_it_is_a_fault(house: House) -> None:
    socket = house.open()
    await house.join(socket)
    with pytest.raises(ProtocolError, match="nobody announced"):
        house.door._binary(socket, b"x")
    for head in (
        f"51-/doc/notes,{EDIT}",
        '51-/doc/notes,["broadcast",{"event":"e","data":{"_placeholder":true,"num":0}}]',
    ):
        house.door._text(socket, head)
        with pytest.raises(ProtocolError, match="attachment is due"):
            house.door._text(socket, '2/doc/notes,["cursor",1]')
        socket.connection.partial = None


async def test_a_number_that_is_none_is_not_taken_for_one(house: House) -> None:
    socket = house.open()
    await house.join(socket)
    for number in ("1" * 16, "\u0661", "-1", "1.5"):
        try:
            house.say(socket, f"51-/doc/notes,{number}{EDIT}", typed("x")[0])
        except ProtocolError:
            socket.connection.partial = None
    assert not any("43/doc/notes,-" in packet for packet in socket.packets())


@pytest.mark.parametrize("namespace", ["/", "/admin", "/docs/notes", "/yjs", "/doc"])
async def test_a_namespace_that_is_none_is_refused_in_the_words_of_the_protocol(house: House, namespace: str) -> None:
    socket = house.open()
    packets = await house.join(socket, namespace)
    assert len(packets) == 1
    assert packets[0].startswith("44") and packets[0].endswith('{"message":"Invalid namespace"}')
    assert house.hub.documents == {}


async def test_a_name_that_is_none_is_refused_with_its_code(house: House) -> None:
    (packet,) = await house.join(house.open(), "/doc/a//b")
    assert orjson.loads(packet.partition(",")[2])["data"]["code"] == "invalid_document"
    (packet,) = await house.join(house.open(), "/doc/notes", '{"presence":3}')
    assert orjson.loads(packet.partition(",")[2])["data"]["code"] == "invalid_payload"


async def test_who_leaves_one_document_stays_in_the_other(house: House) -> None:
    socket = house.open()
    await house.join(socket)
    await house.join(socket, "/doc/other")
    house.say(socket, "1/doc/other,")
    assert list(socket.connection.attachments) == ["/doc/notes"]
    with pytest.raises(ProtocolError):
        house.say(socket, '2/doc/other,["cursor",1]')


async def test_what_is_still_on_its_way_from_who_was_sent_away_is_no_fault(house: House) -> None:
    socket = house.open()
    await house.join(socket)
    (attachment,) = socket.connection.attachments.values()
    attachment.session.dismiss(CollabError("forbidden"))
    packets = socket.packets()
    assert '"forbidden"' in packets[0] and packets[1] == "41/doc/notes,"
    house.say(socket, '2/doc/notes,["cursor",1]')
    house.say(socket, f"51-/doc/notes,{EDIT}", typed("x")[0])
    assert house.clocks == 0
    await house.join(socket)
    assert socket.connection.released == set()


async def test_only_answers_that_were_asked_for_count_and_each_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[str] = []
    monkeypatch.setattr(SocketIOConnection, "count_fault", lambda _self, error: faults.append(error.code))
    socket = house.open()
    await house.join(socket)
    (attachment,) = socket.connection.attachments.values()
    (id,) = attachment.steps_awaited
    for _ in range(2):
        house.say(socket, f'61-/doc/notes,{id}[{{"_placeholder":true,"num":0}}]', typed("x")[0])
    house.say(socket, "3/doc/notes,999[]")
    assert (house.clocks, faults) == (1, ["invalid_payload"] * 2)


async def test_the_end_of_a_connection_leaves_nothing(house: House) -> None:
    socket = house.open()
    await house.join(socket)
    house.door._text(socket, f"51-/doc/notes,{EDIT}")
    for _ in range(2):
        house.door._closed(socket, "gone")
    assert socket.connection is None
    assert house.hub.documents["notes"].sessions == {}
    assert not any(house.door.manager.rooms.values())


async def test_a_kick_from_outside_ends_one_session(house: House) -> None:
    socket = house.open()
    await house.join(socket)
    (attachment,) = socket.connection.attachments.values()
    await house.door.disconnect("unknown", "/doc/notes")
    assert attachment.attached
    await house.door.disconnect(attachment.sid, "/doc/notes")
    assert attachment.session.dismissed == "forbidden"


async def test_a_server_that_moves_says_no_disconnect(house: House) -> None:
    sockets = [house.open() for _ in range(4)]
    for socket in sockets:
        await house.join(socket)
    await house.door.drain(2, 0.001)
    assert [len(socket.ends) for socket in sockets] == [1] * 4
    assert not any(packet.startswith("41") for socket in sockets for packet in socket.packets()), (
        "clients would stay away"
    )
    house.hub.draining = True
    refusal = house.door._admit("203.0.113.9")
    assert refusal is not None and refusal.code == "draining"
