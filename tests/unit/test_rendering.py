"""Content in all formats: one list of them, whoever asks (D13)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pycrdt import Doc, Text, XmlElement, XmlFragment, XmlText

from collab.content import xml
from collab.content.rendering import CONTENT_FORMATS, ContentFormat, render
from collab.doors.http.rendering import FORMATS, MEDIA_TYPES, render_body
from collab.errors import CollabError
from collab.protocol.schemas import load_content
from tests.unit.test_editors import TIPTAP, p, state_of


def test_every_door_has_the_same_formats() -> None:
    assert set(MEDIA_TYPES) == set(FORMATS) == {*CONTENT_FORMATS, "update"}
    for format in CONTENT_FORMATS:
        assert load_content({"format": format}) == (None, format)
        assert isinstance(render_body(TIPTAP, None, format), bytes)
    with pytest.raises(CollabError, match="invalid_payload"):
        load_content({"format": "update"})


@pytest.mark.parametrize("format", CONTENT_FORMATS)
def test_paths_that_lead_nowhere(format: ContentFormat) -> None:
    for path, code in [("/none", "not_found"), ("nonsense", "invalid_payload"), ("/page/x", "not_found")]:
        with pytest.raises(CollabError) as refused:
            render(TIPTAP, path, format)
        assert refused.value.code == code


def test_a_path_leads_into_xml_as_it_does_for_edits() -> None:
    doc: Doc[Any] = Doc()
    doc["page"] = XmlFragment([XmlElement("heading", {"level": "2"}, [XmlText("a < b")]), XmlElement("paragraph")])
    state = doc.get_update()
    found = {format: render(state, "/page/0", format) for format in CONTENT_FORMATS}
    assert found == {
        "json": '<heading level="2">a &lt; b</heading>',
        "text": "a < b",
        "markdown": "## a < b\n",
        "html": "<h2>a &lt; b</h2>\n",
    }
    assert (render(state, "/page/0/0", "text"), render(state, "/page/0/0", "json")) == ("a < b", "a &lt; b")
    for path in ("/page/2", "/page/0/1", "/page/0/0/0", "/page/-", "/page/01", "/page/level"):
        for format in CONTENT_FORMATS:
            with pytest.raises(CollabError, match="nothing at this path") as refused:
                render(state, path, format)
            assert refused.value.detail["path"] == path


@pytest.mark.parametrize("format", ["markdown", "html", "text", "json"])
def test_elements_are_counted(format: ContentFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_NODES", 10)
    assert render(state_of(p("a"), p("b")), None, format)
    with pytest.raises(CollabError) as refused:
        render(state_of(*[p("a")] * 11), None, format)
    assert refused.value.code == "document_too_large"


@pytest.mark.slow
@pytest.mark.parametrize("format", ["markdown", "html"])
def test_a_large_text_takes_time_that_grows_with_it(format: ContentFormat) -> None:
    """A sign in every line; 29 MB have to stay below the five seconds of a worker."""

    def seconds(lines: int) -> float:
        doc: Doc[object] = Doc()  # type: ignore[type-var]
        doc["body"] = Text("a *line* of <words> & signs\n" * lines)
        state = doc.get_update()
        before = time.process_time()
        assert len(render(state, None, format)) > 27 * lines
        return time.process_time() - before

    # Four times as much takes four times as long; with the square it would be sixteen.
    assert min(seconds(60_000) for _ in range(2)) < 13 * max(0.02, min(seconds(15_000) for _ in range(3)))


@pytest.mark.parametrize("state", [b"", b"\1", b"\xff" * 20])
@pytest.mark.parametrize("format", CONTENT_FORMATS)
def test_damaged_documents_are_refused(state: bytes, format: ContentFormat) -> None:
    with pytest.raises(CollabError) as refused:
        render(state, None, format)
    assert refused.value.code == "invalid_update"
