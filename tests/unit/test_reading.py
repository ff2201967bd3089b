"""Reading what no type is written on, as JSON and as text."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Array, Doc, Text, XmlElement, XmlFragment, XmlText

from collab.content.reading import read
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from tests.support.scripted_edits import SAMPLE


@pytest.mark.parametrize(
    ("path", "json", "text"),
    [
        ("/t", "a😀b", "a😀b"),
        ("/m/sub", {"title": "In", "n": 1}, "1\nIn"),
        ("/m/sub/title", "In", "In"),
        ("/m/k/plain", 1, "1"),
        ("/a/1/x", 1, "1"),
        ("/x", "<p>hey</p>", "hey"),
        ("/x/0", "<p>hey</p>", "hey"),
    ],
)
def test_content_below_a_path(path: str, json: Any, text: str) -> None:
    assert read(SAMPLE, path) == json
    assert read(SAMPLE, path, "text") == text


@pytest.mark.parametrize("path", ["/none", "/m/none", "/a/2", "/a/-1", "/a/01", "/t/0", "/x/1", "/m/sub/title/0", "/"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    with pytest.raises(CollabError) as raised:
        read(SAMPLE, path)
    assert raised.value.code == "not_found"


def test_a_path_that_is_none() -> None:
    with pytest.raises(CollabError) as raised:
        read(SAMPLE, "t")
    assert raised.value.code == "invalid_payload"


def test_the_whole_document_as_text() -> None:
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    body += "Body"
    page = doc.get("page", type=XmlFragment)
    page.children.append(XmlElement("h1", {}, [XmlText("Title")]))
    page.children.append(XmlElement("ul", {}, [XmlElement("li", {}, [XmlText("one"), XmlText(" and a half")])]))
    assert read(doc.get_update(), None, "text") == "Body\nTitle\none and a half"
    assert read(EMPTY_UPDATE) == {} and read(EMPTY_UPDATE, "", "text") == ""


def test_bytes_and_numbers_that_json_lacks_can_be_read() -> None:
    doc: Doc[Any] = Doc()
    doc.get("a", type=Array).extend([b"\x01\x02", float("nan"), float("inf"), 2**60])
    assert read(doc.get_update(), "/a") == [[1, 2], None, None, 2**60]
