"""What editors keep in XML, as Markdown: documents as y-prosemirror, Tiptap, BlockNote, Lexical and Slate write them."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collab.content.rendering import render

#: a document as nested tuples: (tag, attributes, children), where children are such, or (words, marks)
Tree = tuple[str, dict[str, Any], list[Any]]


def state_of(*trees: Tree, root: str = "page") -> bytes:
    doc: Doc[Any] = Doc()
    fragment = doc.get(root, type=XmlFragment)
    for tree in trees:
        _place(fragment, tree)
    return doc.get_update()


def _place(parent: Any, tree: Tree) -> None:
    tag, attributes, children = tree
    element = XmlElement(tag, attributes)
    parent.children.append(element)
    text: XmlText | None = None
    for child in children:
        if len(child) == 3:
            text = None
            _place(element, child)
            continue
        if text is None:
            text = XmlText()
            element.children.append(text)
        text.insert(len(text), *child)


def p(*words: Any) -> Tree:
    return ("paragraph", {}, [each if isinstance(each, tuple) else (each, {}) for each in words])


TIPTAP = state_of(
    ("heading", {"level": 3.0}, [("Title", {})]),
    p("a ", ("b", {"bold": {}}), ("c", {"bold": {}, "italic": {}}), " ", ("l", {"link": {"href": "https://x.org", "target": "_blank"}})),
    ("bulletList", {}, [
        ("listItem", {}, [p("one"), ("orderedList", {"start": 3.0}, [("listItem", {}, [p("two")])])]),
        ("listItem", {}, [p("three")]),
    ]),
    ("taskList", {}, [("taskItem", {"checked": True}, [p("done")]), ("taskItem", {"checked": False}, [p("open")])]),
    ("blockquote", {}, [p("said"), p("again")]),
    ("codeBlock", {"language": "python"}, [("x = '```'\n  y", {})]),
    ("horizontalRule", {}, []),
    ("table", {}, [
        ("tableRow", {}, [("tableHeader", {}, [p("A|B")]), ("tableHeader", {}, [p("C")])]),
        ("tableRow", {}, [("tableCell", {}, [p("1"), p("2")]), ("tableCell", {}, [p(("3", {"strike": {}}))])]),
    ]),
    ("image", {"src": "https://x.org/a.png", "alt": "a [b]", "width": 300.0}, []),
    ("paragraph", {}, [("line", {}), ("hardBreak", {}, []), ("next", {}), ("mention", {"id": "7", "label": "Ada"}, [])]),
)  # fmt: skip
TIPTAP_MARKDOWN = """### Title

a **&#98;_c_** [l](https://x.org)

- one
  3. two
- three

* [x] done
* [ ] open

> said
>
> again

```python
x = '```'
  y
```

---

| A\\|B | C |
| --- | --- |
| 1 2 | ~~3~~ |

![a \\[b\\]](https://x.org/a.png)

line\\
next@Ada
"""


def test_tiptap() -> None:
    expected = TIPTAP_MARKDOWN.replace("```python\nx = '```'\n  y\n```", "````python\nx = '```'\n  y\n````")
    expected = expected.replace("- one\n  3. two\n- three", "- one\n\n  3. two\n\n- three")
    assert render(TIPTAP, None, "markdown") == expected
    assert render(TIPTAP, "/page", "markdown") == expected
    html = render(TIPTAP, None, "html")
    assert '<img src="https://x.org/a.png" alt="a [b]" width="300">' in html
    assert '<ol start="3">' in html
    assert render(TIPTAP, None, "text").splitlines()[:5] == ["Title", "a bc l", "one", "two", "three"]


def test_names_of_prosemirror() -> None:
    state = state_of(
        ("bullet_list", {}, [("list_item", {}, [p(("a", {"strong": {}}), ("b", {"em--abc123": {}}))])]),
        ("code_block", {"params": "js"}, [("x", {})]),
        ("paragraph", {}, [("a", {}), ("hard_break", {}, []), ("b", {"link": {"href": "javascript:alert(1)"}})]),
    )
    assert render(state, None, "markdown") == "- **a**_&#98;_\n\n```js\nx\n```\n\na\\\nb\n".replace("_&#98;_", "_b_")


