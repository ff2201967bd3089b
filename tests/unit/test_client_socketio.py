"""Socket.IO from the client's side, over a transport that the test holds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from collab.client.engineio import Message
from collab.client.socketio import Dismissed, Event, Namespace, error_from
from collab.client.unreachable import Disconnected
from collab.errors import CODES, CollabError

NAME = "/doc/a,b"


class Wire:
    """What a transport is to a namespace; the test is the server."""

    name = "websocket"

    def __init__(self, *incoming: Message) -> None:
        self.incoming = deque(incoming)
        self.sent: list[Message] = []
        self.closed = 0

    def send(self, *messages: Message) -> None:
        self.sent += messages

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        if not self.incoming:
            raise Disconnected("it ended")
        return self.incoming.popleft()

    async def close(self) -> None:
        self.closed += 1


def namespace(*incoming: Message) -> tuple[Namespace, Wire]:
    wire = Wire(*incoming)
    return Namespace(wire, "/doc/a"), wire  # type: ignore[arg-type]


async def test_it_joins_with_what_it_shows() -> None:
    joining, wire = namespace('0/doc/a,{"sid":"x"}')
    await joining.connect({"token": "é"})
    assert wire.sent == ['0/doc/a,{"token":"é"}']
    assert joining.kind == "websocket"


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ('4/doc/a,{"message":"x","data":{"code":"forbidden","message":"No.","retryable":false}}', "forbidden", "No."),
        ('4/doc/a,{"message":"x","data":{"code":"rate_limited","retry_after":2}}', "rate_limited", None),
        ('4/doc/a,{"message":"Invalid namespace"}', "invalid_document", "Invalid namespace"),
        ('4/doc/a,"x"', "invalid_document", "The server refused the document."),
        ('4/doc/a,{"message":"x","data":{"code":"of_tomorrow","message":"New."}}', "internal", "New."),
    ],
)  # fmt: skip
async def test_a_refusal_is_the_error_that_the_server_described(answer: str, code: str, words: str | None) -> None:
    with pytest.raises(CollabError) as refused:
        await namespace(answer)[0].connect({})
    assert refused.value.code == code
    assert refused.value.message == (words or CODES[code].message)


@pytest.mark.parametrize("answer", [b"\0", '2/doc/a,["x"]', "nonsense", "1/doc/a,"])
async def test_what_speaks_otherwise_is_no_server_of_ours(answer: Message) -> None:
    with pytest.raises(Disconnected):
        await namespace(answer)[0].connect({})


async def test_events_come_with_their_attachments_and_the_wish_for_an_answer() -> None:
    placeholder = '{"_placeholder":true,"num":0}'
    receiving, _ = namespace(
        '2/doc/a,["notice",{"code":"x"}]', '0/doc/a,{"sid":"again"}', f'51-/doc/a,7["sync-step-1",{placeholder}]', b"vector",
        '2/doc/a,["last"]',
    )  # fmt: skip
    assert await receiving.receive() == Event("notice", [{"code": "x"}], None)
    assert await receiving.receive() == Event("sync-step-1", [b"vector"], 7)
    assert await receiving.receive() == Event("last", [], None)
    with pytest.raises(Disconnected, match="it ended"):
        await receiving.receive()


@pytest.mark.parametrize(
    "incoming",
    [
        (b"alone",), ('51-/doc/a,["x",{"_placeholder":true,"num":0}]', '2/doc/a,["y"]'), ("2/doc/a,{",), ("2/doc/a,[]",), ("9",), ("",),
        ('51-/doc/a,["x"]', b"nobody asked"),
    ],
)  # fmt: skip
async def test_broken_protocol_ends_the_connection(incoming: tuple[Message, ...]) -> None:
    with pytest.raises(Disconnected):
        await namespace(*incoming)[0].receive()


async def test_a_session_that_the_server_ended_is_not_a_connection_that_broke() -> None:
    with pytest.raises(Dismissed):
        await namespace("1/doc/a,")[0].receive()


async def test_answers_find_their_calls_whatever_their_order() -> None:
    calling, wire = namespace(
        '3/doc/a,2[{"ok":true}]', '61-/doc/a,1[{"_placeholder":true,"num":0}]', b"m", "3/doc/a,9[1]", "3/doc/a,3[]"
    )
    first, second, third = calling.call("one", b"v"), calling.call("two", 5), calling.call("three")
    assert wire.sent == [
        '51-/doc/a,1["one",{"_placeholder":true,"num":0}]', b"v", '2/doc/a,2["two",5]', '2/doc/a,3["three"]',
    ]  # fmt: skip
    third.cancel()
    with pytest.raises(Disconnected):
        await calling.receive()
    assert (first.result(), second.result()) == (b"m", {"ok": True})


async def test_what_is_said_without_an_answer_and_as_one() -> None:
    saying, wire = namespace()
    saying.emit("x", 1, b"a", {"k": None}, b"b")
    saying.answer(4, b"update")
    saying.answer(5)
    assert wire.sent == [
        '52-/doc/a,["x",1,{"_placeholder":true,"num":0},{"k":null},{"_placeholder":true,"num":1}]', b"a", b"b",
        '61-/doc/a,4[{"_placeholder":true,"num":0}]', b"update", "3/doc/a,5[]",
    ]  # fmt: skip


class Http:
    closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("politely", [True, False])
async def test_the_end_is_told_to_whoever_waits(politely: bool) -> None:
    wire, http = Wire(), Http()
    closing = Namespace(wire, "/doc/a", own_http=http)  # type: ignore[arg-type]
    waiting, done = closing.call("one"), closing.call("two")
    done.set_result(1)
    await closing.close(politely=politely)
    assert ("1/doc/a," in wire.sent) is politely
    assert (wire.closed, http.closed, done.result()) == (1, 1, 1)
    with pytest.raises(Disconnected, match="before the answer"):
        await waiting


async def test_a_connection_that_is_dropped_says_nothing() -> None:
    dropping, wire = namespace()
    await dropping.drop()
    assert (wire.sent, wire.closed) == ([], 1)


@pytest.mark.parametrize("code", CODES)
def test_every_error_comes_back_as_it_was(code: str) -> None:
    error = CollabError(code, "Words.", retry_after=2.5, detail={"limit": 3})
    again = error_from(error.as_dict())
    assert (type(again), again.as_dict()) == (type(error), error.as_dict())


@pytest.mark.parametrize("data", [{}, {"code": 5}, {"code": "x", "message": 7, "retry_after": "soon"}])
def test_an_error_of_a_stranger_is_internal(data: dict[str, Any]) -> None:
    error = error_from(data)
    assert (error.code, error.retry_after) == ("internal", None)
    assert error.detail["code_on_the_wire"] == data.get("code")


def test_what_the_server_says_of_trying_again_counts() -> None:
    assert error_from(CollabError("unauthorized", retryable=True).as_dict()).retryable
    assert not error_from(CollabError("unauthorized").as_dict()).retryable
    assert error_from({"code": "draining", "retryable": "no"}).retryable
    assert error_from({"code": "of tomorrow", "retryable": False}).retryable, "which is internal to this client"
