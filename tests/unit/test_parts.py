"""What is too large for one message goes in parts, a window of them at a time; a refusal that passes is tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.client.options import Backoff
from collab.client.parts import PART_BYTES, WINDOW_BYTES, refusal_in, send_in_parts
from collab.client.unreachable import Disconnected
from collab.errors import CollabError
from tests.support.links import NotedLink

LIMIT = 4 * 2**20
SOON = Backoff(base=0.001, most=0.001)
OK = {"ok": True, "durable": True, "position": 1}


def large(size: int) -> bytes:
    doc: Doc[Text] = Doc()
    doc.get("body", type=Text).insert(0, "x" * size)
    return doc.get_update()


def length(updates: list[bytes]) -> int:
    doc: Doc[Text] = Doc()
    text = doc.get("body", type=Text)
    for update in updates:
        doc.apply_update(update)
    return len(str(text))


class Sending:
    """A transfer under way, over a link whose server is the test."""

    def __init__(self, update: bytes, limit: int = LIMIT) -> None:
        self.link = NotedLink()
        self.durable: list[int] = []
        self.task = asyncio.create_task(send_in_parts(self.link, update, limit, SOON, self.durable.append))

    def waiting(self) -> list[asyncio.Future[Any]]:
        return [future for _, _, future in self.link.calls if not future.done()]

    async def until_it_waits(self) -> None:
        """Until it cannot go on without an answer."""
        async with asyncio.timeout(20):
            before = -1
            while not self.task.done() and (not self.waiting() or len(self.link.calls) != before):
                before = len(self.link.calls)
                await asyncio.sleep(0.02)

    async def finish(self) -> CollabError | None:
        async with asyncio.timeout(20):
            while not self.task.done():
                for future in self.waiting():
                    future.set_result(OK)
                await asyncio.sleep(0.001)
        return await self.task


async def test_all_of_it_arrives_in_bounded_parts() -> None:
    sending = Sending(large(5 * PART_BYTES))
    assert await sending.finish() is None
    parts = sending.link.sent()
    assert length(parts) == 5 * PART_BYTES
    assert max(map(len, parts)) <= PART_BYTES + 100
    assert sum(sending.durable) == sum(map(len, parts))


async def test_a_server_that_takes_less_gets_smaller_ones() -> None:
    sending = Sending(large(100_000), limit=10_000)
    assert await sending.finish() is None
    assert max(map(len, sending.link.sent())) <= 10_000


async def test_no_more_than_a_window_is_on_its_way() -> None:
    sending = Sending(large(2 * WINDOW_BYTES))
    await sending.until_it_waits()
    on_the_way = sum(map(len, sending.link.sent()))
    assert WINDOW_BYTES < on_the_way <= WINDOW_BYTES + 2 * PART_BYTES
    assert await sending.finish() is None


async def test_after_a_refusal_that_passes_everything_from_there_on_goes_again() -> None:
    sending = Sending(large(3 * PART_BYTES))
    await sending.until_it_waits()
    first = sending.waiting()[0]
    first.set_result({"ok": False, "error": {"code": "rate_limited", "message": "", "retryable": True}})
    assert await sending.finish() is None
    assert length(sending.link.sent()) == 3 * PART_BYTES


async def test_a_refusal_for_good_ends_it_and_is_told() -> None:
    sending = Sending(large(3 * PART_BYTES))
    await sending.until_it_waits()
    sending.waiting()[0].set_result({"ok": False, "error": {"code": "document_too_large", "message": ""}})
    error = await sending.finish()
    assert error is not None
    assert error.code == "document_too_large"


async def test_a_connection_that_ends_ends_it() -> None:
    sending = Sending(large(3 * PART_BYTES))
    await sending.until_it_waits()
    for future in sending.waiting():
        future.set_exception(Disconnected("gone"))
    with pytest.raises(Disconnected):
        await sending.task


@pytest.mark.parametrize("answer", [None, "ok", {}, {"ok": False}, {"ok": False, "error": {"code": "no_such"}}])
def test_what_is_no_ack_is_a_refusal(answer: Any) -> None:
    error = refusal_in(answer)
    assert error is not None
    assert error.code == "internal"
    assert refusal_in(OK) is None
