"""What editors write into XML, as a tree: ProseMirror, Tiptap, BlockNote, Lexical, Slate, and what is like them.

Names are compared without ``-``, ``_`` and case: ``bulletList`` and ``bullet_list`` are one. What has no row in the
tables is read by what it holds: words are a paragraph, other elements are as if they stood alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from collab.content.formats.addresses import safe_link, safe_picture
from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
    Inline,
    Item,
    List,
    ListKind,
    Marks,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Table,
    Words,
    clean,
    joined,
    language,
    whole,
)
from collab.content.xml import Embed, Node, Run, shown

_MARKS: Final = {
    "bold": "bold", "strong": "bold", "b": "bold", "italic": "italic", "em": "italic", "emphasis": "italic",
    "i": "italic", "strike": "strike", "strikethrough": "strike", "s": "strike", "del": "strike",
    "underline": "underline", "u": "underline", "code": "code", "inlinecode": "code",
}  # fmt: skip
#: Lexical's ``__format`` is a number, one bit a mark
_LEXICAL: Final = {1: "bold", 2: "italic", 4: "strike", 8: "underline", 16: "code"}
_LISTS: Final[dict[str, ListKind]] = {
    "bulletlist": "bullet", "ul": "bullet", "unorderedlist": "bullet", "bulletedlist": "bullet",
    "orderedlist": "ordered", "ol": "ordered", "numberedlist": "ordered", "tasklist": "task", "checklist": "task",
}  # fmt: skip
#: items that stand for themselves, without a list around them
_LONE_ITEMS: Final[dict[str, ListKind]] = {
    "bulletlistitem": "bullet", "togglelistitem": "bullet", "numberedlistitem": "ordered", "checklistitem": "task",
}  # fmt: skip
_ITEMS: Final = frozenset({"listitem", "li", "taskitem", *_LONE_ITEMS})
_PICTURES: Final = frozenset({"image", "img", "imageblock", "resizableimage"})
_BREAKS: Final = frozenset({"hardbreak", "linebreak", "br", "softbreak"})
_RULES: Final = frozenset({"horizontalrule", "hr", "divider", "thematicbreak"})
_QUOTES: Final = frozenset({"blockquote", "quote"})
_CODES: Final = frozenset({"codeblock", "code", "fence", "pre"})
_LINKS: Final = frozenset({"link", "autolink", "a"})
#: blocks that are a link and no more
_FILES: Final = frozenset({"file", "video", "audio", "youtube", "iframe", "embed", "attachment"})
#: elements that stand among words
_INLINE: Final = (
    _BREAKS | _LINKS | frozenset({"mention", "emoji", "inlinemath", "math", "text", "hashtag", "tab", "span"})
)
_NUMBER_WORDS: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_MAX_SPAN: Final = 1000


def blocks_of(nodes: Iterable[Node | Run | Embed]) -> list[Block]:
    """The blocks that these nodes are."""
    blocks: list[Block] = []
    loose: list[Node | Run | Embed] = []
    for node in nodes:
        if _is_inline(node):
            loose.append(node)
            continue
        _end_paragraph(blocks, loose)
        assert isinstance(node, Node)
        _add(blocks, node)
    _end_paragraph(blocks, loose)
    return blocks


def _end_paragraph(blocks: list[Block], loose: list[Node | Run | Embed]) -> None:
    if loose and (content := _inlines(loose)):
        blocks.append(Paragraph(content))
    loose.clear()


def _add(blocks: list[Block], node: Node) -> None:
    name = plain_name(node.name)
    if name in _LONE_ITEMS:
        kind = _LONE_ITEMS[name]
        last = blocks[-1] if blocks else None
        item = _item(node)
        if isinstance(last, List) and last.kind == kind and "start" not in node.attributes:
            last.items.append(item)
        else:
            blocks.append(List(kind, [item], _start(node)))
    elif name == "blockcontainer":
        _add_container(blocks, node)
    elif (read := _BLOCKS.get(name)) is not None:
        blocks += read(node)
    elif any(_is_inline(child) for child in node.children):
        # An editor of which we know nothing keeps its words here.
        blocks += _mixed(node, Paragraph)
    elif node.children:
        blocks += blocks_of(node.children)
    elif name in ("paragraph", "p", ""):
        blocks.append(Paragraph())
    elif words := _leaf_words(node):
        blocks.append(Paragraph([Words(words)]))


def _add_container(blocks: list[Block], node: Node) -> None:
    """BlockNote: a block, and what is indented below it; below an item that is part of the item."""
    count, last = len(blocks), blocks[-1] if blocks else None
    items = len(last.items) if isinstance(last, List) else 0
    for child in node.children:
        if isinstance(child, Node) and plain_name(child.name) != "blockgroup":
            _add(blocks, child)
    inner = blocks_of(
        child for child in node.children if isinstance(child, Node) and plain_name(child.name) == "blockgroup"
    )
    last = blocks[-1] if blocks else None
    if isinstance(last, List) and (len(blocks) > count or len(last.items) > items):
        last.items[-1].blocks += inner
    else:
        blocks += inner


def plain_name(name: str) -> str:
    """An element's name, as the tables have it."""
    return name.replace("_", "").replace("-", "").lower()


