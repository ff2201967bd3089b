"""Words are found wherever they stand, and replaced where they stand once."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest

from collab.content.editing import edit
from collab.content.reading import read
from collab.content.texts import places_of, replacement
from collab.errors import CollabError


def state_of(**roots: str) -> bytes:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    for name, text in roots.items():
        doc.get(name, type=pycrdt.Text).insert(0, text)
    return doc.get_update()


def replaced(state: bytes, old: str, new: str, path: str | None = None) -> Any:
    operations, _ = replacement(state, old, new, path)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(state)
    if operations:
        doc.apply_update(edit(state, operations))
    return read(doc.get_update())


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("teh cat", "teh", "the"), ("a😀b😀c", "b😀", "B😀"), ("a😀b", "😀", ""), ("aXb", "X", "X"), ("aaXaa", "aXa", "aYYa"),
        ("abc", "abc", "abcabc"), ("grüße\n\nworld", "ße\n\nw", "ss"), ("x", "x", "\n"),
    ],
)  # fmt: skip
def test_what_stands_once_is_replaced(text: str, old: str, new: str) -> None:
    assert replaced(state_of(body=text, title="other"), old, new) == {
        "body": text.replace(old, new), "title": "other",
    }  # fmt: skip


def test_what_both_have_in_common_stays() -> None:
    operations, place = replacement(state_of(body="the quick brown fox"), "quick brown", "quick red")
    assert [operation["op"] for operation in operations] == ["text.insert", "text.delete"]
    assert operations[1] == {"op": "text.delete", "path": "/body", "index": 10, "length": 5}
    assert (place.path, place.index) == ("/body", 4)
    assert replacement(state_of(body="same"), "same", "same")[0] == []


@pytest.mark.parametrize(
    ("roots", "old", "matches"),
    [({"body": "abc"}, "abd", 0), ({"body": "aaa"}, "aa", 2), ({"a": "one", "b": "one"}, "one", 2), ({}, "x", 0)],
)
def test_what_stands_elsewhere_or_twice_is_refused(roots: dict[str, str], old: str, matches: int) -> None:
    with pytest.raises(CollabError) as refused:
        replacement(state_of(**roots), old, "x")
    assert (refused.value.code, refused.value.detail["matches"]) == ("invalid_payload", matches)
    with pytest.raises(CollabError, match="no characters"):
        replacement(state_of(**roots), "", "x")


def test_a_path_says_which_is_meant() -> None:
    assert replaced(state_of(a="one", b="one"), "one", "two", "/b") == {"a": "one", "b": "two"}


def test_texts_in_maps_arrays_and_xml() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["notes"] = pycrdt.Map({"a/b": pycrdt.Array([pycrdt.Text("deep down")]), "n": 7})
    fragment = doc.get("content", type=pycrdt.XmlFragment)
    paragraph = fragment.children.append(pycrdt.XmlElement("paragraph"))
    text = paragraph.children.append(pycrdt.XmlText())
    text.insert(0, "bold", {"bold": True})
    text.insert(4, " and plain", {})
    state = doc.get_update()
    assert [(place.path, place.index) for place in places_of(state, "d")] == [
        ("/content/0/0", 3), ("/content/0/0", 7), ("/notes/a~1b/0", 0), ("/notes/a~1b/0", 5),
    ]  # fmt: skip
    assert replaced(state, "deep", "far")["notes"] == {"a/b": ["far down"], "n": 7}
    assert "<bold>bolder</bold>" in replaced(state, "bold", "bolder")["content"].replace(' bold="true"', "")
    assert places_of(state, "d", "/notes/a") == []


def test_embeds_are_no_characters() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("body", type=pycrdt.Text)
    text.insert(0, "ab")
    text.insert_embed(1, {"image": "x.png"})
    state = doc.get_update()
    with pytest.raises(CollabError):
        replacement(state, "ab", "x")
    assert replaced(state, "b", "c") == {"body": "ac"}
