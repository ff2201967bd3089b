"""Words with marks as Markdown: the signs that are wanted, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from collab.content.formats.markdown import write_markdown
from collab.content.formats.markdown_reader import read_markdown
from collab.content.formats.markdown_words import words_of
from collab.content.formats.tree import Inline, Marks, Paragraph, Picture, Words, paragraph
from tests.support.examples import examples
from tests.support.rich_text import LETTERS

BOLD, ITALIC, CODE = Marks(bold=True), Marks(italic=True), Marks(code=True)


@settings(max_examples=examples(200), deadline=None)
@given(st.text(st.sampled_from(LETTERS) | st.characters(exclude_categories=["Cs"]), max_size=30))
def test_words_are_words_to_a_parser_of_full_markdown(text: str) -> None:
    """With HTML allowed, links recognised and typography off: only text comes out, and it is the same."""
    tree = paragraph(text)
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(write_markdown([tree]))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    inline = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inline} <= {"text", "hardbreak"}
    seen = "".join("\n" if child.type == "hardbreak" else child.content for child in inline)
    assert seen == "".join(piece.text for piece in tree.content if isinstance(piece, Words)).rstrip("\n")


@pytest.mark.parametrize(
    ("content", "markdown"),
    [
        ([Words("a*b_c`[d]~\\<b>&amp; < &")], "a\\*b\\_c\\`\\[d\\]\\~\\\\\\<b>\\&amp; < &"),
        ([Words("a\nb")], "a\\\nb"),
        ([Words("a", BOLD)], "**a**"),
        ([Words("a", ITALIC)], "*a*"),
        ([Words("a", BOLD), Words(" "), Words("b", ITALIC)], "**a** _b_"),
        ([Words("a", Marks(strike=True))], "~~a~~"),
        ([Words("a", Marks(underline=True)), Words("b")], "ab"),
        ([Words("a"), Words(" b ", BOLD), Words("c")], "a **b** c"),
        ([Words(" ", BOLD)], " "),
        ([Words("a"), Words("(b)", BOLD), Words("c")], "&#97;**(b)**&#99;"),
        ([Words("a", CODE)], "`a`"),
        ([Words("a`b``c", CODE)], "```a`b``c```"),
        ([Words("`a", CODE)], "`` `a ``"),
        ([Words(" a ", CODE)], "`  a  `"),
        ([Words("  ", CODE)], "`  `"),
        ([Words("a\nb", CODE)], "`a b`"),
        ([Words("a", Marks(link="/x(y)z w"))], "[a](/x\\(y\\)z%20w)"),
        ([Words("wow!"), Words("a", Marks(link="/x"))], "wow\\![a](/x)"),
        ([Words("]:", Marks(link="/x", code=True))], "[\\]:](/x)"),
        ([Picture("/p q.png", "a]b")], "![a\\]b](/p%20q.png)"),
        ([], ""),
    ],
)  # fmt: skip
def test_signs_and_escapes(content: list[Inline], markdown: str) -> None:
    assert words_of(content) == markdown


def test_a_bar_is_escaped_in_a_table_only() -> None:
    content: list[Inline] = [Words("a|b"), Words("c|d", CODE)]
    assert words_of(content) == "a|b`c|d`"
    assert words_of(content, in_table=True) == "a\\|b`c\\|d`"


looks = st.builds(
    Marks, bold=st.booleans(), italic=st.booleans(), strike=st.booleans(), link=st.sampled_from([None, "/x"])
)


@given(st.lists(st.builds(Words, st.sampled_from(["a", "é", "(", "*", "€", "a b", "!", "_"]), looks), max_size=5))
def test_every_letter_keeps_its_marks(content: list[Words]) -> None:
    markdown = "x " + words_of([*content, Words(" x")])
    (block,) = read_markdown(markdown)
    assert isinstance(block, Paragraph)
    wanted = [(char, piece.marks) for piece in content for char in piece.text if char != " "]
    found = [
        (char, piece.marks) for piece in block.content if isinstance(piece, Words) for char in piece.text if char != " "
    ]
    assert found[1:-1] == wanted, markdown
