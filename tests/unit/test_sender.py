"""What is edited goes out merged, at a bounded rate, again after an interruption, and not after a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.client.options import Backoff
from collab.client.outbox import Outbox
from collab.client.parts import PART_BYTES
from collab.client.refusals import Refusals
from collab.client.sender import MAX_RESYNCS, Sender
from collab.client.signals import Changes
from collab.protocol.codec import EMPTY_UPDATE
from tests.support.links import NotedLink

LIMIT = 4 * 2**20


class Desk:
    """A writer whose edits go to a sender."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.outbox = Outbox()
        self.doc: Doc[Text] = Doc()
        self.text = self.doc.get("body", type=Text)
        self.refusals = Refusals(self.doc.apply_update)
        self.sender = Sender(
            "notes", self.outbox, Changes(), Backoff(base=0.001, most=0.001), self.run, self.refusals
        )  # fmt: skip

    def run(self, errand: Awaitable[None]) -> None:
        self.tasks.append(asyncio.ensure_future(errand))

    def type(self, letters: str) -> None:
        before = self.doc.get_state()
        self.text.insert(len(self.text), letters)
        self.sender.add(self.doc.get_update(before))

    def connect(self, missing: bytes = EMPTY_UPDATE) -> NotedLink:
        link = NotedLink()
        self.sender.begin(link, LIMIT)
        self.sender.supply(link, missing)
        return link


@pytest.fixture
async def desk() -> Desk:
    return Desk()


def text_of(updates: list[bytes]) -> str:
    doc: Doc[Text] = Doc()
    text = doc.get("body", type=Text)
    for update in updates:
        doc.apply_update(update)
    return str(text)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_edits_of_one_moment_are_one_update(desk: Desk) -> None:
    link = desk.connect()
    for letter in "abc":
        desk.type(letter)
    await until(link.sent)
    assert len(link.sent()) == 1
    assert text_of(link.sent()) == "abc"
    await link.accept()
    assert desk.outbox.unsaved == 0


async def test_nothing_is_sent_before_the_server_has_what_it_lacks(desk: Desk) -> None:
    link = NotedLink()
    desk.sender.begin(link, LIMIT)
    desk.type("a")
    await asyncio.sleep(0.05)
    assert link.calls == []
    desk.sender.supply(link, desk.doc.get_update())
    assert text_of(link.sent()) == "a"
    await link.accept()
    assert desk.outbox.unsaved == 0


async def test_what_was_not_confirmed_goes_out_again_with_the_next_connection(desk: Desk) -> None:
    link = desk.connect()
    desk.type("a")
    await until(link.sent)
    desk.sender.part()
    desk.type("b")
    assert desk.outbox.unsaved == 2
    later = desk.connect()
    assert text_of(later.sent()) == "ab"
    await link.accept()
    assert desk.outbox.unsaved == 2, "an answer of the connection that ended counts for nothing"
    await later.accept()
    assert desk.outbox.unsaved == 0


async def test_after_a_refusal_that_passes_it_is_tried_again(desk: Desk) -> None:
    link = desk.connect()
    desk.type("a")
    await until(link.sent)
    await link.refuse("storage_unavailable", retryable=True)
    assert desk.sender.held
    desk.type("b")
    await until(lambda: len(link.sent()) == 2)
    assert text_of(link.sent()[1:]) == "ab"
    assert not desk.sender.held


async def test_a_server_that_can_save_again_is_not_waited_for(desk: Desk) -> None:
    link = desk.connect()
    desk.type("a")
    await until(link.sent)
    await link.refuse("storage_unavailable", retryable=True, retry_after=60)
    desk.sender.resume()
    assert len(link.sent()) == 2
    for task in desk.tasks:
        task.cancel()


async def test_after_a_refusal_for_good_nothing_more_is_sent_until_it_may_be(desk: Desk) -> None:
    link = desk.connect()
    desk.type("a")
    await until(link.sent)
    await link.refuse("read_only", retryable=False)
    assert desk.sender.blocked is not None
    assert desk.sender.blocked.code == "read_only"
    desk.type("b")
    await asyncio.sleep(0.05)
    assert len(link.sent()) == 1
    desk.sender.unblock()
    assert text_of(link.sent()[1:]) == "ab"


async def test_an_edit_that_is_refused_for_good_is_given_up_and_what_follows_goes_on(desk: Desk) -> None:
    """D11."""
    link = desk.connect()
    for letters in ("a", "too much", "b"):
        desk.type(letters)
        await until(lambda: any(not future.done() for _, _, future in link.calls))
        if letters == "too much":
            await link.refuse("update_too_large", retryable=False)
            await until(lambda: any(not future.done() for _, _, future in link.calls))
        await link.accept()
    taken = [args[0] for _, args, future in link.calls if future.result()["ok"]]
    assert text_of(taken) == str(desk.text) == "ab"
    assert [(edit.text, edit.error.code) for edit in desk.refusals.edits] == [("too much", "update_too_large")]
    assert (desk.sender.blocked, desk.outbox.unsaved) == (None, 0)


async def test_who_is_told_that_something_is_missing_waits_to_be_asked(desk: Desk) -> None:
    link = desk.connect()
    for time in range(MAX_RESYNCS + 1):
        desk.type("a")
        await until(lambda: any(not future.done() for _, _, future in link.calls))
        await link.refuse("missing_dependencies", retryable=True)
        assert not desk.sender.supplied
        await asyncio.gather(*desk.tasks)
        assert link.dropped == (time == MAX_RESYNCS), "the connection is made anew, not asked for ever"
        if not link.dropped:
            desk.sender.supply(link, desk.doc.get_update())
    assert text_of(link.sent()[-1:]) == "a" * MAX_RESYNCS


async def test_what_is_large_goes_in_parts_and_says_how_far_it_is(desk: Desk) -> None:
    link = desk.connect()
    desk.type("x" * (3 * PART_BYTES))
    await until(link.sent)
    assert desk.sender.progress is not None
    desk.type("y")
    while desk.tasks[0].done() is False:
        await until(lambda: desk.tasks[0].done() or any(not future.done() for _, _, future in link.calls))
        if not desk.tasks[0].done():
            await link.accept()
    assert len(link.sent()) > 3
    assert max(map(len, link.sent())) <= PART_BYTES + 1000
    await until(lambda: text_of(link.sent()).endswith("y"))
    await link.accept()
    assert (desk.sender.progress, desk.outbox.unsaved) == (None, 0)
