"""The door without a network: what crosses it is bytes, in order, and bounded; and it ends when it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.client.socketio import Dismissed, Event
from collab.client.status import Status
from collab.client.unreachable import Disconnected
from collab.doors import inprocess
from collab.doors.inprocess import SEND_BUFFER, InProcessDoor, InProcessLink
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.stores.memory import MemoryStore
from collab.types import Identity, Role
from tests.support.documents import typed
from tests.support.peers import Peer

OWL = Identity("owl", "Owl", "#112233")


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits(max_participants=3, max_document_bytes=100_000))
    yield hub
    await hub.close()


async def linked(hub: Hub, role: Role = Role.EDITOR) -> InProcessLink:
    await hub.start()
    return InProcessLink(await hub.live("notes"), OWL, role)


async def heard(link: InProcessLink, name: str) -> Event:
    """The next event of this name."""
    async with asyncio.timeout(20):
        while True:
            event = await link.receive()
            if event.name == name:
                return event


def text(live: LiveDocument) -> str:
    doc: Doc[Any] = Doc()
    doc.apply_update(live.document.encode())
    return str(doc.get("body", type=Text))


async def test_it_begins_with_the_session_then_who_is_here_then_the_question(hub: Hub) -> None:
    link = await linked(hub)
    session = (await link.receive()).args[0]
    assert (session["document"], session["role"], session["user"]["name"]) == ("notes", "editor", "Owl")
    assert session["limits"]["max_update_bytes"] == 100_000
    names = [(await link.receive()).name for _ in range(2)]
    assert names == ["presence", "sync-step-1"]


async def test_an_edit_is_answered_once_it_is_logged_and_comes_back_to_others_only(hub: Hub) -> None:
    link, other = await linked(hub), await linked(hub)
    update = typed("hello")[0]
    answer = await link.call("sync-update", update)
    assert (answer["ok"], answer["durable"]) == (True, True)
    assert (await heard(other, "sync-update")).args == [update]
    async with asyncio.timeout(20):
        await link.call("presence", {"seen": 1})
    while link._news:
        assert link._news.popleft().name != "sync-update"


async def test_what_the_program_does_to_what_it_gave_and_got_is_its_own_business(hub: Hub) -> None:
    link, other = await linked(hub), await linked(hub)
    state: dict[str, Any] = {"at": [1]}
    assert (await link.call("presence", state))["ok"]
    state["at"].append(2)
    while True:
        change = (await heard(other, "presence")).args[0]
        states = [each["state"] for each in [*change["joined"], *change["updated"]] if each["state"]]
        if states:
            break
    assert states == [{"at": [1]}]


@pytest.mark.parametrize(
    ("role", "event", "payload", "code"),
    [
        (Role.VIEWER, "sync-update", typed("x")[0], "read_only"), (Role.EDITOR, "sync-update", b"\xff\xff", "invalid_update"),
        (Role.EDITOR, "presence", 3, "invalid_payload"), (Role.VIEWER, "publish", {"stream": "chat", "data": 1}, "read_only"),
        (Role.EDITOR, "publish", {"stream": "No!", "data": 1}, "invalid_payload"), (Role.EDITOR, "publish", None, "invalid_payload"),
        (Role.EDITOR, "subscribe", {"stream": "chat", "after": -1}, "invalid_payload"), (Role.EDITOR, "subscribe", "x", "invalid_payload"),
        (Role.EDITOR, "unsubscribe", {}, "invalid_payload"),
    ],
    ids=lambda value: "bytes" if isinstance(value, bytes) else str(value),
)  # fmt: skip
async def test_what_is_refused_is_answered_with_its_code_and_changes_nothing(
    hub: Hub, role: Role, event: str, payload: Any, code: str
) -> None:
    link = await linked(hub, role)
    answer = await link.call(event, payload)
    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    link.emit(event, payload)
    assert (await heard(link, "notice")).args[0]["code"] == code, "where nobody waits it is a notice"
    assert text(hub.documents["notes"]) == ""


async def test_who_lacks_something_is_asked_for_it(hub: Hub) -> None:
    link = await linked(hub)
    await heard(link, "sync-step-1")
    answer = await link.call("sync-update", typed("a", "b")[1])
    assert answer["error"]["code"] == "missing_dependencies"
    assert (await heard(link, "sync-step-1")).args == [b"\0"]


async def test_streams_have_their_offsets(hub: Hub) -> None:
    link = await linked(hub)
    for number in (1, 2):
        assert (await link.call("publish", {"stream": "chat", "data": number}))["offset"] == number
    found = await link.call("subscribe", {"stream": "chat", "after": 1})
    assert [each["data"] for each in found["events"]] == [2]
    await link.call("publish", {"stream": "chat", "data": 3})
    assert (await heard(link, "stream")).args[0]["data"] == 3
    assert (await link.call("unsubscribe", {"stream": "chat"}))["ok"]
    await link.call("publish", {"stream": "chat", "data": 4})
    assert "stream" not in [each.name for each in link._news]


async def test_nothing_overtakes_what_takes_a_while(hub: Hub) -> None:
    link = await linked(hub)
    streams, gate = hub.store.streams, asyncio.Event()
    read = streams.read

    async def slowly(*args: Any, **more: Any) -> Any:
        await gate.wait()
        return await read(*args, **more)

    streams.read = slowly  # type: ignore[method-assign]
    subscribing = link.call("subscribe", {"stream": "chat"})
    editing = link.call("sync-update", typed("x")[0])
    for _ in range(20):
        await asyncio.sleep(0)
    assert not subscribing.done() and not editing.done()
    assert text(hub.documents["notes"]) == ""
    gate.set()
    assert (await subscribing)["ok"] and (await editing)["ok"]


async def test_a_program_that_does_not_listen_is_bounded_and_cut(hub: Hub) -> None:
    link = await linked(hub)
    assert not link.clogged
    link.write(inprocess._News("sync-update", bytes(SEND_BUFFER + 1), json=False))
    assert link.clogged
    waiting = link.call("subscribe", {"stream": "chat"})
    link.cut()
    assert (link.waiting_bytes, link.clogged) == (0, False)
    for call in (link.receive(), link.call("sync-step-1", b"\0"), waiting):
        with pytest.raises(Disconnected):
            await call
    assert hub.documents["notes"].sessions == {}
    assert not link.write(inprocess._News("notice", b"{}"))
    assert link.waiting_bytes == 0, "nothing gathers behind the end"


async def test_who_is_sent_away_hears_why_first(hub: Hub) -> None:
    link = await linked(hub)
    await hub.delete("notes")
    assert (await heard(link, "notice")).args[0]["code"] == "document_deleted"
    with pytest.raises(Dismissed):
        await link.receive()
    await link.close()
    with pytest.raises(Dismissed):
        await link.receive()


async def test_a_full_document_has_no_room_for_programs_either(hub: Hub) -> None:
    for _ in range(3):
        await linked(hub)
    with pytest.raises(CollabError) as refused:
        await linked(hub)
    assert refused.value.code == "document_full"


@pytest.mark.parametrize(
    ("role", "user", "name"), [("owner", None, ""), ("editor", {"name": "\n"}, "Server"), ("viewer", {}, "Server")]
)
async def test_who_a_program_is(hub: Hub, role: str, user: dict[str, str] | None, name: str) -> None:
    door = InProcessDoor(hub)
    if not name:
        with pytest.raises(ValueError, match="viewer, commenter, editor, admin"):
            door.open("notes", role=role, user=user)
        return
    async with door.open("notes", role=role, user=user) as session:
        assert (session.role, session.info["user"]["name"], session.transport) == (role, name, "process")


async def test_what_else_a_program_is_shown_with(hub: Hub) -> None:
    owl = {"id": "owl", "name": "Owl", "color": "teal", "avatar": "https://people.example/owl.png"}
    async with InProcessDoor(hub).open("notes", user=owl) as session:
        assert session.info["user"] == owl
    with pytest.raises(CollabError, match=r"user\.avatar"):
        InProcessDoor(hub).open("notes", user={"avatar": "javascript:alert(1)"})


async def test_whoever_is_first_starts_the_hub_and_leaving_saves(hub: Hub) -> None:
    door = InProcessDoor(hub)
    async with door.open("notes") as session:
        session.doc.get("body", type=Text).insert(0, "kept")
    assert session.status is Status.CLOSED
    assert text(hub.documents["notes"]) == "kept"


async def test_the_end_of_the_server_saves_what_programs_have_written(hub: Hub) -> None:
    door = InProcessDoor(hub)
    session = door.open("notes")
    async with session:
        session.doc.get("body", type=Text).insert(0, "kept")
        await door.drain(3, 1.0)
        assert session.status is Status.CLOSED
        assert text(hub.documents["notes"]) == "kept"
    await door.close()


async def test_others_edits_do_not_run_a_programs_observers_inside_the_hub(hub: Hub) -> None:
    door = InProcessDoor(hub)
    async with door.open("notes") as session:
        seen: list[str] = []
        session.doc.observe(lambda _event: seen.append("observed"))
        live = hub.documents["notes"]
        ann = Peer()
        live.join(ann.session)
        live.apply(typed("x")[0], lambda _result: None, session=ann.session, participant=None)
        live.flush()
        assert seen == []
        await session.until(lambda: bool(seen), 20)
