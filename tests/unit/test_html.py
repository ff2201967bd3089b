"""Rich text as HTML: safe to put into a page, whatever stands in the document."""

from __future__ import annotations

from html.parser import HTMLParser
from random import Random

import pytest
from pycrdt import Doc, Text, XmlElement, XmlFragment, XmlText

from collab.content.formats.addresses import safe_link, safe_picture
from collab.content.formats.html import ATTRIBUTES, ELEMENTS, write_html
from collab.content.formats.plain import plain_lines
from collab.content.formats.tree import Cell, Code, Item, List, Paragraph, Picture, Table, Words, paragraph
from collab.content.rendering import render
from tests.support.rich_text import a_tree

_EMPTY = {"br", "hr", "img", "input"}
_HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "JaVaScRiPt\t:alert(1)", "\x01javascript:x",
    '" onmouseover="x', "' onclick='x", "</p><svg/onload=x>", "&lt;b&gt;", "data:text/html,<script>x</script>", "vbscript:x",
    "<!--", "-->", "]]>", "<![CDATA[", "\u202e", "\x00", "java\nscript:x", "https://x.org/\"><b>", "//x.org/a", "a:b", "<b>&amp;",
]  # fmt: skip


class Page(HTMLParser):
    """Reads a page as strictly as a test may: everything closed, nothing unknown."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, name
            if name == "href":
                assert value == safe_link(value)
            elif name == "src":
                assert value == safe_picture(value)
        if tag == "br":
            self.words.append("\n")
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    handle_comment = handle_decl = handle_pi = unknown_decl  # type: ignore[assignment]


def _squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("seed", range(200))
def test_a_page_holds_the_words_and_no_more(seed: int) -> None:
    tree = a_tree(seed)
    page = Page(write_html(tree))
    words = "\n".join(plain_lines(_without_pictures(tree)))
    assert _squeezed("".join(page.words)) == _squeezed(words)


def _without_pictures(tree: list) -> list:  # type: ignore[type-arg]
    for block in tree:
        if hasattr(block, "content"):
            block.content = [piece for piece in block.content if isinstance(piece, Words)]
        for inner in [getattr(block, "blocks", [])] + [item.blocks for item in getattr(block, "items", [])]:
            _without_pictures(inner)
        for row in getattr(block, "rows", []):
            for cell in row:
                _without_pictures(cell.blocks)
    return tree


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.slow
def test_documents_made_to_break_out_do_not(seed: int) -> None:
    chance = Random(seed)
    doc: Doc[object] = Doc()  # type: ignore[type-var]
    page = doc.get("page", type=XmlFragment)
    tags = ["paragraph", "heading", "codeBlock", "image", "link", "table", "tableRow", "tableCell", "bulletList", "listItem",
            "script", "img onerror=x", "iframe", "mention", "blockContainer", "checkListItem", "taskItem"]  # fmt: skip
    names = [
        "src",
        "href",
        "alt",
        "language",
        "level",
        "start",
        "colspan",
        "width",
        "url",
        "onclick",
        "class",
        "label",
        "checked",
    ]
    parents: list[XmlFragment | XmlElement] = [page]  # type: ignore[list-item]
    for _ in range(chance.randint(1, 14)):
        attributes = {chance.choice(names): chance.choice(_HOSTILE) for _ in range(chance.randint(0, 4))}
        element = XmlElement(chance.choice(tags), attributes)
        chance.choice(parents).children.append(element)
        parents.append(element)
        if chance.random() < 0.7:
            text = XmlText()
            element.children.append(text)
            marks = {chance.choice(["bold", "link", "code", "<b>", "textStyle"]): {"href": chance.choice(_HOSTILE)}}
            text.insert(0, chance.choice(_HOSTILE), marks)
    body = doc.get("body", type=Text)
    body.insert(0, chance.choice(_HOSTILE), {"link": chance.choice(_HOSTILE)})  # type: ignore[attr-defined]
    body.insert_embed(0, {"image": chance.choice(_HOSTILE)})  # type: ignore[attr-defined]
    for path in ("/page", "/body"):
        html = render(doc.get_update(), path, "html")
        Page(html)
        markdown = render(doc.get_update(), path, "markdown")
        assert "](javascript" not in markdown.lower()


def test_examples() -> None:
    assert write_html([paragraph("<b>&amp;\nx")]) == "<p>&lt;b&gt;&amp;amp;<br>\nx</p>\n"
    assert write_html([Code("\n<x>", "c++")]) == '<pre><code class="language-c++">\n\n&lt;x&gt;\n</code></pre>\n'
    tasks = List(
        "task", [Item([paragraph("a")], True), Item([paragraph("b"), List("ordered", [Item([paragraph("c")])], 3)])]
    )
    assert write_html([tasks]) == (
        '<ul class="tasks">\n<li><input type="checkbox" disabled checked> a</li>\n'
        '<li><input type="checkbox" disabled> b\n<ol start="3">\n<li>c</li>\n</ol>\n</li>\n</ul>\n'
    )
    table = Table([[Cell([paragraph("a")], header=True, columns=2)], [Cell(), Cell([paragraph("b")])]])
    assert '<tr><th colspan="2">a</th></tr>\n<tr><td></td><td>b</td></tr>' in write_html([table])
    picture = Picture("data:image/png;base64,AA==", 'a "b"', 320)
    assert write_html([Paragraph([picture])]) == (
        '<p><img src="data:image/png;base64,AA==" alt="a &quot;b&quot;" width="320"></p>\n'
    )
