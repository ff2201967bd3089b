"""Rich text as Markdown: whatever is written reads back as it was, by a parser that is not ours."""

from __future__ import annotations

import time

import pytest
from markdown_it import MarkdownIt

from collab.content.formats import bounds
from collab.content.formats.markdown import MAX_DEPTH, write_markdown
from collab.content.formats.markdown_reader import read_markdown
from collab.content.formats.tree import Block, Code, Item, List, Marks, Paragraph, Quote, Words, paragraph
from collab.errors import CollabError
from tests.support.rich_text import a_tree, projected, without_space


@pytest.mark.parametrize("seed", range(300))
@pytest.mark.slow
def test_what_was_written_reads_back(seed: int) -> None:
    tree = a_tree(seed)
    markdown = write_markdown(tree)
    assert without_space(projected(read_markdown(markdown))) == without_space(projected(tree)), markdown


@pytest.mark.parametrize("seed", [1211, 3015, 8129])
def test_seeds_that_once_failed(seed: int) -> None:
    tree = a_tree(seed)
    markdown = write_markdown(tree)
    assert without_space(projected(read_markdown(markdown))) == without_space(projected(tree)), markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("<b>&amp;", "\\<b>\\&amp;"), ("a < b & c", "a < b & c"), ("# a", "\\# a"), ("#a", "#a"), ("1. a", "1\\. a"),
        ("- a", "\\- a"), ("-5", "-5"), ("---", "\\---"), ("> a", "\\> a"), ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
        ("<img src=x onerror=alert(1)>", "\\<img src=x onerror=alert(1)>"), ("  a ", "&#32;&#32;a&#32;"),
    ],
)  # fmt: skip
def test_escapes(text: str, markdown: str) -> None:
    assert write_markdown([paragraph(text)]) == markdown + "\n"


def test_a_fence_is_longer_than_what_it_holds() -> None:
    block = Code("````\nx\n`````", "c++")
    assert write_markdown([block]) == "``````c++\n````\nx\n`````\n``````\n"
    assert read_markdown(write_markdown([block])) == [block]


def test_nesting_ends_where_parsers_give_up() -> None:
    block: Block = paragraph("deep")
    for number in range(120):
        block = Quote([block]) if number % 2 else List("bullet", [Item([block])])
    markdown = write_markdown([block])
    assert markdown.count("> ") <= MAX_DEPTH
    assert "deep" in MarkdownIt("js-default").render(markdown)


@pytest.mark.slow
def test_time_grows_with_the_document() -> None:
    words = [Words("a", Marks(bold=True)), Words("b "), Words("c", Marks(italic=True, link="https://x.org"))]
    before = time.process_time()
    write_markdown([Paragraph(words * 20_000)])  # type: ignore[arg-type]
    write_markdown([Paragraph(words) for _ in range(20_000)])  # type: ignore[arg-type]
    assert time.process_time() - before < 8


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds.Output.__init__, "__defaults__", (1000,))
    with pytest.raises(CollabError) as refused:
        write_markdown([paragraph("x" * 100)] * 11)
    assert refused.value.code == "document_too_large"
    assert refused.value.detail == {"limit": 1000}
