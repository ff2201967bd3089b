"""A tree of rich text as the XML that ProseMirror and Tiptap keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pycrdt import XmlElement, XmlFragment, XmlText

from collab.content.formats.editors import is_block, is_mark, plain_name
from collab.content.formats.tree import (
    Block,
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
    whole,
)
from collab.content.xml import Embed, Node, Run


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an editor names things. ``tasks``: whether it has lists of them."""

    names: dict[str, str]
    marks: dict[str, str]
    tasks: bool
    pictures_are_blocks: bool


_CAMEL: Final = (
    "bulletList", "orderedList", "listItem", "codeBlock", "horizontalRule", "hardBreak", "tableRow", "tableCell",
    "tableHeader", "taskList", "taskItem",
)  # fmt: skip
TIPTAP: Final = Dialect(
    {}, {name: name for name in ("bold", "italic", "strike", "underline", "code", "link")}, True, True
)
PROSEMIRROR: Final = Dialect(
    {name: "".join(f"_{char.lower()}" if char.isupper() else char for char in name) for name in _CAMEL},
    {"bold": "strong", "italic": "em", "strike": "strikethrough", "underline": "underline"}
    | {name: name for name in ("code", "link")},
    False,
    False,
)  # fmt: skip
_NUMBERS: Final = frozenset({"level", "start", "order", "colspan", "rowspan", "width", "previewWidth"})
_FOREIGN: Final = frozenset({"blockgroup", "blockcontainer"})


def dialect_of(nodes: Iterable[Node]) -> Dialect | None:
    """The dialect in which these nodes are written, Tiptap's where they do not tell; None for one not spoken here."""
    names: set[str] = set()
    marks: set[str] = set()
    for node in nodes:
        if not _collect(node, names, marks):
            return None
    if any("_" in name for name in names) or marks & {"strong", "em"}:
        return PROSEMIRROR
    return TIPTAP


def _collect(node: Node, names: set[str], marks: set[str]) -> bool:
    # Texts that stand for elements are Lexical's and Slate's.
    if plain_name(node.name) in _FOREIGN or "__type" in node.attributes or "type" in node.attributes:
        return False
    names.add(node.name)
    for child in node.children:
        if isinstance(child, Run):
            marks.update(child.marks)
        elif isinstance(child, Node) and not _collect(child, names, marks):
            return False
    return True


def insert_blocks(fragment: XmlFragment, index: int, blocks: list[Block], dialect: Dialect) -> None:
    """Put blocks into a fragment, in front of its child ``index``; to be called inside a transaction."""
    writer = _Writer(dialect)
    # From the last to the first: finding the place of each costs as much as there is in front of it.
    for block in reversed(blocks):
        for element in reversed(list(writer.elements(block))):
            element.place(fragment, index)


@dataclass(slots=True)
class _Element:
    """An element to be made; its children are elements or runs of words."""

    tag: str
    attributes: dict[str, Any]
    children: list[_Element | list[tuple[str, dict[str, Any]]]]

    def place(self, parent: XmlFragment | XmlElement, index: int) -> None:
        made = parent.children.insert(index, XmlElement(self.tag, self.attributes))
        for child in reversed(self.children):
            if isinstance(child, _Element):
                child.place(made, 0)
                continue
            text = made.children.insert(0, XmlText())
            for words, marks in reversed(child):
                text.insert(0, words, marks)


