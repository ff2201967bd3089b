"""Edits that are refused for good are given up and told, and everything else goes on."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest
from pycrdt import Doc, Map, Text

from collab.client.outbox import Batch
from collab.client.refusals import SHUT, Refusals
from collab.errors import CODES, CollabError

ERROR = CollabError("document_full")


class Writer:
    """A replica whose edits may be refused, and the server's copy of the document."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=7)
        self.server: Doc[Any] = Doc()
        self.refusals = Refusals(self.doc.apply_update)
        self._state = self.doc.get_state()

    def made(self) -> Batch:
        """What was edited since, on its way to the server."""
        update = self.doc.get_update(self._state)
        self._state = self.doc.get_state()
        return Batch(1, 1, update)

    def type(self, words: str) -> Batch:
        body = self.doc.get("body", type=Text)
        body += words
        return self.made()

    def taken(self, update: bytes) -> str:
        """What the server's document says with ``update``."""
        self.server.apply_update(update)
        return str(self.server.get("body", type=Text))

    @property
    def text(self) -> str:
        return str(self.doc.get("body", type=Text))


def test_what_was_refused_is_gone_and_told_and_what_came_later_is_taken() -> None:
    writer = Writer()
    assert writer.taken(writer.type("kept ").update) == "kept "
    refused, later = writer.type("too much "), writer.type("later")
    update = refused.update
    assert writer.refusals.give_up(refused, ERROR)
    assert writer.text == "kept later"
    (edit,) = writer.refusals.edits
    assert (edit.error, edit.text, edit.update) == (ERROR, "too much ", update)
    assert writer.taken(refused.update) == "kept "
    assert writer.taken(later.update) == "kept later", "nothing waits at a gap"
    assert writer.server.get_state() == writer.doc.get_state()


def test_a_second_refusal_gets_even_less_and_a_third_is_the_end() -> None:
    writer = Writer()
    writer.doc.get("map", type=Map)["k"] = Map({"a": Text("inside")})
    batch = writer.made()
    whole = batch.update
    assert writer.refusals.give_up(batch, ERROR)
    emptied = batch.update
    assert writer.refusals.give_up(batch, ERROR)
    assert b"map" in emptied
    assert b"map" not in batch.update, "it does not even say where it stood"
    assert pycrdt.get_state(batch.update) == pycrdt.get_state(emptied) == pycrdt.get_state(whole)
    assert not writer.refusals.give_up(batch, ERROR)
    assert [edit.text for edit in writer.refusals.edits] == ["inside"], "it is told once"


def test_later_updates_are_sent_without_what_was_given_up() -> None:
    writer = Writer()
    whole = writer.type("kept ").update
    assert writer.refusals.without(whole) is whole, "nothing was"
    refused = writer.type("too much")
    writer.refusals.give_up(refused, ERROR)
    again: Doc[Any] = Doc()
    again.apply_update(writer.refusals.without(pycrdt.merge_updates(whole, writer.refusals.edits[0].update)))
    assert str(again.get("body", type=Text)) == "kept "


def test_an_error_is_told_once() -> None:
    writer = Writer()
    assert writer.refusals.tell() is None
    writer.refusals.give_up(writer.type("a"), ERROR)
    newer = CollabError("update_too_large")
    writer.refusals.give_up(writer.type("b"), newer)
    assert writer.refusals.tell() is newer
    assert writer.refusals.tell() is None
    assert len(writer.refusals.edits) == 2


def test_an_edit_that_only_deletes_has_no_text() -> None:
    writer = Writer()
    writer.taken(writer.type("kept").update)
    del writer.doc.get("body", type=Text)[0:1]
    batch = Batch(1, 1, b"\0\x01\x07\x01\x00\x01")
    assert writer.refusals.give_up(batch, ERROR)
    assert writer.refusals.edits[0].text == ""
    assert pycrdt.get_state(batch.update) == b"\0"


@pytest.mark.parametrize("code", sorted(SHUT))
def test_what_says_that_nothing_is_taken_now_is_about_the_person_or_the_document(code: str) -> None:
    assert CODES[code].family == "Refused"
    assert not CODES[code].retryable
