"""Throw-away copies: they hold what the document holds, and whatever is damaged in one has a code."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text, XmlElement, XmlFragment, XmlText

from collab.content.copies import load_copy, panics_contained
from collab.content.editing import edit
from collab.content.reading import read
from collab.errors import CollabError
from collab.protocol.codec import write_var_bytes
from tests.support.scripted_edits import SAMPLE, items, named


class Panic(BaseException):
    """As pycrdt's, which is no Exception."""


@pytest.mark.parametrize("raised", [Panic("at some place of Rust"), ValueError("x"), RuntimeError("x")])
def test_what_the_library_raises_has_a_code_and_these_words(raised: BaseException) -> None:
    with pytest.raises(CollabError, match="Some words") as caught, panics_contained("Some words."):
        raise raised
    assert caught.value.code == "invalid_update"
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [CollabError("not_found"), KeyboardInterrupt(), SystemExit(3)])
def test_what_has_a_meaning_of_its_own_passes(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as caught, panics_contained("Some words."):
        raise raised
    assert caught.value is raised


def test_a_copy_has_the_content_the_kinds_and_the_client_id() -> None:
    doc, kinds = load_copy(SAMPLE, 77)
    assert kinds == {"t": "text", "m": "map", "a": "array", "x": "xml"}
    assert doc.client_id == 77
    text = doc.get("t", type=Text)
    text += "!"
    assert str(text) == "a😀b!"
    assert read(SAMPLE, "/t") == "a😀b", "only the copy was edited"


def test_hooks_are_elements_in_it() -> None:
    """The CRDT library reads over their names, and then takes what follows for something else."""
    hook = items(5, named(7, "x", b"\x05" + write_var_bytes(b"widget")))
    doc, kinds = load_copy(hook)
    assert kinds == {"x": "xml"}
    (child,) = doc.get("x", type=XmlFragment).children
    assert isinstance(child, XmlElement) and child.tag == "widget"


def test_a_copy_of_many_clients_is_whole() -> None:
    whole: Doc[Any] = Doc()
    for client in (3, 1, 2):
        one: Doc[Any] = Doc(client_id=client)
        one.get("x", type=XmlFragment).children.append(XmlElement("p", {}, [XmlText(str(client))]))
        whole.apply_update(one.get_update())
    doc, _ = load_copy(whole.get_update())
    assert doc.get_state() == whole.get_state()


@pytest.mark.parametrize("state", [b"", b"\0", b"\xff" * 20, b"\1\1\1", SAMPLE[:-3], SAMPLE[:40]])
def test_damaged_states_have_a_code(state: bytes) -> None:
    for call in (lambda: load_copy(state), lambda: read(state), lambda: edit(state, [])):
        with pytest.raises(CollabError) as raised:
            call()
        assert raised.value.code == "invalid_update"
