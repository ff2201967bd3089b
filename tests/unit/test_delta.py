"""Texts with Quill's formats, to Markdown and back."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.content.formats.delta import blocks_of_delta, lines_of_blocks
from collab.content.formats.tree import Code, List, Paragraph, Quote, Words
from collab.content.importing import import_markdown
from collab.content.rendering import render

Delta = list[tuple[str, dict[str, Any]]]


def written(delta: Delta) -> bytes:
    """The state of a document whose text is ``delta``."""
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    at = 0
    for words, formats in delta:
        body.insert(at, words, formats)
        at += len(words.encode())
    return doc.get_update()


def delta_of(state: bytes) -> Delta:
    """Neighbours with the same formats joined, line breaks apart."""
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    doc.apply_update(state)
    joined: Delta = []
    for words, formats in body.diff():
        for piece in words.splitlines(keepends=True):
            for part in (piece[:-1], "\n") if piece.endswith("\n") else (piece,):
                kept = {name: value for name, value in (formats or {}).items() if value is not None}
                if part and joined and joined[-1][1] == kept and joined[-1][0] != "\n" and part != "\n":
                    joined[-1] = (joined[-1][0] + part, kept)
                elif part:
                    joined.append((part, kept))
    return joined


def changed(state: bytes, markdown: str) -> bytes:
    """``state`` once it says what ``markdown`` does."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    for update in import_markdown(state, markdown):
        doc.apply_update(update)
    return doc.get_update()


EXAMPLES: list[tuple[Delta, str]] = [
    ([("Title", {}), ("\n", {"header": 1}), ("Words.\n", {})], "# Title\n\nWords.\n"),
    ([("a\nb\n", {}), ("c", {"bold": True}), ("\n", {})], "a\n\nb\n\n**c**\n"),
    (
        [("one", {}), ("\n", {"list": "bullet"}), ("two", {}), ("\n", {"list": "bullet"}), ("end\n", {})],
        "- one\n- two\n\nend\n",
    ),
    (
        [("one", {}), ("\n", {"list": "ordered"}), ("two", {}), ("\n", {"list": "ordered"})],
        "1. one\n2. two\n",
    ),
    (
        [("done", {}), ("\n", {"list": "checked"}), ("open", {}), ("\n", {"list": "unchecked"})],
        "- [x] done\n- [ ] open\n",
    ),
    ([("said", {}), ("\n", {"blockquote": True})], "> said\n"),
    ([("a", {}), ("\n", {"blockquote": True}), ("b", {}), ("\n", {"blockquote": True})], "> a\n>\n> b\n"),
    (
        [("x = *1*", {}), ("\n", {"code-block": "python"}), ("\n", {"code-block": "python"}), ("end", {}), ("\n", {})],
        "```python\nx = *1*\n\n```\n\nend\n",
    ),
    (
        [
            ("b", {"bold": True}), ("bi", {"bold": True, "italic": True}), (" ", {}), ("s", {"strike": True}),
            (" ", {}), ("c*", {"code": True}), (" ", {}), ("l", {"link": "https://example.com/a_b"}), ("\n", {}),
        ],
        "**&#98;_bi_** ~~s~~ `c*` [l](https://example.com/a_b)\n",
    ),
    ([("2*3 [x] a_b `c` \\ ~ ", {}), ("!", {"bold": True}), ("\n", {})], "2\\*3 \\[x\\] a\\_b \\`c\\` \\\\ \\~ **!**\n"),
    ([("# no title", {}), ("!", {"bold": True}), ("\n", {})], "\\# no titl&#101;**!**\n"),
    ([("a", {"bold": True}), ("\n\n", {}), ("b\n", {})], "**a**\n\n\nb\n"),
]  # fmt: skip


@pytest.mark.parametrize(("delta", "markdown"), EXAMPLES)
def test_formats_and_their_signs(delta: Delta, markdown: str) -> None:
    state = written(delta)
    assert render(state, "/body", "markdown") == markdown
    plain = written([("x", {})])
    assert delta_of(changed(plain, markdown)) == delta_of(state)
    assert delta_of(changed(state, markdown)) == delta_of(state)
    other = written([("quite ", {"italic": True, "header": 3}), ("different\n", {"list": "bullet", "color": "red"})])
    assert delta_of(changed(other, markdown)) == delta_of(state), "old formats are gone"


def test_lists_stand_as_deep_as_their_indent() -> None:
    delta: Delta = []
    for words, value, indent in [
        ("a", "bullet", 0),
        ("b", "ordered", 1),
        ("c", "ordered", 1),
        ("d", "checked", 2),
        ("e", "bullet", 0),
    ]:
        delta += [(words, {}), ("\n", {"list": value} | ({"indent": indent} if indent else {}))]
    state = written(delta)
    assert render(state, None, "markdown") == "- a\n  1. b\n  2. c\n     - [x] d\n- e\n"
    assert delta_of(changed(state, render(state, None, "markdown"))) == delta_of(state)


def test_an_indent_that_nothing_stands_above_is_not_believed() -> None:
    state = written(
        [("a", {}), ("\n", {"list": "bullet", "indent": 9}), ("b", {}), ("\n", {"list": "bullet", "indent": -3})]
    )
    assert render(state, None, "markdown") == "- a\n- b\n"


def test_embeds_and_what_is_not_known() -> None:
    pieces = [
        ("a", {"font": "serif", "link": "javascript:x"}),
        ({"image": "javascript:x"}, None),
        ({"video": "x"}, None),
        ("\n", {"list": 7}),
    ]
    (block,) = blocks_of_delta(pieces)
    assert block == List("bullet", [block.items[0]])  # type: ignore[union-attr]
    assert block.items[0].blocks == [Paragraph([Words("a")])]  # type: ignore[union-attr]


def test_lines_of_what_quill_has_no_words_for() -> None:
    lines = list(lines_of_blocks([Quote([Code("a\n\tb", "python")]), Paragraph([Words("x\ny")])]))
    assert [line.formats for line in lines] == [{"code-block": "python"}] * 2 + [{}] * 2
    assert [piece.text for line in lines for piece in line.content if isinstance(piece, Words)] == [
        "a",
        "\tb",
        "x",
        "y",
    ]
