"""A session: what may follow what in its life, what its role allows, and how its token ends."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from structlog.testing import capture_logs

from collab.errors import CollabError
from collab.hub import session as session_module
from collab.hub.session import MOVES, Session, State
from collab.types import Identity, Role
from tests.support.peers import ENCODER, Peer

ANN = Identity("ann", "Ann", "#000000")


class Here:
    """A session that notes what becomes of it."""

    def __init__(self, identity: Identity = ANN, role: Role = Role.EDITOR) -> None:
        self.peer = Peer()
        self.ended: list[str] = []
        self.notices: list[dict[str, Any]] = []
        self.session = Session(
            identity, role, ENCODER, self.peer,
            door="test", json_presence=False, max_client_ids=1,
            request_sync=lambda _vector: None, on_dismiss=lambda error: self.ended.append(error.code),
        )  # fmt: skip

    def told(self) -> list[Any]:
        return [content for kind, content in self.peer.got if kind == "notice"]


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_what_may_follow_what(before: State, after: State) -> None:
    session = Here().session
    session.state = before
    if after in MOVES[before]:
        session.move(after)
        assert session.state is after
    else:
        with pytest.raises(RuntimeError, match=f"from {before.value} to {after.value}"):
            session.move(after)
        assert session.state is before


def test_every_state_leads_to_the_end_and_nothing_behind_it() -> None:
    assert all(State.CLOSED in MOVES[state] for state in State if state is not State.CLOSED)
    assert MOVES[State.CLOSED] == frozenset()


def test_each_has_an_id_and_a_client_id_of_its_own() -> None:
    sessions = [Here().session for _ in range(50)]
    assert len({session.id for session in sessions}) == len({session.client_id for session in sessions}) == 50
    assert all(len(session.id) >= 16 and 0 <= session.client_id < 2**32 for session in sessions)


def test_edits_are_logged_under_the_id_or_else_the_name() -> None:
    assert Here().session.participant == "ann"
    assert Here(replace(ANN, id=None)).session.participant == "Ann"


@pytest.mark.parametrize(
    ("role", "needed", "code"),
    [
        (Role.VIEWER, Role.VIEWER, None), (Role.VIEWER, Role.EDITOR, "read_only"), (Role.VIEWER, Role.ADMIN, "forbidden"),
        (Role.EDITOR, Role.EDITOR, None), (Role.EDITOR, Role.ADMIN, "forbidden"), (Role.ADMIN, Role.ADMIN, None),
        (Role.ADMIN, Role.VIEWER, None),
    ],
)  # fmt: skip
def test_what_a_role_allows(role: Role, needed: Role, code: str | None) -> None:
    session = Here(role=role).session
    if code is None:
        session.require(needed)
    else:
        with pytest.raises(CollabError) as refused:
            session.require(needed)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Role.EDITOR, Role.VIEWER, ["read_only"]), (Role.VIEWER, Role.EDITOR, ["read_only"]), (Role.VIEWER, Role.ADMIN, ["read_only"]),
        (Role.EDITOR, Role.ADMIN, []), (Role.ADMIN, Role.EDITOR, []), (Role.EDITOR, Role.EDITOR, []), (Role.VIEWER, Role.VIEWER, []),
    ],
)  # fmt: skip
async def test_who_may_write_no_more_or_may_now_is_told(before: Role, after: Role, told: list[str]) -> None:
    here = Here(role=before)
    bob = Identity("bob", "Bob", "#000000")
    here.session.assume(bob, after)
    assert (here.session.identity, here.session.role, here.session.participant) == (bob, after, "bob")
    assert here.told() == told


@pytest.mark.slow
async def test_a_token_that_ends_is_announced_and_then_ends_the_session() -> None:
    here = Here(replace(ANN, expires_at=time.time() + 0.4))
    here.session.join("notes")
    async with asyncio.timeout(10):
        while not here.told():
            await asyncio.sleep(0.005)
        assert here.ended == [], "it hears of it before"
        while not here.ended:
            await asyncio.sleep(0.005)
    assert (here.told(), here.ended) == (["token_expired"], ["token_expired"])
    assert time.time() >= here.session.identity.expires_at  # type: ignore[operator]
    assert here.session.dismissed == "token_expired"


async def test_a_newer_token_and_the_end_of_the_session_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noted(*args: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(call_later(*args, **more))
        return timers[-1]

    monkeypatch.setattr(loop, "call_later", noted)
    here = Here(replace(ANN, expires_at=time.time() + 1000))
    here.session.join("notes")
    here.session.assume(replace(ANN, expires_at=time.time() + 2000), Role.EDITOR)
    here.session.move(State.CLOSED)
    assert [timer.cancelled() for timer in timers] == [True, True]
    here.session.watch_expiry()
    here.session.assume(replace(ANN, expires_at=None), Role.EDITOR)
    assert timers[-1].cancelled(), "a token that never ends"


@pytest.mark.parametrize(
    ("left", "warned_in"), [(1000.0, 1000.0 - session_module.WARN_BEFORE), (40.0, 30.0), (-5.0, 0.0)]
)
async def test_when_it_is_announced(monkeypatch: pytest.MonkeyPatch, left: float, warned_in: float) -> None:
    waits: list[float] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", lambda seconds, *_: waits.append(seconds))
    Here(replace(ANN, expires_at=time.time() + left)).session.watch_expiry()
    assert waits == [pytest.approx(warned_in, abs=0.5)]


async def test_its_beginning_and_its_end_are_noted_without_anything_secret() -> None:
    here = Here(replace(ANN, claims={"secret": "words"}))
    with capture_logs() as said:
        here.session.join("notes")
        here.session.dismiss(CollabError("forbidden"))
        here.session.move(State.CLOSED)
    assert [(line["event"], line["participant"], line.get("code")) for line in said] == [
        ("session joined", "ann", None), ("session left", "ann", "forbidden"),
    ]  # fmt: skip
    assert here.session.id not in str(said), "the whole of it lets others send somebody away"
    assert here.session.where == {"document": "notes", "session": here.session.id[:6]}


def test_once_closed_nothing_refers_back_to_it() -> None:
    """The collector, which would find such circles, comes seldom."""

    class Door:
        def __init__(self) -> None:
            self.session = Session(
                ANN, Role.EDITOR, ENCODER, Peer(), door="test", json_presence=False, max_client_ids=1,
                request_sync=self.heard, on_dismiss=self.heard,
            )  # fmt: skip

        def heard(self, _news: object) -> None: ...

    gc.disable()
    try:
        door = Door()
        kept, there = door.session, weakref.ref(door)
        kept.move(State.CLOSED)
        del door
        assert there() is None
        kept.dismiss(CollabError("forbidden"))
        kept.request_sync(b"")
    finally:
        gc.enable()


def test_what_an_encoder_has_no_word_for_is_not_sent() -> None:
    here = Here()
    assert not here.session.tell(None)
    assert here.peer.got == []
    here.peer.clogged = True
    assert here.session.tell(("update", b"x")), "more waits now than allowed"


@pytest.mark.parametrize("code", ["unauthorized", "token_expired", "forbidden", "document_full", "lagging", None])
def test_whether_the_rest_of_a_long_edit_counts(code: str | None) -> None:
    here = Here()
    if code is not None:
        here.session.dismiss(CollabError(code))
    if code in ("unauthorized", "token_expired", "forbidden"):
        with pytest.raises(CollabError, match=CollabError(code).message):
            here.session.still_edits()
    else:
        here.session.still_edits()
    here.session.role = Role.COMMENTER
    with pytest.raises(CollabError):
        here.session.still_edits()
