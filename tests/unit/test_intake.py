"""What sessions send: paid for, allowed, handled, answered; and nothing that goes wrong leaves anything behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collab.auth.base import Authenticator, ShownUser
from collab.doors import intake as module
from collab.doors.connection import MAX_UNACKNOWLEDGED, Attachment, Connection
from collab.doors.intake import ENTRY_BYTES, MAX_AWARENESS_BYTES, MORE_CLIENTS, Intake
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.hub.session import State
from collab.protocol.codec import write_var_uint
from collab.protocol.events import EVENTS
from collab.protocol.packets import Unparsed
from collab.stores.memory import MemoryStore
from collab.types import Grant, Identity, Role
from tests.support.documents import typed
from tests.support.peers import Peer
from tests.support.wires import NotingWire, budget

MOST = 1000
ANN = Identity("ann", "Ann", "#000000")


class Noting(Attachment):
    """Notes what it would answer: (id, what)."""

    def __init__(self, connection: Connection[Any], role: Role) -> None:
        super().__init__(connection, "")
        self.peer = Peer(role=role)
        self.session = self.peer.session
        self.session.assume(ANN, role)
        self.answers: list[tuple[Any, Any]] = []
        self.asked: list[bytes] = []

    def answer(self, id: Any, fields: dict[str, Any]) -> None:
        self.answers.append((id, fields))

    def answer_saved(self, id: Any, position: int) -> None:
        self.answers.append((id, position))

    def answer_step_1(self, id: Any, missing: bytes) -> None:
        self.answers.append((id, missing))

    def answer_refused(self, id: Any, error: CollabError) -> None:
        self.answers.append((id, error.code))

    def ask_step_1(self, state_vector: bytes) -> None:
        self.asked.append(state_vector)


class Here:
    """Computes in this process, when it may."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    @asynccontextmanager
    async def turn(self, _owner: Any) -> AsyncIterator[None]:
        await self.gate.wait()
        yield

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        return work(*args)


class Tokens(Authenticator):
    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        if token == "broken":
            raise ZeroDivisionError
        grants = {"reader": (Grant("*", Role.VIEWER),), "nothing": ()}.get(str(token), (Grant("*", Role.ADMIN),))
        return replace(ANN, id="ben" if token == "another" else "ann", grants=grants)


