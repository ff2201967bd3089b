"""What ``collab docs watch`` says of a document's events, to people and to programs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from collab.commands.answers import ApiError
from collab.commands.api_client import StreamEvent
from collab.commands.watch import Narrator


class Author:
    """Edits a document, and makes events of it."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=1)
        self.narrator = Narrator()
        self.hear()

    def hear(self) -> list[str]:
        """What is said of what was done since."""
        return said(self.narrator, self.event())

    def event(self) -> StreamEvent:
        state = getattr(self, "_state", b"\0")
        self._state = self.doc.get_state()
        return StreamEvent("update", base64.b64encode(self.doc.get_update(state)).decode(), "1")


def said(narrator: Narrator, event: StreamEvent) -> list[str]:
    """Without the time of the day, which is in front of each line."""
    lines = [line.plain for line in narrator.lines(event)]
    assert all(line[2] == line[5] == ":" for line in lines)
    return [line[9:] for line in lines]


def other(name: str, value: Any) -> StreamEvent:
    return StreamEvent(name, json.dumps(value), "1")


def test_the_first_update_is_the_document() -> None:
    narrator, author = Narrator(), Author()
    assert said(narrator, author.event()) == ["opened an empty document"]
    narrator, author = Narrator(), Author()
    author.doc["body"] = Text("hello")
    author.doc["map"] = Map({"a": 1, "b": 2})
    author._state = b"\0"
    assert said(narrator, author.event()) == ["opened body (5 characters), map (2 entries)"]


def test_edits_are_told_by_what_they_change() -> None:
    author = Author()
    body = author.doc.get("body", type=Text)
    body += "hello"
    assert author.hear() == ['body at 0: +5 "hello"']
    body.insert(2, "y\n")
    assert author.hear() == ['body at 2: +2 "y⏎"']
    del body[0:2]
    assert author.hear() == ['body at 0: −2 "he"']
    author.doc.get("map", type=Map).update({"k": 1, "l": 2})
    assert sorted(author.hear()[0].removeprefix("map: ").split(", ")) == ["k", "l"]
    del author.doc.get("map", type=Map)["k"]
    assert author.hear() == ["map: k"]
    author.doc.get("list", type=Array).append(1)
    assert author.hear() == ["list changed"]


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
@example("ab", "abab")
@example("aa", "a")
def test_a_change_of_a_text_leads_from_one_to_the_other(old: str, new: str) -> None:
    author = Author()
    body = author.doc.get("body", type=Text)
    body += old + "|"
    author.hear()
    body.clear()
    body += new + "|"
    changes = author.narrator.as_json(author.event())["changes"]
    if old == new:
        assert changes == []
        return
    ((change),) = changes
    at, removed, inserted = change["index"], change["removed"], change["inserted"]
    before, after = old + "|", new + "|"
    assert before[:at] + inserted + before[at + len(removed) :] == after
    assert before[at : at + len(removed)] == removed
    assert not (removed and inserted) or (removed[0] != inserted[0] and removed[-1] != inserted[-1])


def test_what_others_write_steers_no_terminal_and_fits_a_line() -> None:
    author = Author()
    body = author.doc.get("body", type=Text)
    body += "\x1b[2J" + "x" * 1000
    (line,) = author.hear()
    assert "\x1b" not in line
    assert len(line) < 100
    assert "+1004" in line, "how much it was"


def test_who_comes_and_goes() -> None:
    narrator = Narrator()
    ann = {"session": "1", "user": {"name": "Ann\x1b[2J"}}
    bob = {"session": "2", "user": {"name": "Bob"}}
    (one, two) = said(narrator, other("presence", {"joined": [ann, bob], "updated": [], "left": []}))
    assert one.startswith("Ann") and one.endswith(" is here") and "\x1b" not in one
    assert two == "Bob is here"
    assert said(narrator, other("presence", {"joined": [], "updated": [ann], "left": []})) == []
    renamed = {"session": "2", "user": {"name": ""}}
    assert said(narrator, other("presence", {"joined": [], "updated": [], "left": [renamed]})) == ["Bob left"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (other("notice", {"code": "draining", "message": "The server\nis moving."}), "The server"),
        (other("broadcast", {"event": "wave", "data": 1}), "wave"),
        (other("broadcast", [1]), "broadcast"),
        (other("unheard-of", {}), "unheard-of"),
    ],
)
def test_other_events_are_a_line_each(event: StreamEvent, words: str) -> None:
    (line,) = said(Narrator(), event)
    assert line.startswith(words)
    assert "\n" not in line


@pytest.mark.parametrize(
    "event", [other("presence", {"joined": [{}]}), other("notice", "x"), StreamEvent("update", "!", "1")]
)
def test_what_makes_no_sense_is_an_error_of_the_server(event: StreamEvent) -> None:
    with pytest.raises(ApiError):
        list(Narrator().lines(event))


def test_programs_get_everything() -> None:
    author = Author()
    author.doc["body"] = Text("hello")
    event = author.event()
    assert author.narrator.as_json(event) == {
        "event": "update", "update": event.data,
        "changes": [{"root": "body", "index": 0, "removed": "", "inserted": "hello"}],
    }  # fmt: skip
    assert author.narrator.as_json(other("notice", {"code": "x"})) == {"event": "notice", "code": "x"}
    assert author.narrator.as_json(other("odd", [1])) == {"event": "odd"}


def test_a_large_document_is_not_read_after_every_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.commands.watch._MOST", 10)
    author = Author()
    author.doc["body"] = Text("a long text")
    assert author.narrator.as_json(author.event())["changes"] == []