def is_block(name: str) -> bool:
    """Whether editors know an element of this name that stands for itself."""
    plain = plain_name(name)
    return plain in _BLOCKS or plain in _LONE_ITEMS or plain in ("blockgroup", "blockcontainer")


def is_mark(name: str) -> bool:
    """Whether an element of this name is a mark in markup, and not an element of the document."""
    plain = plain_name(name)
    return plain in _MARKS or plain in _LINKS


def _is_inline(node: Node | Run | Embed) -> bool:
    return not isinstance(node, Node) or plain_name(node.name) in _INLINE


# -- blocks -----------------------------------------------------------------------------------------------


def _mixed(node: Node, make: Callable[[list[Inline]], Block]) -> list[Block]:
    """A block of words; other blocks inside of it (pictures aside) come behind it."""
    content: list[Node | Run | Embed] = []
    others: list[Node] = []
    for child in node.children:
        if isinstance(child, Node) and not _is_inline(child) and not _is_wordlike(child):
            others.append(child)
        else:
            content.append(child)
    return [make(_inlines(content)), *blocks_of(others)]


def _is_wordlike(node: Node) -> bool:
    name = plain_name(node.name)
    return name in _PICTURES or (name not in _BLOCKS and name not in _ITEMS)


def _heading(node: Node) -> list[Block]:
    found = node.attributes.get("level", node.attributes.get("__tag", node.name))
    level = whole(found, 1, 6)
    if level is None and isinstance(found, str):
        tail = found.rpartition("-")[2].lower()
        level = _NUMBER_WORDS.get(tail) or whole(tail.removeprefix("h"), 1, 6)
    return _mixed(node, partial(Heading, level or 1))


def _code(node: Node) -> list[Block]:
    word = _first(node.attributes, "language", "__language", "params", "lang")
    return [Code("".join(piece.text for piece in _inlines(node.children) if isinstance(piece, Words)), language(word))]


def _list(kind: ListKind, node: Node) -> list[Block]:
    items: list[Item] = []
    for child in node.children:
        if not isinstance(child, Node):
            items.append(Item(blocks_of([child])))
        elif plain_name(child.name) in _ITEMS:
            items.append(_item(child))
        elif (inner := blocks_of([child])) and items:
            items[-1].blocks += inner
        elif inner:
            items.append(Item(inner))
    return [List(kind, items, _start(node))] if items else []


def _lexical_list(node: Node) -> list[Block]:
    kinds: dict[str, ListKind] = {"number": "ordered", "check": "task"}
    kind = kinds.get(str(node.attributes.get("__listType", node.attributes.get("listType"))), "bullet")
    return _list(kind, node)


def _start(node: Node) -> int:
    for key in ("start", "order", "__start"):
        if (number := whole(node.attributes.get(key), 0, 999_999_999)) is not None:
            return number
    return 1


def _item(node: Node) -> Item:
    blocks = blocks_of(node.children)
    checked = node.attributes.get("checked", node.attributes.get("__checked"))
    # Lexical keeps a nested list in an item of its own, and words of an item without a paragraph.
    return Item(blocks, checked in (True, "true"))


def _table(node: Node) -> list[Block]:
    rows = [_row(child) for child in _below(node, "tablerow", "tr")]
    return [Table([row for row in rows if row])] if any(rows) else []


def _row(node: Node) -> list[Cell]:
    return [
        Cell(
            blocks_of(child.children),
            plain_name(child.name) in ("tableheader", "th", "tableheadercell")
            or whole(child.attributes.get("__headerState"), 1, 3) is not None,
            whole(child.attributes.get("colspan", child.attributes.get("__colSpan")), 1, _MAX_SPAN) or 1,
            whole(child.attributes.get("rowspan", child.attributes.get("__rowSpan")), 1, _MAX_SPAN) or 1,
        )
        for child in _below(node, "tablecell", "tableheader", "td", "th", "tableheadercell")
    ]


def _below(node: Node, *names: str) -> Iterator[Node]:
    """The nearest elements with one of these names, through groups such as a table's body."""
    for child in node.children:
        if isinstance(child, Node):
            if plain_name(child.name) in names:
                yield child
            elif plain_name(child.name) not in _BLOCKS:
                yield from _below(child, *names)


def _picture_block(node: Node) -> list[Block]:
    content = joined(_picture(node, Marks()))
    return [Paragraph(content)] if content else []


