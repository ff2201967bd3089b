"""The client's session: what brings it back, what ends it for good, and what its owner is told, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.client import session as module
from collab.client.options import Backoff
from collab.client.session import Session
from collab.client.socketio import Dismissed, Event
from collab.client.status import Status
from collab.client.unreachable import Disconnected, Unreachable
from collab.errors import CollabError
from tests.support.documents import typed
from tests.support.links import NotedLink

QUICK = Backoff(base=0.0, most=0.0)
INFO = {"session": "s1", "role": "editor", "limits": {"max_update_bytes": 1000}}


class Server(NotedLink):
    """One connection: says what the test tells it to, and answers what is called unless the test does."""

    def __init__(self, *, synchronised: bool = True, **info: Any) -> None:
        super().__init__()
        self.events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self.politely: bool | None = None
        self.accepts = True
        self.missing: Any = b"\0\0"
        if synchronised:
            self.say("session", {**INFO, **info})
            self.say("sync-step-1", b"\0", id=0)

    def say(self, name: str, payload: Any = None, *, id: int | None = None) -> None:
        self.events.put_nowait(Event(name, [] if payload is None else [payload], id))

    def end(self, error: Exception) -> None:
        self.events.put_nowait(error)

    async def receive(self) -> Event:
        event = await self.events.get()
        if isinstance(event, Exception):
            raise event
        return event

    def call(self, event: str, *args: Any) -> asyncio.Future[Any]:
        future = super().call(event, *args)
        if event == "sync-step-1":
            future.set_result(self.missing)
        elif self.accepts:
            future.set_result({"ok": True, "durable": True, "position": len(self.calls), "role": "viewer"})
        return future

    async def drop(self) -> None:
        await super().drop()
        self.end(Disconnected("dropped"))

    async def close(self, *, politely: bool = True) -> None:
        self.politely = politely


class Dialer:
    """Gives one link after the other; an exception is a dial that fails, and behind the last one nobody answers."""

    place = "the test"

    def __init__(self, *links: Server | Exception) -> None:
        self.links = list(links)
        self.auths: list[dict[str, Any]] = []

    async def dial(self, document: str, auth: dict[str, Any]) -> Any:
        self.auths.append(auth)
        if not self.links:
            await asyncio.Event().wait()
        link = self.links.pop(0)
        if isinstance(link, Exception):
            raise link
        return link


def session(*links: Server | Exception, **more: Any) -> tuple[Session, Dialer]:
    dialer = Dialer(*links)
    return Session("notes", dialer, backoff=QUICK, close_timeout=0.05, **more), dialer


def write(of: Session, words: str) -> None:
    of.doc.get("body", type=Text).insert(0, words)


async def within(work: Awaitable[Any]) -> Any:
    async with asyncio.timeout(20):
        return await work


@pytest.mark.parametrize("name", ["a,b", "", "../x"])
def test_a_name_that_no_document_can_have_is_refused_before_anything_is_dialled(name: str) -> None:
    with pytest.raises(CollabError) as refused:
        Session(name, Dialer())
    assert refused.value.code == "invalid_document"


async def test_it_is_live_inside_and_closed_outside_and_opened_once() -> None:
    server = Server()
    one, dialer = session(server, user={"name": "Ann"}, token="t")
    assert (one.status, one.role, one.transport, one.unsaved, one.progress) == (Status.CONNECTING, None, None, 0, None)
    async with one:
        assert (one.status, one.role, one.transport) == (Status.LIVE, "editor", "test")
        with pytest.raises(RuntimeError, match="opened once"):
            await one.__aenter__()
    assert dialer.auths == [{"presence": "json", "token": "t", "user": {"name": "Ann"}}]
    assert (one.status, one.error, server.politely, one.transport) == (Status.CLOSED, None, True, None)
    await one.close()


async def test_what_is_in_the_document_before_goes_out_and_what_the_server_has_comes_in() -> None:
    server = Server()
    server.missing = typed("theirs")[0]
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, "ours")
    one, _ = session(server, doc=doc)
    async with one:
        assert str(one.doc.get("body", type=Text)) in ("ourstheirs", "theirsours")
        await within(one.saved())
        sent: Doc[Any] = Doc()
        for update in server.sent():
            sent.apply_update(update)
        assert str(sent.get("body", type=Text)) == "ours", "the server's own is not sent back to it"


@pytest.mark.parametrize(
    ("role", "given"), [("viewer", False), ("commenter", False), ("editor", True), ("admin", True)]
)
async def test_a_server_that_has_lost_something_gets_it_from_who_may_write(role: str, given: bool) -> None:
    server = Server(role=role)
    server.missing = typed("theirs")[0]
    one, _ = session(server)
    async with one:
        before = len(server.sent())
        server.say("sync-step-1", b"\0", id=1)
        await within(_until(lambda: ("answer", (1, b"\0\0")) in server.emitted))
        await within(one.saved())
        assert (server.sent()[before:] == [server.missing]) is given


async def test_it_comes_back_and_sends_what_was_not_confirmed() -> None:
    first, second = Server(), Server()
    one, dialer = session(first, second)
    async with one:
        first.accepts = False
        write(one, "x")
        await within(_until(lambda: bool(first.sent())))
        assert one.unsaved == 1
        first.end(Disconnected("cable"))
        await within(one.saved())
        await within(one.reached(Status.LIVE))
        assert one.unsaved == 0
        assert len(dialer.auths) == 2


@pytest.mark.parametrize("code", ["invalid_document", "forbidden", "unauthorized", "document_deleted", "token_expired"])
async def test_a_refusal_that_lasts_ends_it(code: str) -> None:
    error = CollabError(code)
    one, dialer = session(error)
    with pytest.raises(CollabError) as refused:
        await within(one.__aenter__())
    assert refused.value is error
    assert (one.status, one.error, len(dialer.auths)) == (Status.CLOSED, error, 1)
    for work in (one.saved(), one.reached(Status.LIVE)):
        with pytest.raises(CollabError):
            await work


@pytest.mark.parametrize("failure", [Disconnected("no route"), CollabError("draining"), CollabError("document_full")])
async def test_a_refusal_that_passes_is_waited_out(failure: Exception) -> None:
    one, dialer = session(failure, failure, Server())
    async with one:
        assert len(dialer.auths) == 3


async def test_an_expired_token_ends_only_who_has_no_other() -> None:
    tokens = iter(["old", "new"])
    one, dialer = session(CollabError("token_expired"), Server(), token=lambda: next(tokens))
    async with one:
        assert [auth["token"] for auth in dialer.auths] == ["old", "new"]


async def test_sent_away_it_says_why_and_does_not_come_back() -> None:
    server = Server()
    one, dialer = session(server, Server())
    async with one:
        changes = one.changes()
        server.say("notice", CollabError("document_deleted").as_dict())
        server.end(Dismissed())
        with pytest.raises(CollabError) as ended:
            await within(anext(changes))
        assert ended.value.code == "document_deleted"
        assert (one.status, server.politely, len(dialer.auths)) == (Status.CLOSED, False, 1)


async def test_sent_away_without_a_word_it_comes_back() -> None:
    first = Server()
    one, dialer = session(first, Server())
    async with one:
        first.end(Dismissed())
        await within(_until(lambda: len(dialer.auths) == 2))
        await within(one.reached(Status.LIVE))


async def test_a_server_that_moves_is_given_the_time_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    monkeypatch.setattr(Backoff, "delay", lambda _self, _attempt, after=None: asked.append(after) or 0.0)
    first = Server()
    one, _ = session(first, Server())
    async with one:
        first.say("notice", CollabError("draining", retry_after=7).as_dict())
        first.end(Disconnected("gone"))
        await within(_until(lambda: len(asked) == 1))
        await within(one.reached(Status.LIVE))
    assert asked == [7]


async def test_failures_in_a_row_wait_longer_and_being_live_forgets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []
    monkeypatch.setattr(Backoff, "delay", lambda _self, attempt, _after=None: attempts.append(attempt) or 0.0)
    live = Server()
    one, _ = session(Disconnected("1"), Disconnected("2"), live, Disconnected("3"), Server())
    async with one:
        live.end(Disconnected("cable"))
        await within(_until(lambda: len(attempts) == 4))
        await within(one.reached(Status.LIVE))
    assert attempts == [1, 2, 0, 1]


async def test_who_is_not_answered_in_time_is_told_why() -> None:
    one, _ = session(Disconnected("no route to host", reason="no_route"), open_timeout=0.05)
    with pytest.raises(Unreachable, match="'notes' could not be opened at the test: no route to host") as failed:
        await one.__aenter__()
    assert (one.status, failed.value.reason, failed.value.place) == (Status.CLOSED, "no_route", "the test")


async def test_an_address_where_nobody_is_says_so_at_once_unless_there_is_patience() -> None:
    silence = Disconnected("no answer", reason="timeout")
    one, dialer = session(silence, Server(), patient=False)
    with pytest.raises(Unreachable, match="at the test: no answer"):
        await within(one.__aenter__())
    assert (one.status, len(dialer.auths)) == (Status.CLOSED, 1)
    one, dialer = session(silence, silence, Server())
    async with one:
        assert (one.status, len(dialer.auths)) == (Status.LIVE, 3)


async def test_it_is_opened_and_closed_by_hand_where_no_with_fits() -> None:
    one, _ = session(Server())
    assert await one.open() is one
    assert one.status is Status.LIVE
    await one.close()
    assert one.status is Status.CLOSED


async def test_what_was_reached_once_is_tried_for_as_long_as_it_takes() -> None:
    live = Server()
    one, dialer = session(live, *[Disconnected("no answer", reason="timeout")] * 3, Server(), patient=False)
    async with one:
        live.end(Disconnected("cable"))
        await within(one.reached(Status.OFFLINE))
        await within(one.reached(Status.LIVE))
    assert len(dialer.auths) == 5


async def test_a_server_that_says_when_to_come_back_is_waited_for() -> None:
    one, dialer = session(Disconnected("503", retry_after=0.01, reason="unavailable"), Server(), patient=False)
    async with one:
        assert len(dialer.auths) == 2


async def test_waiting_has_its_bounds() -> None:
    server = Server()
    one, _ = session(server)
    async with one:
        server.accepts = False
        write(one, "x")
        for work in (one.saved(0.01), one.reached(Status.OFFLINE, timeout=0.01), one.until(lambda: False, 0.01)):
            with pytest.raises(TimeoutError):
                await work
        waiting = asyncio.create_task(one.saved())
        await asyncio.sleep(0)
    with pytest.raises(ConnectionError, match="before everything was saved"):
        await within(waiting)
    assert one.unsaved == 1
    with pytest.raises(ConnectionError, match="is closed"):
        await one.saved()


@pytest.mark.parametrize(
    "say",
    [
        lambda server: server.say("session", INFO), lambda server: server.end(Disconnected("x")),
    ],
)  # fmt: skip
async def test_a_server_that_begins_twice_or_goes_is_left(say: Callable[[Server], None]) -> None:
    first = Server()
    one, dialer = session(first, Server())
    async with one:
        say(first)
        await within(_until(lambda: len(dialer.auths) == 2))
        await within(one.reached(Status.LIVE))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("sync-update", "text"), ("sync-update", None), ("session", b"x"), ("presence", 3), ("sync-step-1", {}), ("stream", []),
        ("notice", "x"), ("unheard-of", {}), ("notice", {}), ("presence", {}),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_passed_over(name: str, payload: Any) -> None:
    server = Server()
    one, dialer = session(server)
    async with one:
        server.say(name, payload)
        server.say("sync-update", typed("after")[0])
        await within(one.until(lambda: str(one.doc.get("body", type=Text)) == "after"))
        assert len(dialer.auths) == 1


@pytest.mark.parametrize("answer", [None, {"ok": False, "error": {"code": "internal", "message": "x"}}, "text"])
async def test_a_server_that_cannot_say_what_is_missing_is_left(answer: Any) -> None:
    first = Server()
    first.missing = answer
    one, dialer = session(first, Server())
    async with one:
        assert first.dropped
        assert len(dialer.auths) == 2


async def test_a_new_token_is_sent_when_the_old_one_ends_and_brings_a_new_role() -> None:
    server = Server()
    tokens = iter(["one", "two"])
    one, _ = session(server, token=lambda: next(tokens))
    async with one:
        server.say("notice", {"code": "token_expired", "message": "", "retryable": True, "retry_after": 30})
        await within(_until(lambda: one.role == "viewer"))
        sent = [args[0] for event, args, _ in server.calls if event == "authenticate"]
        assert sent == [{"token": "two"}]


async def test_notices_are_handed_on_from_when_somebody_listens() -> None:
    server = Server()
    one, _ = session(server)
    async with one:
        notices = one.notices()
        server.say("notice", {"code": "lagging", "message": "Slow."})
        assert (await within(anext(notices)))["code"] == "lagging"
    with pytest.raises(StopAsyncIteration):
        await within(anext(notices))


async def test_presence_goes_out_at_display_rate_and_the_newest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRESENCE_INTERVAL", 0.05)
    server = Server()
    one, _ = session(server)
    async with one:
        for number in range(50):
            one.presence.set({"at": number})
            await asyncio.sleep(0)
        await within(_until(lambda: ("presence", ({"at": 49},)) in server.emitted))
        assert len([each for each in server.emitted if each[0] == "presence"]) <= 3


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


async def test_a_fault_in_the_middle_ends_the_session_and_is_told() -> None:
    class Odd(Exception):
        pass

    server, odd = Server(), Odd()
    one, _ = session(server)
    async with one:
        server.end(odd)
        with pytest.raises(Odd):
            await within(one.reached(Status.OFFLINE))
        assert (one.status, one.error) == (Status.CLOSED, odd)
