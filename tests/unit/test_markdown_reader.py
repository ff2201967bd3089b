"""Markdown as a tree, with HTML as words and addresses judged."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.content.formats.markdown import write_markdown
from collab.content.formats.markdown_reader import read_markdown
from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
    Inline,
    Item,
    List,
    Marks,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Table,
    Words,
    paragraph,
)
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("markdown", "tree"),
    [
        ("## a *b*", [Heading(2, [Words("a "), Words("b", Marks(italic=True))])]),
        ("a\n---", [Heading(2, [Words("a")])]),
        ("```c++ more words\nx\n```", [Code("x", "c++")]),
        ("    x\n    y", [Code("x\ny")]),
        ("***", [Rule()]),
        ("> a\n>\n> b", [Quote([paragraph("a"), paragraph("b")])]),
        ("- a\n- b", [List("bullet", [Item([paragraph("a")]), Item([paragraph("b")])])]),
        ("7. a", [List("ordered", [Item([paragraph("a")])], 7)]),
        ("- [x] a\n- [ ] b", [List("task", [Item([paragraph("a")], True), Item([paragraph("b")])])]),
        ("- [X] a\n- b", [List("bullet", [Item([paragraph("[X] a")]), Item([paragraph("b")])])]),
        ("- [ ]", [List("task", [Item([])])]),
        ("- [x](/y)", [List("bullet", [Item([Paragraph([Words("x", Marks(link="/y"))])])])]),
        ("| a |\n| - |\n| b |", [Table([[Cell([paragraph("a")], True)], [Cell([paragraph("b")])]])]),
        ("|  |\n| - |\n| b |", [Table([[Cell([paragraph("b")])]])]),
        ("|  |\n| - |", []),
    ],
)
def test_blocks(markdown: str, tree: list[Block]) -> None:
    assert read_markdown(markdown) == tree


@pytest.mark.parametrize(
    ("markdown", "content"),
    [
        ("a\nb", [Words("a b")]),
        ("a\\\nb", [Words("a\nb")]),
        ("a  \nb", [Words("a\nb")]),
        ("**a**", [Words("a", Marks(bold=True))]),
        ("~~a~~", [Words("a", Marks(strike=True))]),
        ("`a`", [Words("a", Marks(code=True))]),
        ("[a **b**](/x)", [Words("a ", Marks(link="/x")), Words("b", Marks(link="/x", bold=True))]),
        ("[a](https://x.org/é?b)", [Words("a", Marks(link="https://x.org/é?b"))]),
        ("[a](javascript:alert)", [Words("a")]),
        ("![a *b*](/p.png)", [Picture("/p.png", "a b")]),
        ("![a](javascript:alert)", [Words("a")]),
        ("![](javascript:alert)", []),
        ("<b>a</b>", [Words("<b>a</b>")]),
        ("<script>a</script>", [Words("<script>a</script>")]),
        ("&lt;&#0;&copy;", [Words("<\ufffd©")]),
        ("a\0b", [Words("a\ufffdb")]),
    ],
)  # fmt: skip
def test_words(markdown: str, content: list[Inline]) -> None:
    (block,) = read_markdown(markdown)
    assert block == Paragraph(content)


def test_empty_lines_are_kept() -> None:
    text = "\n\na\n\n\n\n- b\n\n\n* c\n"
    tree = read_markdown(text)
    assert [type(block).__name__ for block in tree] == ["Paragraph"] * 5 + ["List", "Paragraph", "List"]
    assert read_markdown(write_markdown(tree)) == tree


@settings(max_examples=examples(200), deadline=None)
@given(st.text(st.sampled_from("a *_`~[]()#>-\\\n.1 x!é😀|<&:"), max_size=60))
def test_any_text_is_markdown(markdown: str) -> None:
    write_markdown(read_markdown(markdown))


@pytest.mark.parametrize("sign", ["> ", "- ", "[", "*a ", "![", "1. "])
def test_nesting_without_an_end_costs_no_stack(sign: str) -> None:
    before = time.process_time()
    read_markdown(sign * 1000)
    assert time.process_time() - before < 10
