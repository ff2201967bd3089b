"""Documents as files: Markdown and back, boards as SVG, archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, XmlElement, XmlFragment, XmlText

from collab.documents.editing import edit
from collab.formats.archive import ArchiveError, ArchiveWriter, read_archive
from collab.formats.markdown import from_markdown, to_markdown
from collab.formats.svg import to_svg

# -- Markdown ---------------------------------------------------------------------------------------------

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
    doc.apply_update(edit(state, from_markdown(markdown, "/body", state)))
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
    (
        [("x = *1*", {}), ("\n", {"code-block": "python"}), ("\n", {"code-block": "python"}), ("end", {}), ("\n", {})],
        "```python\nx = *1*\n\n```\n\nend\n",
    ),
    (
        [
            ("b", {"bold": True}), ("bi", {"bold": True, "italic": True}), (" ", {}), ("s", {"strike": True}),
            (" ", {}), ("c*", {"code": True}), (" ", {}), ("l", {"link": "https://example.com/a_b"}), ("\n", {}),
        ],
        "**b*bi*** ~~s~~ `c*` [l](https://example.com/a_b)\n",
    ),
    ([("2*3 [x] a_b `c` \\ ~ ", {}), ("!", {"bold": True}), ("\n", {})], "2\\*3 \\[x\\] a\\_b \\`c\\` \\\\ \\~ **!**\n"),
    ([("# no title", {}), ("!", {"bold": True}), ("\n", {})], "\\# no title**!**\n"),
    ([("a", {"bold": True}), ("\n\n", {}), ("b\n", {})], "**a**\n\n\nb\n"),
]  # fmt: skip


@pytest.mark.parametrize(("delta", "markdown"), EXAMPLES)
def test_formats_and_their_signs(delta: Delta, markdown: str) -> None:
    state = written(delta)
    assert to_markdown(state, "/body") == markdown
    empty = Doc().get_update()
    assert delta_of(changed(empty, markdown)) == delta_of(state)
    assert delta_of(changed(state, markdown)) == delta_of(state)
    other = written([("quite ", {"italic": True, "header": 3}), ("different\n", {"list": "bullet", "color": "red"})])
    assert delta_of(changed(other, markdown)) == delta_of(state), "old formats are gone"


words = st.text(st.sampled_from("ab *_`~[]()#>-\\.1!é😀"), min_size=1, max_size=8).map(str.strip).filter(
    lambda text: bool(text) and not text.startswith("!")
)
inline = st.fixed_dictionaries(
    {},
    optional={
        "bold": st.just(True), "italic": st.just(True), "strike": st.just(True), "link": st.just("https://x.org/y"),
    },
)  # fmt: skip
line_formats = st.sampled_from(
    [{}, {}, {"header": 2}, {"list": "bullet"}, {"list": "ordered"}, {"list": "checked"}, {"blockquote": True}]
)
lines = st.lists(st.tuples(words, inline, line_formats), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(lines)
def test_what_was_written_reads_back(content: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> None:
    delta: Delta = []
    for text, formats, line in content:
        delta += [(text, formats), ("\n", line)]
    if not any(formats for _, formats in delta):
        return  # plain text is passed through
    state = written(delta)
    markdown = to_markdown(state, "/body")
    assert delta_of(changed(Doc().get_update(), markdown)) == delta_of(state), markdown


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("a *_`~[]()#>-\\\n.1 x!é😀"), max_size=40))
def test_any_text_is_markdown(markdown: str) -> None:
    state = Doc().get_update()
    changed(state, markdown)


def test_plain_text_stays_as_it_is() -> None:
    for text in ("", "# Markdown already\n- a\n", "no line break"):
        state = written([(text, {})]) if text else written([("x", {})])
        if text:
            assert to_markdown(state, "/body") == text.removesuffix("\n") + "\n"


def test_images_and_xml() -> None:
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    body += "a "
    body.insert_embed(2, {"image": "data:image/png;base64,AA=="})
    body.insert(3, "b\n", {"bold": True})
    assert to_markdown(doc.get_update(), "/body") == "a ![](data:image/png;base64,AA==)**b**\n"
    rich: Doc[Any] = Doc()
    page = rich.get("page", type=XmlFragment)
    paragraph = XmlElement("paragraph")
    page.children.append(paragraph)
    paragraph.children.append(XmlText("words"))
    assert to_markdown(rich.get_update(), "/page") == "words\n"


# -- boards -----------------------------------------------------------------------------------------------


SHAPES: dict[str, Any] = {
    "box": {"type": "rectangle", "x": 10, "y": 20, "w": 200, "h": 50, "fill": "blue", "text": "a <b> & c", "index": "a1"},
    "round": {"type": "ellipse", "x": 300, "y": 20, "w": 80, "h": 80, "stroke": "#ff0000", "dash": "dashed", "index": "a2"},
    "arrow": {"type": "arrow", "points": [[0, 0], [50, 50]], "from": {"id": "box"}, "to": "round", "index": "a3"},
    "pen": {"type": "pen", "points": [[0, 0, 0.5], [5, 5, 0.7], [9, 2]], "index": "a0"},
    "note": {"type": "note", "x": 0, "y": 300, "text": "a long note that has to be wrapped", "index": "a4"},
    "words": {"type": "text", "x": 0, "y": 600, "text": "two\nlines", "fontSize": "L", "index": "a5", "rotation": 1},
    "dot": {"type": "pen", "points": [[3, 3]]},
    "turned": {"type": "diamond", "x": 0, "y": 0, "w": 10, "h": 10, "rotation": 0.5, "opacity": 0.5},
    "photo": {"type": "image", "w": 5, "h": 5, "src": "data:image/png;base64,AAAA"},
    "line": {"type": "line", "points": [[0, 0], [1, 1], [2, 0]], "width": "L"},
}


def test_a_board_is_a_picture() -> None:
    picture = to_svg(SHAPES)
    root = ElementTree.fromstring(picture)
    groups = root.findall("{http://www.w3.org/2000/svg}g")
    assert len(groups) == len(SHAPES)
    kinds = [next(iter(group)).tag.rsplit("}", 1)[-1] for group in groups]
    by_index = sorted(SHAPES, key=lambda id: (SHAPES[id].get("index", "a0"), id))
    assert kinds[by_index.index("round")] == "ellipse"
    assert kinds[by_index.index("box")] == "rect"
    assert "a &lt;b&gt; &amp; c" in picture
    x, y, w, h = map(float, root.attrib["viewBox"].split())
    assert x < 0
    assert y < 0
    assert x + w > 380
    assert y + h > 660
    again = {id: dict(reversed(shape.items())) for id, shape in reversed(SHAPES.items())}
    assert to_svg(again) == picture, "whatever the order of keys"


def test_an_arrow_stops_at_the_edge_of_its_shape() -> None:
    shapes = {
        "a": {"type": "rectangle", "x": 0, "y": 0, "w": 100, "h": 100},
        "b": {"type": "ellipse", "x": 300, "y": 0, "w": 100, "h": 100},
        "c": {"type": "arrow", "points": [[0, 0], [1, 1]], "from": "a", "to": "b"},
    }
    root = ElementTree.fromstring(to_svg(shapes))
    path = root.findall("{http://www.w3.org/2000/svg}g")[2][0].attrib["d"]
    assert path == "M106 50L294 50"


@pytest.mark.parametrize(
    "shapes",
    [
        None, [], 7, {}, {"x": None}, {"x": {"type": "circle"}}, {"x": {"type": "pen"}}, {"x": {"type": ["pen"]}},
        {"x": {"type": "pen", "points": [1, [2], ["a", "b"], [float("inf"), 1e300]]}},
        {"x": {"type": "rectangle", "w": "wide", "fill": "url(#x)", "stroke": '"/><script>', "width": {}, "dash": []}},
        {"x": {"type": "image", "src": "https://elsewhere.example.com/x.png"}},
        {"x": {"type": "text", "text": "\x00\x1b\ud800]]><script>"}},
        {"x": {"type": "arrow", "points": [[0, 0], [0, 0]], "from": "x", "to": {"id": 7}}},
        {"x": {"type": "note", "opacity": -5, "rotation": 1e9, "fontSize": 3, "index": 4}},
    ],
)  # fmt: skip
def test_nothing_of_others_gets_out_of_hand(shapes: Any) -> None:
    picture = to_svg(shapes)
    ElementTree.fromstring(picture.encode())
    for bad in ("<script", "url(", "http://", "https://"):
        assert bad not in picture.replace("http://www.w3.org/2000/svg", "")


# -- archives ---------------------------------------------------------------------------------------------


def archive(documents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with ArchiveWriter(file, "http://example.com") as writer:
        for name, content in documents.items():
            writer.add(name, io.BytesIO(content), len(content))
    return file.getvalue()


DOCUMENTS = {"a": b"\0\0", "team/Grüße": b"x" * 20_000, "x" * 200: b"", "a.yjs": b"y"}


def contents(whole: bytes) -> Iterator[tuple[str, bytes]]:
    for name, content in read_archive(io.BytesIO(whole)):
        yield name, content.read()


def test_archives_read_back() -> None:
    whole = archive(DOCUMENTS)
    assert dict(contents(whole)) == DOCUMENTS
    assert dict(contents(archive({}))) == {}
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert tar.getnames() == [
            "collab-export.json", *(f"documents/{name}.yjs" for name in DOCUMENTS), "collab-export-end.json",
        ]  # fmt: skip


def test_an_archive_that_ends_early_is_refused_wherever_it_ends() -> None:
    whole = archive(DOCUMENTS)
    end = whole.index(b"collab-export-end.json")
    for length in range(0, end, 333):
        read: dict[str, bytes] = {}
        with pytest.raises(ArchiveError):
            read.update(contents(whole[:length]))
        assert read.items() <= DOCUMENTS.items(), "what came before is good"


def test_a_writer_that_failed_leaves_no_whole_archive() -> None:
    file = io.BytesIO()
    closed = io.BytesIO()
    closed.close()

    def fail() -> None:
        with ArchiveWriter(file, "x") as writer:
            writer.add("a", closed, 2)

    with pytest.raises(ValueError, match="closed"):
        fail()
    file.seek(0)
    with pytest.raises(ArchiveError):
        list(read_archive(file))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/absolute", "a//b", "", "a\nb"])
def test_names_in_archives_are_checked(name: str) -> None:
    with pytest.raises(ArchiveError):
        list(contents(archive({name: b"\0\0"})))