class _Writer:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def _make(self, name: str, children: Iterable[Any] = (), **attributes: Any) -> _Element:
        # Numbers of JavaScript are floating point.
        kept = {
            key: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for key, value in attributes.items()
            if value is not None
        }
        return _Element(self._dialect.names.get(name, name), kept, list(children))

    def elements(self, block: Block) -> Iterator[_Element]:
        if isinstance(block, Paragraph):
            yield from self._paragraphs(block.content)
        elif isinstance(block, Heading):
            yield self._make("heading", self._words(block.content), level=block.level)
        elif isinstance(block, Code):
            words: list[Any] = [[(block.text, {})]] if block.text else []
            yield self._make("codeBlock", words, language=block.language or None)
        elif isinstance(block, Rule):
            yield self._make("horizontalRule")
        elif isinstance(block, Quote):
            yield self._make("blockquote", self._inside(block.blocks))
        elif isinstance(block, List):
            yield self._list(block)
        elif isinstance(block, Table):
            yield self._table(block)

    def _inside(self, blocks: Iterable[Block]) -> list[_Element]:
        return [element for block in blocks for element in self.elements(block)] or [self._make("paragraph")]

    def _list(self, block: List) -> _Element:
        if block.kind == "task" and self._dialect.tasks:
            items = [self._make("taskItem", self._item(item), checked=item.checked) for item in block.items]
            return self._make("taskList", items)
        boxes = block.kind == "task"
        items = [self._make("listItem", self._item(_boxed(item) if boxes else item)) for item in block.items]
        if block.kind == "ordered":
            return self._make("orderedList", items, **{"start" if self._dialect.tasks else "order": block.start})
        return self._make("bulletList", items)

    def _item(self, item: Item) -> list[_Element]:
        inner = self._inside(item.blocks)
        # An item begins with a paragraph, or its editor throws it away.
        return inner if inner[0].tag == "paragraph" else [self._make("paragraph"), *inner]

    def _table(self, block: Table) -> _Element:
        rows = []
        for row in block.rows:
            cells = [
                self._make(
                    "tableHeader" if cell.header else "tableCell",
                    self._inside(cell.blocks),
                    colspan=cell.columns if cell.columns > 1 else None,
                    rowspan=cell.rows if cell.rows > 1 else None,
                )
                for cell in row
            ]
            rows.append(self._make("tableRow", cells))
        return self._make("table", rows)

    def _paragraphs(self, content: list[Inline]) -> Iterator[_Element]:
        """A paragraph; where pictures are blocks, what stands before and behind each is one of its own."""
        if not self._dialect.pictures_are_blocks or not any(isinstance(piece, Picture) for piece in content):
            yield self._make("paragraph", self._words(content))
            return
        words: list[Inline] = []
        for piece in [*content, None]:
            if isinstance(piece, Words):
                words.append(piece)
                continue
            if words := _trimmed(words):
                yield self._make("paragraph", self._words(words))
            words = []
            if piece is not None:
                yield self._image(piece)

    def _image(self, picture: Picture) -> _Element:
        return self._make("image", src=picture.source, alt=picture.words or None, width=picture.width)

    def _words(self, content: Iterable[Inline]) -> list[Any]:
        children: list[Any] = []
        runs: list[tuple[str, dict[str, Any]]] = []

        def end() -> None:
            if runs:
                children.append(runs.copy())
                runs.clear()

        for piece in content:
            if isinstance(piece, Picture):
                if self._dialect.pictures_are_blocks:
                    runs.append((piece.words or piece.source, self._marks(Marks(link=piece.source))))
                    continue
                end()
                children.append(self._image(piece))
                continue
            for number, words in enumerate(piece.text.split("\n")):
                if number:
                    end()
                    children.append(self._make("hardBreak"))
                if words:
                    runs.append((words, self._marks(piece.marks)))
        end()
        return children

    def _marks(self, marks: Marks) -> dict[str, Any]:
        flags = ("bold", "italic", "strike", "underline", "code")
        names = self._dialect.marks
        found: dict[str, Any] = {names[name]: {} for name in flags if getattr(marks, name)}
        return found | ({names["link"]: {"href": marks.link}} if marks.link else {})


def _trimmed(content: list[Inline]) -> list[Inline]:
    """Words without the white space at both ends."""
    words = [piece for piece in content if isinstance(piece, Words)]
    while words and not (text := words[0].text.lstrip()):
        words.pop(0)
    if words:
        words[0] = Words(text, words[0].marks)
    while words and not (text := words[-1].text.rstrip()):
        words.pop()
    if words:
        words[-1] = Words(text, words[-1].marks)
    return list(words)


def _boxed(item: Item) -> Item:
    """A task as an item of a list that has none."""
    box = Words("[x] " if item.checked else "[ ] ")
    first, *others = item.blocks or [Paragraph()]
    if isinstance(first, Paragraph):
        return Item([Paragraph([box, *first.content]), *others])
    return Item([Paragraph([box]), *item.blocks])


# -- from markup ------------------------------------------------------------------------------------------


def is_editors(nodes: list[Node]) -> bool:
    """Whether these nodes are what an editor writes, and not a text that happens to be XML."""
    return bool(nodes) and all(is_block(node.name) for node in nodes)


def replace_nodes(fragment: XmlFragment, nodes: list[Node]) -> None:
    """Make a fragment what these nodes say, which come from markup; to be called inside a transaction."""
    if len(fragment.children):
        del fragment.children[0 : len(fragment.children)]
    for element in reversed(_from_markup(nodes)):
        if isinstance(element, _Element):
            element.place(fragment, 0)


def _from_markup(nodes: Iterable[Node | Run | Embed]) -> list[Any]:
    children: list[Any] = []
    for node in nodes:
        if isinstance(node, Node) and not is_mark(node.name):
            children.append(_Element(node.name, _typed(node.attributes), _from_markup(node.children)))
        elif runs := list(_marked_runs(node, {})):
            if children and isinstance(children[-1], list):
                children[-1] += runs
            else:
                children.append(runs)
    return children


def _marked_runs(node: Node | Run | Embed, marks: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, Run):
        yield node.text, marks
    elif isinstance(node, Node):
        for child in node.children:
            yield from _marked_runs(child, marks | {node.name: dict(node.attributes)})


def _typed(attributes: dict[str, str]) -> dict[str, Any]:
    """Attributes of elements with the types that editors give them: numbers, true and false."""
    typed: dict[str, Any] = {}
    for name, value in attributes.items():
        if value in ("true", "false"):
            typed[name] = value == "true"
        elif name in _NUMBERS and (number := whole(value, 0, 999_999_999)) is not None:
            typed[name] = float(number)
        else:
            typed[name] = value
    return typed