def test_blocknote() -> None:
    def block(*children: Tree) -> Tree:
        return ("blockContainer", {"id": "1", "textAlignment": "left"}, list(children))

    def group(*children: Tree) -> Tree:
        return ("blockGroup", {}, list(children))

    state = state_of(
        group(
            block(("heading", {"level": 2.0}, [("H", {})])),
            block(
                ("bulletListItem", {}, [("a", {})]), group(block(("numberedListItem", {}, [("b", {})])), block(p("c")))
            ),
            block(("bulletListItem", {}, [("d", {})])),
            block(("checkListItem", {"checked": True}, [("e", {})])),
            block(p("f"), group(block(p("g")))),
            block(("image", {"url": "https://x.org/i.png", "caption": "cap", "previewWidth": 200.0}, [])),
            block(("table", {}, [("tableRow", {}, [("tableCell", {}, [("tableParagraph", {}, [("x", {})])])])])),
        )
    )
    assert render(state, None, "markdown") == (
        "## H\n\n- a\n\n  1. b\n\n  c\n\n- d\n\n* [x] e\n\nf\n\ng\n\n![cap](https://x.org/i.png)\n\n|  |\n| --- |\n| x |\n"
    )


def test_lexical_and_slate() -> None:
    doc: Doc[Any] = Doc()
    root = doc.get("root", type=XmlFragment)

    def add(parent: Any, attributes: dict[str, Any]) -> XmlText:
        text = XmlText()
        if isinstance(parent, XmlFragment):
            parent.children.append(text)
        else:
            parent.insert_embed(len(parent), text)
            text = parent.diff()[-1][0]
        for name, value in attributes.items():
            text.attributes[name] = value
        return text

    heading = add(root, {"__type": "heading", "__tag": "h2"})
    heading.insert_embed(0, Map({"__type": "text", "__format": 3.0}))
    heading.insert(len(heading), "lexical")
    heading.insert_embed(len(heading), Map({"__type": "text", "__format": 0.0}))
    heading.insert(len(heading), " plain")
    slate = add(root, {"type": "heading-one"})
    slate.insert(0, "slate", {"bold": True})
    assert render(doc.get_update(), None, "markdown") == "## **_lexical_** plain\n\n# **slate**\n"


def test_what_no_table_names_is_read_by_what_it_holds() -> None:
    state = state_of(
        ("column-list", {}, [("column", {}, [p("a")]), ("column", {}, [("callout", {"emoji": "!"}, [("b", {})])])]),
        ("youtube", {"src": "https://x.org/v"}, []),
        ("file", {"url": "javascript:x", "name": "a.pdf"}, []),
        ("equation", {"latex": "x^2"}, []),
        ("nothing", {}, []),
    )
    assert render(state, None, "markdown") == "a\n\nb\n\n[https://x.org/v](https://x.org/v)\n\na.pdf\n\nx^2\n"


def test_xml_first_then_texts_then_anything() -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(state_of(p("words"), root="content"))
    doc["body"] = Text("old words")
    doc["meta"] = Map({"title": "T"})
    state = doc.get_update()
    assert render(state, None, "markdown") == "words\n"
    assert render(state, "/body", "html") == "<p>old words</p>\n"
    assert render(state, "/meta/title", "markdown") == "T\n"
    del doc.get("content", type=XmlFragment).children[0]
    assert render(doc.get_update(), None, "markdown") == "old words\n"
    board: Doc[Any] = Doc()
    board["shapes"] = Map({"a": {"text": "# note"}})
    assert render(board.get_update(), None, "markdown") == "\\# note\n"


@pytest.mark.parametrize("format", ["markdown", "html", "text", "json"])
def test_json_and_text_are_not_markup(format: str) -> None:
    state = state_of(("heading", {"level": 2.0, "id": '"><script>'}, [("<b>&amp;", {"bold": {}})]))
    content = render(state, "/page", format)  # type: ignore[arg-type]
    assert (
        content
        == {
            "markdown": "## **\\<b>\\&amp;**\n",
            "html": "<h2><strong>&lt;b&gt;&amp;amp;</strong></h2>\n",
            "text": "<b>&amp;",
            "json": '<heading id=\'"&gt;&lt;script&gt;\' level="2"><bold>&lt;b&gt;&amp;amp;</bold></heading>',
        }[format]
    )
