"""XML as nodes and as markup: well-formed whatever stands in it, and read again as it was written."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, XmlElement, XmlFragment, XmlText

from collab.content import xml
from collab.content.roots import MAX_NESTING
from collab.content.xml import Embed, Node, Run, markup, parse_markup, read_fragment, shown
from collab.errors import CollabError

# -- reading a document ------------------------------------------------------------------------------------


def fragment() -> tuple[Doc[Any], XmlFragment]:
    doc: Doc[Any] = Doc(client_id=1)
    return doc, doc.get("page", type=XmlFragment)


def nodes_of(doc: Doc[Any]) -> list[Node]:
    with doc.transaction():
        return read_fragment(doc, "page")


def test_elements_hold_texts() -> None:
    doc, page = fragment()
    words = XmlText("plain bold")
    page.children.append(XmlElement("p", {"b": "2", "a": "1"}, [words, XmlElement("br")]))
    words.format(6, 10, {"strong": {}, "off": False})
    assert nodes_of(doc) == [
        Node("p", {"a": "1", "b": "2"}, [Run("plain ", {}), Run("bold", {"strong": {}}), Node("br", {})])
    ]
    assert list(nodes_of(doc)[0].attributes) == ["a", "b"], "whatever order they were set in"


@pytest.mark.parametrize(
    ("attributes", "name"), [({"__type": "heading"}, "heading"), ({"type": "h"}, "h"), ({"type": 7.0}, ""), ({}, "")]
)
def test_texts_that_stand_for_elements_have_their_names(attributes: dict[str, Any], name: str) -> None:
    doc, page = fragment()
    text = XmlText("x")
    page.children.append(text)
    for key, value in attributes.items():
        text.attributes[key] = value
    assert nodes_of(doc) == [Node(name, attributes, [Run("x", {})])]


def test_what_stands_in_the_midst_of_words() -> None:
    doc, page = fragment()
    text = XmlText("a")
    page.children.append(text)
    for thing in (Map({"k": 1}), Array([1]), {"image": 2}, XmlText("in")):
        text.insert_embed(len(text), thing)
    (node,) = nodes_of(doc)
    assert node.children == [
        Run("a", {}), Embed({"k": 1}, {}), Embed([1], {}), Embed({"image": 2}, {}), Node("", {}, [Run("in", {})]),
    ]  # fmt: skip


def test_nodes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_NODES", 3)
    doc, page = fragment()
    for _ in range(3):
        page.children.append(XmlElement("p"))
    assert len(nodes_of(doc)) == 3
    page.children.append(XmlElement("p"))
    with pytest.raises(CollabError) as refused:
        nodes_of(doc)
    assert refused.value.code == "document_too_large"


# -- markup ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "written"),
    [
        (Run("<b>&", {}), "&lt;b&gt;&amp;"),
        (Run("x", {"em": True, "b": {"n": 1}}), '<b n="1"><em>x</em></b>'),
        (Run("x", {"no name": {}, "<i>": {}}), "x"),
        (Run("a\0\x0b\ud800b", {}), "a\ufffd\ufffd\ufffdb"),
        (Node("p", {"b": '"<&', "a": None, "on load": "x"}, []), "<p b='\"&lt;&amp;'></p>"),
        (Node("no name", {"a": 1}, [Run("x", {})]), "x"),
        (Embed({"image": 1}, {}), ""),
    ],
)
def test_markup(node: Any, written: str) -> None:
    assert markup([node]) == written


@pytest.mark.parametrize(
    ("value", "words"),
    [("x", "x"), (3.0, "3"), (0.5, "0.5"), (True, "true"), (None, "null"), ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'), (b"x", "")],
)  # fmt: skip
def test_how_an_attribute_is_shown(value: Any, words: str) -> None:
    assert shown(value) == words


def test_an_attribute_that_is_a_large_number_is_shown_as_such() -> None:
    assert shown(1e300) in ("1e+300", "1e300"), "releases of the JSON library write it either way"


wild = st.text("ab<>&\"' \n\r\t\0\ud800\uffff😀-", max_size=6)
attributes = st.dictionaries(
    wild | st.sampled_from(["a", "b-c"]), wild | st.floats() | st.none() | st.binary(), max_size=3
)
runs = st.builds(Run, wild, st.dictionaries(wild | st.just("strong"), attributes | st.booleans(), max_size=2))
trees = st.lists(
    st.recursive(
        runs, lambda inner: st.builds(Node, wild | st.just("p"), attributes, st.lists(inner, max_size=3)), max_leaves=8
    ),
    max_size=4,
)


@given(trees)
def test_markup_is_well_formed_whatever_stands_in_it(nodes: list[Any]) -> None:
    words = "".join(ElementTree.fromstring(f"<x>{markup(nodes)}</x>").itertext())
    assert words == xml._clean("".join(words_of(nodes)))


def words_of(nodes: list[Any]) -> list[str]:
    return [word for node in nodes for word in ([node.text] if isinstance(node, Run) else words_of(node.children))]


names = st.sampled_from(["p", "h1", "list-item", "_x"])
tame = st.text("ab<>&\"' \n😀", max_size=6)
tame_nodes = st.recursive(
    st.builds(Node, names, st.dictionaries(names, tame, max_size=2)),
    lambda inner: st.builds(
        Node,
        names,
        st.dictionaries(names, tame, max_size=2),
        st.lists(inner, max_size=3) | tame.filter(bool).map(lambda words: [Run(words, {})]),
    ),
    max_leaves=6,
)


@given(st.lists(tame_nodes, max_size=3))
def test_markup_is_read_as_it_was_written(nodes: list[Node]) -> None:
    assert parse_markup(markup(nodes)) == nodes


def test_marks_come_back_as_elements() -> None:
    written = markup([Node("p", {}, [Run("a", {}), Run("b", {"link": {"href": "/x"}})])])
    assert parse_markup(written) == [Node("p", {}, [Run("a", {}), Node("link", {"href": "/x"}, [Run("b", {})])])]


@pytest.mark.parametrize(
    "text",
    [
        "words", "<p>a</p> words", "<p>", "</p>", "<p></q>", "<p a=1></p>", "</x><x>", "<!DOCTYPE x>", "<p><!-- c --></p>",
        "<?xml?><p></p>", "<p>&other;</p>", "<p>" * MAX_NESTING + "</p>" * MAX_NESTING,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_markup_of_ours(text: str) -> None:
    assert parse_markup(text) is None


def test_it_is_read_as_deep_as_documents_are() -> None:
    assert parse_markup("<p>" * (MAX_NESTING - 1) + "</p>" * (MAX_NESTING - 1)) is not None
    assert parse_markup(" \n<p></p>\n ") == [Node("p", {})]