class Room:
    """One document and one session in it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.hub = Hub(self.store, DocumentLimits())
        self.workers = Here()
        self.intake = Intake(Tokens(), self.workers, max_update_bytes=MOST)  # type: ignore[arg-type]
        self.wire = NotingWire()
        self.connection: Connection[Any] = Connection(self.wire, "203.0.113.9", budget())
        self.ann: Noting

    async def enter(self, role: Role = Role.EDITOR) -> Noting:
        ann = Noting(self.connection, role)
        ann.live = await self.hub.join("notes", ann.session)
        ann.attached = True
        self.connection.attachments[""] = ann
        self.ann = ann
        return ann

    def take(self, name: str, *args: Any, id: Any = 1, size: int = 1) -> None:
        self.intake.take(self.ann, name, list(args), id, size)

    def text(self) -> str:
        doc: Doc[Any] = Doc()
        doc.apply_update(self.ann.live.document.encode())
        return str(doc.get("body", type=Text))

    async def answered(self, count: int = 1) -> list[tuple[Any, Any]]:
        async with asyncio.timeout(20):
            while len(self.ann.answers) < count or self.ann.session.unacknowledged:
                await asyncio.sleep(0)
        return self.ann.answers

    async def held(self) -> None:
        """Do as the reader does."""
        async with asyncio.timeout(20):
            while self.wire.hold is not None:
                hold, self.wire.hold = self.wire.hold, None
                await hold


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.hub.start()
    yield room
    await room.held()
    await room.intake.close()
    await room.hub.close()


def test_every_event_of_the_table_is_handled_and_nothing_else() -> None:
    assert Intake(Tokens(), Here(), max_update_bytes=1)._handlers.keys() == EVENTS.keys()  # type: ignore[arg-type]


async def test_an_edit_is_answered_with_its_position_and_only_if_somebody_waits(room: Room) -> None:
    await room.enter()
    first, second = typed("a", "b")
    room.take("sync-update", first, id=7)
    assert await room.answered() == [(7, 1)]
    room.take("sync-update", second, id=None)
    await room.answered()
    assert (room.text(), room.ann.answers, room.ann.session.unacknowledged) == ("ab", [(7, 1)], 0)


@pytest.mark.parametrize("name", ["disconnect", "", "x" * 1000, "constructor"])
async def test_events_that_are_none_are_refused_by_name_and_counted(room: Room, name: str) -> None:
    ann = await room.enter()
    room.take(name, 1)
    room.take(name, 1, id=None)
    assert ann.answers == [(1, "unknown_event")]
    assert ann.peer.got[-1] == ("notice", "unknown_event"), "where nobody waits it is a notice"
    await room.held()
    while not room.wire.expelled:
        ann.connection.count_fault(CollabError("unknown_event"))
        assert len(ann.answers) < 500
    assert room.wire.expelled == ["rate_limited"], "repeated abuse ends it"


@pytest.mark.parametrize("name", sorted(EVENTS))
@pytest.mark.parametrize("args", [[], [1, 2], [b"a", b"b"], ["text"], [b"\xff" * 9], [[]], [{"a": {}}], [None]])
async def test_no_payload_is_a_fault_of_ours(room: Room, name: str, args: list[Any]) -> None:
    ann = await room.enter(Role.ADMIN)
    room.take(name, *args)
    await room.held()
    await room.answered()
    assert (1, "internal") not in ann.answers
    assert len(ann.answers) == 1, "one answer, whatever it is"
    assert room.text() == ""


@pytest.mark.parametrize("name", ["sync-update", "operations", "publish"])
async def test_a_role_is_asked_for_before_anything_is_read(room: Room, name: str) -> None:
    ann = await room.enter(Role.VIEWER)
    room.take(name, object())
    assert ann.answers == [(1, "read_only")]
    assert ann.session.unacknowledged == 0


async def test_what_is_too_large_is_refused_unless_a_whole_document_is_due(room: Room) -> None:
    ann = await room.enter()
    large = typed("x" * (MOST + 1))[0]
    room.take("sync-update", large)
    assert await room.answered() == [(1, 1)], "the first may be a whole document"
    room.take("sync-update", typed("y" * (MOST + 1))[0], id=2)
    room.take("sync-update", typed("z" * (MOST + 1))[0], id=None)
    assert ann.answers[1:] == [(2, "update_too_large")]
    assert len(ann.asked) == 1, "who asks for no answer sends nothing again: it is asked"
    assert len(room.text()) == MOST + 1


async def test_what_is_missing_is_asked_for_but_not_of_who_just_said_all(room: Room) -> None:
    ann = await room.enter()
    later = typed("a", "b")[1]
    room.take("sync-update", later)
    assert (ann.answers, ann.asked) == ([(1, "missing_dependencies")], [b"\0"])
    room.intake.take_step_1_answer(ann, [later], 1, 2)
    assert (ann.answers[1:], len(ann.asked)) == ([(2, "missing_dependencies")], 1)


@pytest.mark.parametrize("args", [[], [None], [b"\0\0"]])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
async def test_an_answer_that_is_nothing_is_durable_when_all_before_it_is(
    room: Room, role: Role, args: list[Any]
) -> None:
    ann = await room.enter(role)
    room.intake.take_step_1_answer(ann, args, 1)
    assert ann.answers == []
    room.intake.take_step_1_answer(ann, args, 1, 5)
    assert await room.answered() == [(5, 0)]


async def test_a_reader_may_answer_with_what_is_known_and_with_no_more(room: Room) -> None:
    ann = await room.enter(Role.VIEWER)
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    text += "known?!"
    del text[6]
    ann.live.apply(doc.get_update(), lambda _result: None, session=None, participant=None)
    known = doc.get_update(doc.get_state())  # what a client with all of it answers: what was deleted
    del text[5]
    news = doc.get_update(doc.get_state())
    room.intake.take_step_1_answer(ann, [known], 1, 1)
    assert await room.answered() == [(1, 1)]
    room.intake.take_step_1_answer(ann, [news], 1, 2)
    assert ann.answers[1:] == [(2, "read_only")]
    room.intake.take_step_1_answer(ann, [news], 1)
    assert (room.text(), len(ann.answers)) == ("known?", 2), "of who asks for no answer it is passed over"


async def test_an_answer_that_could_not_be_taken_for_the_moment_is_asked_for_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await room.enter()
    monkeypatch.setattr(
        ann.live,
        "apply",
        lambda *_args, **_more: (_ for _ in ()).throw(CollabError("storage_unavailable", retry_after=0.01)),
    )
    room.intake.take_step_1_answer(ann, [typed("x")[0]], 1, 1)
    assert ann.answers == [(1, "storage_unavailable")]
    async with asyncio.timeout(20):
        while not ann.asked:
            await asyncio.sleep(0.005)
    ann.attached = False
    ann.ask_again()
    assert len(ann.asked) == 1, "nobody is there any more"


async def test_a_state_vector_has_not_many_more_clients_than_the_document(room: Room) -> None:
    ann = await room.enter()
    room.take("sync-step-1", b"\0")
    assert ann.answers == [(1, b"\0\0")]
    most = ENTRY_BYTES * MORE_CLIENTS
    count = most // 5 + 10
    vector = write_var_uint(count) + b"".join(write_var_uint(2**27 + n) + b"\1" for n in range(count))
    assert len(vector) > most
    room.take("sync-step-1", vector)
    assert ann.answers[1:] == [(1, "invalid_payload")]


async def test_awareness_is_bounded_and_a_repeater_is_heard_only_once_it_is_live(room: Room) -> None:
    ann = await room.enter()
    room.take("awareness-update", bytes(MAX_AWARENESS_BYTES + 1))
    assert ann.answers == [(1, "invalid_payload")]
    entry = b"\x01\x09\x01\x02{}"
    ann.repeats_others = True
    assert ann.session.state is State.SYNCING
    room.take("awareness-update", entry)
    assert ann.live.people.presence.awareness() in (None, b"\0")
    room.take("sync-step-1", b"\0")
    room.take("awareness-update", entry)
    assert ann.answers[-1] == (1, {})
    assert b"\x09" in (ann.live.people.presence.awareness() or b"")


async def test_a_cursor_is_one_field_of_what_somebody_shows(room: Room) -> None:
    ann = await room.enter()
    room.take("presence", {"mood": 1})
    room.take("cursor", {"at": 3})
    assert ann.live.people.presence.sessions[ann.session.id].state == {"mood": 1, "cursor": {"at": 3}}
    room.take("cursor", "x" * 10**6)
    assert ann.answers[-1] == (1, "invalid_payload")
    assert ann.live.people.presence.sessions[ann.session.id].state == {"mood": 1, "cursor": {"at": 3}}


async def test_json_that_was_too_large_to_be_read_is_only_for_operations(room: Room) -> None:
    ann = await room.enter()
    for name in sorted(set(EVENTS) - {"operations"}):
        if EVENTS[name].payload == "json":
            room.take(name, Unparsed("{}"), id=name)
            assert ann.answers[-1] == (name, "invalid_payload")
    operations = '{"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]}'
    room.take("operations", Unparsed(operations), id="large")
    await room.held()
    assert ("large", 1) in await room.answered(len(ann.answers))


INSERT = {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]}


async def test_operations_of_who_may_no_more_by_the_time_they_are_computed_change_nothing(room: Room) -> None:
    ann = await room.enter()
    room.workers.gate.clear()
    room.take("operations", INSERT)
    ann.session.assume(ANN, Role.VIEWER)
    room.workers.gate.set()
    await room.held()
    assert (ann.answers, room.text()) == ([(1, "read_only")], "")
    room.workers.gate.clear()
    ann.session.assume(ANN, Role.EDITOR)
    room.take("operations", INSERT)
    ann.attached = False
    room.workers.gate.set()
    await room.held()
    assert (len(ann.answers), room.text(), ann.session.unacknowledged) == (1, "", 0)


async def test_a_token_changes_the_role_and_not_the_person(room: Room) -> None:
    ann = await room.enter()
    for token, answer in (("another", "forbidden"), ("nothing", "forbidden"), ("broken", "internal")):
        room.take("authenticate", {"token": token}, id=token)
        await room.answered(len(ann.answers) + 1)
        assert ann.answers[-1] == (token, answer)
        assert ann.session.role is Role.EDITOR
    room.take("authenticate", {"token": "reader"})
    await room.answered(4)
    assert ann.answers[-1] == (1, {"role": "viewer", "expires_at": None})
    assert ann.session.role is Role.VIEWER


async def test_a_fault_of_ours_is_internal_and_the_next_event_is_taken(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await room.enter()
    apply = ann.live.apply
    monkeypatch.setattr(ann.live, "apply", lambda *_args, **_more: 1 // 0)
    room.take("sync-update", typed("x")[0])
    assert (ann.answers, ann.session.unacknowledged) == ([(1, "internal")], 0)
    monkeypatch.setattr(ann.live, "apply", apply)
    room.take("sync-update", typed("x")[0], id=2)
    assert (2, 1) in await room.answered(2)


async def test_who_is_far_ahead_of_the_log_waits_for_it(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await room.enter()
    ann.session.unacknowledged = MAX_UNACKNOWLEDGED
    room.take("sync-update", typed("x")[0])
    hold, room.wire.hold = room.wire.hold, None
    assert hold is not None
    waiting = asyncio.ensure_future(hold)
    await asyncio.sleep(0.02)
    assert not waiting.done()
    ann.session.unacknowledged = 0
    async with asyncio.timeout(20):
        await waiting


async def test_a_costly_edit_is_followed_by_a_rest(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await room.enter()
    monkeypatch.setattr(module, "COSTLY", 0.0)
    monkeypatch.setattr(module, "FIRST_REST", 0.01)
    monkeypatch.setattr(module, "MAX_REST", 0.01)
    room.take("sync-update", typed("x")[0])
    assert ann.suspect
    assert room.wire.hold is not None


async def test_who_does_not_take_our_answers_is_not_asked_for_more(room: Room) -> None:
    await room.enter()
    room.take("presence", {})
    assert room.wire.hold is None
    room.wire.clogged = True
    room.take("presence", {})
    assert room.wire.hold is not None
    room.wire.clogged = False


@settings(max_examples=min(25, settings.default.max_examples))
@given(st.lists(st.sampled_from(["a", "bad", "missing", "large"]), max_size=12))
def test_whatever_becomes_of_edits_none_stays_counted(kinds: list[str]) -> None:
    async def run() -> None:
        room = Room()
        await room.hub.start()
        ann = await room.enter()
        ann.document_due = False
        for number, kind in enumerate(kinds):
            update = {
                "a": typed(f"{number}")[0], "bad": b"\1\2\3", "missing": typed("a", "b")[1], "large": typed("x" * 2 * MOST)[0],
            }[kind]  # fmt: skip
            room.take("sync-update", update, id=number)
        await room.held()
        await room.answered(len(kinds))
        assert sorted(id for id, _ in ann.answers) == list(range(len(kinds)))
        assert len(room.text()) == sum(len(str(n)) for n, kind in enumerate(kinds) if kind == "a")
        await room.hub.close()

    asyncio.run(run())
