"""A tree of rich text as the XML of editors, in the dialect that is there."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, XmlElement, XmlFragment

from collab.content.formats.editors import blocks_of
from collab.content.formats.fragments import (
    PROSEMIRROR,
    TIPTAP,
    Dialect,
    dialect_of,
    insert_blocks,
    is_editors,
    replace_nodes,
)
from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
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
from collab.content.xml import Node, Run, markup, parse_markup, read_fragment


def written(blocks: list[Block], dialect: Dialect) -> list[Node]:
    doc: Doc[Any] = Doc()
    fragment = doc.get("page", type=XmlFragment)
    with doc.transaction():
        insert_blocks(fragment, 0, blocks, dialect)
        return read_fragment(doc, "page")


ALL: list[Block] = [
    Heading(2, [Words("Title")]),
    Paragraph([Words("a "), Words("b", Marks(bold=True, link="/x")), Words("c", Marks(italic=True, strike=True))]),
    Paragraph([Words("d\ne"), Words("f", Marks(underline=True)), Words("g", Marks(code=True))]),
    Paragraph(),
    List("bullet", [Item([paragraph("one"), List("ordered", [Item([paragraph("two")])], 3)])]),
    Quote([paragraph("said")]),
    Code("x\n y", "python"),
    Rule(),
    Table([[Cell([paragraph("A")], True, 2, 1)], [Cell([paragraph("1")]), Cell([paragraph("2")])]]),
]
TASKS = List("task", [Item([paragraph("done")], True), Item([paragraph("open")])])


@pytest.mark.parametrize("dialect", [TIPTAP, PROSEMIRROR], ids=["Tiptap", "ProseMirror"])
def test_what_was_written_reads_back(dialect: Dialect) -> None:
    nodes = written(ALL, dialect)
    assert blocks_of(nodes) == ALL
    assert dialect_of(nodes) is dialect


def test_names_and_marks_are_those_of_the_dialect() -> None:
    blocks: list[Block] = [List("bullet", [Item([Paragraph([Words("a", Marks(bold=True))])])]), Rule()]
    assert markup(written(blocks, TIPTAP)) == (
        "<bulletList><listItem><paragraph><bold>a</bold></paragraph></listItem></bulletList><horizontalRule></horizontalRule>"
    )
    assert markup(written(blocks, PROSEMIRROR)) == (
        "<bullet_list><list_item><paragraph><strong>a</strong></paragraph></list_item></bullet_list>"
        "<horizontal_rule></horizontal_rule>"
    )
    ordered: list[Block] = [List("ordered", [Item([paragraph("a")])], 3)]
    assert written(ordered, TIPTAP)[0].attributes == {"start": 3.0}
    assert written(ordered, PROSEMIRROR)[0].attributes == {"order": 3.0}


def test_tasks_are_tasks_where_there_are_such() -> None:
    assert blocks_of(written([TASKS], TIPTAP)) == [TASKS]
    assert blocks_of(written([TASKS], PROSEMIRROR)) == [
        List("bullet", [Item([paragraph("[x] done")]), Item([paragraph("[ ] open")])])
    ]
    begins_otherwise = List("task", [Item([Rule()])])
    assert markup(written([begins_otherwise], PROSEMIRROR)) == (
        "<bullet_list><list_item><paragraph>[ ] </paragraph><horizontal_rule></horizontal_rule></list_item></bullet_list>"
    )


def test_pictures_stand_where_the_dialect_has_them() -> None:
    blocks: list[Block] = [Paragraph([Words("a "), Picture("/p.png", "cat", 30), Words(" b")])]
    assert markup(written(blocks, TIPTAP)) == (
        '<paragraph>a</paragraph><image alt="cat" src="/p.png" width="30"></image><paragraph>b</paragraph>'
    )
    assert markup(written(blocks, PROSEMIRROR)) == (
        '<paragraph>a <image alt="cat" src="/p.png" width="30"></image> b</paragraph>'
    )
    heading: list[Block] = [Heading(1, [Picture("/p.png", "cat")])]
    assert markup(written(heading, TIPTAP)) == '<heading level="1"><link href="/p.png">cat</link></heading>'


def test_an_item_begins_with_a_paragraph() -> None:
    """Or its editor throws it away."""
    nodes = written([List("bullet", [Item([Code("x")]), Item([])])], TIPTAP)
    assert [[child.name for child in item.children] for item in nodes[0].children] == [  # type: ignore[union-attr]
        ["paragraph", "codeBlock"], ["paragraph"],
    ]  # fmt: skip


def test_blocks_go_in_front_of_a_child() -> None:
    doc: Doc[Any] = Doc()
    fragment = doc.get("page", type=XmlFragment)
    fragment.children.append(XmlElement("first"))
    fragment.children.append(XmlElement("last"))
    with doc.transaction():
        insert_blocks(fragment, 1, [paragraph("a"), paragraph("b")], TIPTAP)
    assert str(fragment) == "<first></first><paragraph>a</paragraph><paragraph>b</paragraph><last></last>"


@pytest.mark.parametrize(
    ("nodes", "dialect"),
    [
        ([], TIPTAP),
        ([Node("paragraph", {}, [Run("a", {"bold": {}})])], TIPTAP),
        ([Node("paragraph", {}, [Run("a", {"strong": {}})])], PROSEMIRROR),
        ([Node("paragraph", {}, [Run("a", {"em": {}})])], PROSEMIRROR),
        ([Node("paragraph", {}), Node("quote", {}, [Node("code_block", {})])], PROSEMIRROR),
        ([Node("blockGroup", {}, [])], None),
        ([Node("p", {}, [Node("blockContainer", {})])], None),
        ([Node("heading", {"__type": "heading"})], None),
        ([Node("h", {"type": "h"})], None),
    ],
)
def test_the_dialect_is_told_from_what_is_there(nodes: list[Node], dialect: Dialect | None) -> None:
    assert dialect_of(nodes) is dialect


@pytest.mark.parametrize(
    ("names", "editors"),
    [(["paragraph"], True), (["heading", "bullet_list"], True), (["p", "script"], False), ([], False)],
)
def test_what_only_looks_like_the_xml_of_an_editor(names: list[str], editors: bool) -> None:
    assert is_editors([Node(name, {}) for name in names]) is editors


def test_markup_becomes_the_document_with_its_types() -> None:
    text = (
        '<heading id="7" level="2">a<bold>b<link href="/x">c</link></bold></heading>'
        '<taskItem checked="true"></taskItem><paragraph level="x">d</paragraph>'
    )
    nodes = parse_markup(text)
    assert nodes is not None
    doc: Doc[Any] = Doc()
    fragment = doc.get("page", type=XmlFragment)
    fragment.children.append(XmlElement("old"))
    with doc.transaction():
        replace_nodes(fragment, nodes)
        heading, task, last = read_fragment(doc, "page")
    assert heading.attributes == {"id": "7", "level": 2.0}
    assert heading.children == [Run("a", {}), Run("b", {"bold": {}}), Run("c", {"bold": {}, "link": {"href": "/x"}})]
    assert task.attributes == {"checked": True}
    assert (last.attributes, last.children) == ({"level": "x"}, [Run("d", {})])