def _file(node: Node) -> list[Block]:
    address = _first(node.attributes, "url", "src", "href")
    words = clean(_text(_first(node.attributes, "name", "caption", "title"))) or _text(address)
    return [Paragraph([Words(clean(words), Marks(link=safe_link(address)))])] if words else []


_BLOCKS: Final[dict[str, Callable[[Node], list[Block]]]] = {
    "paragraph": lambda node: _mixed(node, Paragraph),
    "p": lambda node: _mixed(node, Paragraph),
    "list": _lexical_list,
    "table": _table,
    **dict.fromkeys(("heading", "h1", "h2", "h3", "h4", "h5", "h6"), _heading),
    **{f"heading{word}": _heading for word in _NUMBER_WORDS},
    **dict.fromkeys(_QUOTES, lambda node: [Quote(blocks_of(node.children))]),
    **dict.fromkeys(_CODES, _code),
    **dict.fromkeys(_RULES, lambda _node: [Rule()]),
    **dict.fromkeys(_PICTURES, _picture_block),
    **dict.fromkeys(_FILES, _file),
    **{name: partial(_list, kind) for name, kind in _LISTS.items()},
}


# -- words ------------------------------------------------------------------------------------------------


def _inlines(nodes: Iterable[Node | Run | Embed], around: Marks | None = None) -> list[Inline]:
    return joined(_pieces(nodes, around or Marks()))


def _pieces(nodes: Iterable[Node | Run | Embed], around: Marks) -> Iterator[Inline]:
    look = around  # what Lexical says of the words that follow
    for node in nodes:
        if isinstance(node, Run):
            yield Words(clean(node.text), marks_of(node.marks, look))
        elif isinstance(node, Embed):
            kind = node.value.get("__type") if isinstance(node.value, dict) else None
            if kind == "linebreak":
                yield Words("\n", around)
            elif kind == "tab":
                yield Words("\t", around)
            elif kind is not None:
                look = _lexical_marks(node.value, around)
            else:
                yield from picture_of(node.value, marks_of(node.marks, around))
        else:
            name = plain_name(node.name)
            if name in _BREAKS:
                yield Words("\n", around)
            elif name in _PICTURES:
                yield from _picture(node, around)
            elif name in _LINKS:
                address = safe_link(_first(node.attributes, "href", "url", "__url"))
                yield from _pieces(node.children, _with(around, link=address or around.link))
            elif node.children:
                yield from _pieces(node.children, around)
            else:
                yield Words(_leaf_words(node), around)


def _picture(node: Node, marks: Marks) -> Iterator[Inline]:
    source = safe_picture(_first(node.attributes, "src", "url", "__src"))
    words = clean(_text(_first(node.attributes, "alt", "caption", "name", "title", "__altText"))).replace("\n", " ")
    width = whole(_first(node.attributes, "width", "previewWidth", "__width"), 1, 10_000)
    if source is not None:
        yield Picture(source, words, width, marks)
    elif words:
        yield Words(words, marks)


def picture_of(embed: object, marks: Marks) -> Iterator[Inline]:
    """A picture that Quill embeds in a text; its other embeds have no words."""
    source = safe_picture(embed.get("image")) if isinstance(embed, dict) else None
    if source is not None:
        yield Picture(source, marks=marks)


def _leaf_words(node: Node) -> str:
    """What an element without content shows: a mention its name, a formula its source."""
    words = clean(_text(_first(node.attributes, "label", "text", "__text", "latex", "emoji", "id")))
    return f"@{words}" if words and plain_name(node.name) == "mention" and not words.startswith("@") else words


def _first(attributes: Mapping[str, Any], *names: str) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) not in (None, "")), None)


def _text(value: object) -> str:
    return shown(value) if isinstance(value, str | float | int) and not isinstance(value, bool) else ""


def marks_of(given: Mapping[str, Any], around: Marks) -> Marks:
    """The marks that an editor names, and those that stand around."""
    if not given:
        return around
    found: dict[str, Any] = {}
    for name, value in given.items():
        # y-prosemirror writes marks that may overlap as name--hash.
        plain = plain_name(name.partition("--")[0])
        if value is None or value is False:
            continue
        if plain in _LINKS:
            address = _first(value, "href", "url") if isinstance(value, dict) else value
            if (link := safe_link(address)) is not None:
                found["link"] = link
        elif (mark := _MARKS.get(plain)) is not None:
            found[mark] = True
    return _with(around, **found) if found else around


def _lexical_marks(value: Mapping[str, Any], around: Marks) -> Marks:
    bits = whole(value.get("__format"), 0, 2**20) or 0
    return _with(around, **{mark: True for bit, mark in _LEXICAL.items() if bits & bit})


def _with(around: Marks, **changes: Any) -> Marks:
    given = {name: getattr(around, name) for name in Marks.__slots__}
    return Marks(**(given | changes))
