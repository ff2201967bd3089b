"""The client's streams: what is published once is there once, and whoever iterates misses nothing and has nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from collab.client import following as module
from collab.client.following import Following, StreamEvents
from collab.client.options import Backoff
from collab.client.unreachable import Disconnected
from collab.errors import CollabError

QUICK = Backoff(base=0.001, most=0.01)


class Server:
    """A stream, and the link to it, which may be cut at any call: before it is carried out, or after."""

    kind = "test"

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.keys: dict[str, int] = {}
        self.calls: list[tuple[str, Any]] = []
        self.cut: Callable[[str, Any], str | None] = lambda _event, _payload: None
        self.refusals: list[CollabError] = []

    def say(self, data: Any) -> dict[str, Any]:
        event = {
            "stream": "chat", "offset": len(self.events) + 1, "event": "message", "data": data,
            "from": {"participant": None, "name": "Ann", "agent": False}, "at": "",
        }  # fmt: skip
        self.events.append(event)
        return event

    def emit(self, event: str, *args: Any) -> None:
        self.calls.append((event, args[0]))

    def call(self, event: str, *args: Any) -> asyncio.Future[Any]:
        payload = args[0]
        self.calls.append((event, payload))
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        when = self.cut(event, payload)
        if self.refusals:
            answer.set_result({"ok": False, "error": self.refusals.pop(0).as_dict()})
        elif when == "before":
            answer.set_exception(Disconnected("cut"))
        else:
            done = getattr(self, event)(payload)
            if when == "after":
                answer.set_exception(Disconnected("cut"))
            else:
                answer.set_result({"ok": True, **done})
        return answer

    def publish(self, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["key"] not in self.keys:
            self.keys[payload["key"]] = self.say(payload["data"])["offset"]
        return {"durable": True, "offset": self.keys[payload["key"]]}

    def subscribe(self, payload: dict[str, Any]) -> dict[str, Any]:
        after = payload.get("after", max(0, len(self.events) - 100))
        return {"events": self.events[after:], "offset": len(self.events)}


class Session:
    """What a session does for its streams."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.following = Following(self.run, QUICK)
        self.server = Server()

    def run(self, errand: Awaitable[None]) -> None:
        async def run() -> None:
            with contextlib.suppress(Disconnected):
                await errand

        self.tasks.add(asyncio.create_task(run()))

    def connect(self) -> None:
        self.following.begin(self.server)  # type: ignore[arg-type]

    def hear(self, data: Any) -> None:
        """Somebody else published, and we are told."""
        self.following.hear(self.server.say(data))


@pytest.fixture
async def session() -> Session:
    return Session()


async def read(events: StreamEvents, count: int) -> list[int]:
    async with asyncio.timeout(10):
        return [(await anext(events)).offset for _ in range(count)]


async def test_published_once_however_often_it_is_cut(session: Session) -> None:
    cuts = iter(["before", "after", "after", None])

    def cut(_event: str, _payload: Any) -> str | None:
        what = next(cuts)
        if what is not None:
            asyncio.get_running_loop().call_soon(session.following.part)
            asyncio.get_running_loop().call_later(0.005, session.connect)
        return what

    session.server.cut = cut
    publishing = asyncio.create_task(session.following.stream("chat").publish({"text": "hi"}, "says"))
    await asyncio.sleep(0)
    assert session.server.calls == [], "not before there is a connection"
    session.connect()
    assert await publishing == 1
    assert len(session.server.events) == 1
    assert len(session.server.calls) == 4
    assert len({payload["key"] for _, payload in session.server.calls}) == 1


async def test_what_passes_is_tried_again_and_what_does_not_is_raised(session: Session) -> None:
    session.connect()
    stream = session.following.stream("chat")
    session.server.refusals = [CollabError("storage_unavailable"), CollabError("rate_limited", retry_after=0.001)]
    assert await stream.publish(1) == 1
    session.server.refusals = [CollabError("read_only")]
    with pytest.raises(CollabError, match="read_only"):
        await stream.publish(1)
    session.following.part()
    with pytest.raises(TimeoutError):
        await stream.publish(1, timeout=0.01)
    session.following.end(None)
    with pytest.raises(ConnectionError):
        await stream.publish(1)
    with pytest.raises(ConnectionError):
        stream.events()


@pytest.mark.parametrize("name", ["", "Chat", "a/b"])
async def test_a_name_that_no_stream_has(session: Session, name: str) -> None:
    with pytest.raises(CollabError, match="invalid_payload"):
        session.following.stream(name)


async def test_it_goes_on_where_it_was_over_connections(session: Session) -> None:
    for number in range(3):
        session.server.say(number)
    events = session.following.stream("chat").events(after=1)
    session.connect()
    assert await read(events, 2) == [2, 3]
    session.hear(4)
    session.following.part()
    session.server.say(5)
    session.connect()
    assert await read(events, 2) == [4, 5]
    assert [payload for event, payload in session.server.calls if event == "subscribe"] == [
        {"stream": "chat", "after": 1}, {"stream": "chat", "after": 4},
    ]  # fmt: skip


async def test_several_begin_where_they_like(session: Session) -> None:
    for number in range(150):
        session.server.say(number)
    session.connect()
    stream = session.following.stream("chat")
    newest, everything = aiter(stream), stream.events(0)
    assert await read(newest, 100) == list(range(51, 151))
    assert await read(everything, 150) == list(range(1, 151))
    session.hear("more")
    assert await read(newest, 1) == await read(everything, 1) == [151]


async def test_what_comes_before_the_answer_waits_for_it(session: Session) -> None:
    session.connect()
    for number in range(3):
        session.server.say(number)
    events = session.following.stream("chat").events(0)
    await asyncio.sleep(0)
    session.hear("just now")  # the answer is here, but nobody has looked at it yet
    assert await read(events, 4) == [1, 2, 3, 4]


async def test_who_iterates_slowly_is_sent_the_rest_later(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG", 5)
    session.connect()
    events = session.following.stream("chat").events(0)
    await asyncio.gather(*session.tasks)
    for number in range(40):
        session.hear(number)
    assert len(events._waiting) == 5
    assert await read(events, 40) == list(range(1, 41))


async def test_the_iteration_ends_with_the_session_and_its_error(session: Session) -> None:
    session.connect()
    stream = session.following.stream("chat")
    session.server.refusals = [CollabError("forbidden")]
    with pytest.raises(CollabError, match="forbidden"):
        await anext(stream.events())
    events, closed = stream.events(0), stream.events(0)
    closed.close()
    assert [each async for each in closed] == []
    session.server.say(1)
    session.connect()
    await read(events, 1)
    events.close()
    assert session.server.calls[-1] == ("unsubscribe", {"stream": "chat"})
    last = stream.events(0)
    await asyncio.gather(*session.tasks)
    session.following.end(CollabError("document_deleted"))
    assert await read(last, 1) == [1]
    with pytest.raises(CollabError, match="document_deleted"):
        await anext(last)


async def test_what_cannot_be_read_is_left_out(session: Session) -> None:
    session.following.stream("chat")
    for payload in (
        {},
        {"stream": "chat"},
        {"stream": "chat", "offset": "x", "event": "", "data": 1, "from": {}, "at": ""},
    ):
        session.following.hear(payload)
