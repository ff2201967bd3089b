"""Making documents say what files say."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text, XmlElement, XmlFragment, XmlText

from collab.content.importing import import_json, import_markdown, import_text
from collab.content.rendering import render
from collab.errors import CollabError
from tests.support.rich_text import a_tree
from tests.unit.test_editors import TIPTAP, p, state_of

EMPTY = b"\0\0"


def after(state: bytes, updates: list[bytes]) -> bytes:
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    for update in updates:
        doc.apply_update(update)
    return doc.get_update()


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.slow
def test_markdown_comes_back_from_a_document(seed: int) -> None:
    """Once: pictures in the midst of words become blocks, as Tiptap has them. From then on nothing changes."""
    from collab.content.formats.markdown import write_markdown

    first = after(EMPTY, import_markdown(EMPTY, write_markdown(a_tree(seed))))
    markdown = render(first, None, "markdown")
    second = after(EMPTY, import_markdown(EMPTY, markdown))
    assert render(second, None, "markdown") == markdown
    assert import_markdown(second, markdown) == [EMPTY], "nothing differs, so nothing is written"


def test_what_stays_keeps_what_markdown_cannot_say() -> None:
    markdown = render(TIPTAP, None, "markdown")
    changed = after(TIPTAP, import_markdown(TIPTAP, markdown.replace("again", "anew")))
    assert render(changed, None, "markdown") == markdown.replace("again", "anew")
    assert 'width="300"' in render(changed, None, "html")
    assert 'target="_blank"' in render(changed, "/page", "json")


def test_the_dialect_that_is_there_is_spoken() -> None:
    state = state_of(("bullet_list", {}, [("list_item", {}, [p("x")])]))
    changed = after(state, import_markdown(state, "- **a**\n- [x] b\n\n***\n\n- [x] c\n"))
    xml = render(changed, "/page", "json")
    assert "<bullet_list><list_item><paragraph><strong>a</strong></paragraph></list_item>" in xml
    assert "<horizontal_rule></horizontal_rule>" in xml
    assert "[x] c" in xml
    assert "taskList" not in xml


def test_an_editor_that_keeps_it_otherwise_is_refused() -> None:
    state = state_of(("blockGroup", {}, [("blockContainer", {"id": "a"}, [p("x")])]))
    with pytest.raises(CollabError, match="own editor"):
        import_markdown(state, "# a")


def test_where_markdown_goes() -> None:
    assert render(after(EMPTY, import_markdown(EMPTY, "# a")), None, "json") == {
        "content": '<heading level="1">a</heading>'
    }
    assert render(after(EMPTY, import_markdown(EMPTY, "# a", "/x")), None, "json") == {
        "x": '<heading level="1">a</heading>'
    }
    doc: Doc[Any] = Doc()
    doc["body"] = Text("old")
    assert render(after(doc.get_update(), import_markdown(doc.get_update(), "# a")), None, "json") == {"body": "a\n"}


def test_text_goes_where_text_is() -> None:
    assert render(after(EMPTY, import_text(EMPTY, "a\nb")), None, "json") == {"body": "a\nb"}
    state = state_of(p("a"), p("b"), p("c"))
    changed = after(state, import_text(state, "a\nx < y\nc\n"))
    assert render(changed, None, "text") == "a\nx < y\nc"


def test_json_comes_back_with_its_types() -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(TIPTAP)
    doc["body"] = Text("<b>not XML")
    doc["code"] = Text("<p>taken for XML</p> no")
    state = doc.get_update()
    content = render(state, None, "json")
    copy = after(EMPTY, import_json(EMPTY, content))
    assert render(copy, None, "json") == content
    for format in ("markdown", "html"):
        assert render(copy, None, format) == render(state, None, format)  # type: ignore[arg-type]
    assert import_json(copy, content) == [EMPTY]


@pytest.mark.parametrize(
    "text", ["<p>a", "<!DOCTYPE x [<!ENTITY a 'b'>]><p>&a;</p>", "<?xml?><p/>", "<p>" * 200 + "</p>" * 200, "no"]
)
def test_what_is_no_markup_is_refused_for_xml(text: str) -> None:
    state = state_of(p("x"))
    with pytest.raises(CollabError, match="no XML"):
        import_json(state, {"page": text})
    assert render(after(EMPTY, import_json(EMPTY, {"page": text})), None, "json") == {"page": text}


@pytest.mark.parametrize("wanted", [[], "x", 1, None, {"a": 1}, {"a": None}])
def test_what_is_no_document_is_refused(wanted: Any) -> None:
    with pytest.raises(CollabError, match="invalid_payload"):
        import_json(EMPTY, wanted)


def test_other_roots_stay() -> None:
    state = after(EMPTY, import_json(EMPTY, {"a": {"x": 1}, "b": [1], "c": "t"}))
    changed = after(state, import_json(state, {"a": {"y": 2}, "b": [2, 3]}))
    assert render(changed, None, "json") == {"a": {"y": 2}, "b": [2, 3], "c": "t"}


def test_a_node_that_only_looks_like_an_element_is_words() -> None:
    doc: Doc[Any] = Doc()
    page = doc.get("page", type=XmlFragment)
    page.children.append(XmlElement("paragraph", None, [XmlText("</paragraph><script>")]))
    json = render(doc.get_update(), None, "json")
    assert json == {"page": "<paragraph>&lt;/paragraph&gt;&lt;script&gt;</paragraph>"}
    assert render(after(EMPTY, import_json(EMPTY, json)), None, "json") == json
