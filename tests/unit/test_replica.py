"""What others did comes in whole or is asked for; what is done here goes out, and nothing that came in does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.client.options import Backoff
from collab.client.outbox import Outbox
from collab.client.refusals import Refusals
from collab.client.replica import Change, Replica, remote_only
from collab.client.sender import Sender
from collab.client.signals import Changes
from collab.errors import CollabError
from tests.support.links import NotedLink


class Desk:
    """A document with its replica; ``other`` is somebody else's copy."""

    def __init__(self, brought: str = "") -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.outbox = Outbox()
        changes = Changes()
        sender = Sender("notes", self.outbox, changes, Backoff(), self.run, Refusals(lambda _deletion: None))
        self.doc: Doc[Text] = Doc()
        self.text = self.doc.get("body", type=Text)
        self.text.insert(0, brought)
        self.replica = Replica("notes", self.doc, sender, changes, self.run)
        self.replica.open()
        self.link = NotedLink()
        self.other: Doc[Text] = Doc()
        self.there = self.other.get("body", type=Text)

    def run(self, errand: Awaitable[None]) -> None:
        self.tasks.append(asyncio.ensure_future(errand))

    def elsewhere(self, letters: str) -> bytes:
        before = self.other.get_state()
        self.there.insert(len(self.there), letters)
        return self.other.get_update(before)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_what_is_edited_here_goes_out(desk: Desk) -> None:
    desk.text.insert(0, "a")
    assert desk.outbox.unsaved == 1


async def test_what_came_in_does_not_go_out_again(desk: Desk) -> None:
    desk.replica.take_in(desk.link, desk.elsewhere("a"))
    assert (str(desk.text), desk.outbox.made) == ("a", 0)


async def test_a_transaction_that_changes_nothing_is_no_edit(desk: Desk) -> None:
    with desk.doc.transaction():
        pass
    assert desk.outbox.made == 0


async def test_what_the_document_brings_along_is_to_be_saved() -> None:
    assert Desk("brought").outbox.unsaved == 1
    assert Desk().outbox.unsaved == 0


async def test_after_the_end_edits_are_nobody_s_concern(desk: Desk) -> None:
    desk.replica.close()
    desk.replica.close()
    desk.text.insert(0, "a")
    assert desk.outbox.made == 0


async def test_a_gap_is_asked_for_once_and_closed(desk: Desk) -> None:
    lost, *late = [desk.elsewhere(letter) for letter in "abc"]
    for update in late:
        desk.replica.take_in(desk.link, update)
    await asyncio.sleep(0)
    assert desk.link.sent("sync-step-1") == [desk.doc.get_state()], "one question for both"
    assert lost
    await desk.link.reply(desk.other.get_update(desk.doc.get_state()))
    await asyncio.gather(*desk.tasks)
    assert str(desk.text) == "abc"
    assert desk.replica.given_up is None


async def test_a_server_that_answers_with_something_else_is_left(desk: Desk) -> None:
    desk.elsewhere("a")
    desk.replica.take_in(desk.link, desk.elsewhere("b"))
    await asyncio.sleep(0)
    await desk.link.reply({"ok": False})
    await asyncio.gather(*desk.tasks)
    assert desk.link.dropped


async def test_a_document_that_cannot_be_brought_up_to_date_is_given_up(desk: Desk) -> None:
    await desk.replica.follow(desk.link, b"\xff\xff\xff")
    assert isinstance(desk.replica.given_up, CollabError)
    assert desk.link.dropped


async def test_listeners_hear_all_changes_and_whose_they_are(desk: Desk) -> None:
    heard = desk.replica.heard.listen()
    desk.text.insert(0, "a")
    desk.replica.take_in(desk.link, desk.elsewhere("b"))
    desk.replica.heard.end()
    assert [change.remote async for change in heard] == [False, True]


async def test_listeners_may_leave_out_their_own(desk: Desk) -> None:
    heard = remote_only(desk.replica.heard.listen())
    desk.text.insert(0, "a")
    update = desk.elsewhere("b")
    desk.replica.take_in(desk.link, update)
    desk.replica.heard.end()
    changes = [change async for change in heard]
    assert [change.remote for change in changes] == [True]
    assert isinstance(changes[0], Change)


async def test_an_observer_that_fails_does_not_keep_an_update_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event: Any) -> None:
        raise RuntimeError("not today")

    desk.text.observe(fail)
    desk.replica.take_in(desk.link, desk.elsewhere("a"))
    assert str(desk.text) == "a"
    assert "an observer of 'notes' failed" in caplog.text
