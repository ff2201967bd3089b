"""Types that are text, list and attributes in one, as every type of Yjs 14 is: read from the structure of a state.

The CRDT library reads a type as one of these and leaves out the rest. As JSON such a type is what Yjs 14 makes of it:
``{"name"?, "children"?, "attrs"?}``, in which children are words, values, and types inside.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Set
from typing import Any

import orjson

from collab.content.items import Item, Shared, State
from collab.content.roots import MAX_NESTING
from collab.content.xml import MAX_NODES, Embed, Node, Run
from collab.errors import CollabError
from collab.protocol.codec import DecodeError, Reader
from collab.protocol.yjs_structs import (
    ANY,
    ANY_ARRAY,
    ANY_BIGINT,
    ANY_BYTES,
    ANY_FALSE,
    ANY_FLOAT32,
    ANY_FLOAT64,
    ANY_INTEGER,
    ANY_OBJECT,
    ANY_TEXT,
    ANY_TRUE,
    BINARY,
    EMBED,
    FORMAT,
    MAX_DEPTH,
    NAMED_TYPES,
    STRING,
    TYPE,
)


def read_mixed(state: bytes, names: Set[str]) -> dict[str, Node]:
    """The roots of a state (Yjs v1) that have these names, with everything in them.

    Attributes of a node may be nodes, too.

    Raises:
        CollabError: ``invalid_update`` for a state that cannot be read, ``document_too_large`` for too much in it.
    """
    if not names:
        return {}
    try:
        items = State(state)
        items.integrate(items)
        reading = _Reading()
        return {name: reading.node("", items.roots[name], 0) for name in sorted(names) if name in items.roots}
    except (DecodeError, IndexError, KeyError, ValueError):
        raise CollabError("invalid_update", "This document is damaged.") from None


class _Reading:
    def __init__(self) -> None:
        self._left = MAX_NODES

    def node(self, name: str, shared: Shared, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise CollabError("invalid_update", "This document is nested too deep to be read.")
        node = Node(name, {})
        marks: dict[str, Any] = {}
        for item in shared.sequence():
            if item.deleted:
                continue
            self._left -= 1
            if self._left < 0:
                raise CollabError("document_too_large", f"This document has more than {MAX_NODES} elements.")
            if item.kind == FORMAT:
                marks = _marked(marks, Reader(item.content))
            elif item.kind == STRING:
                last = node.children[-1] if node.children else None
                if isinstance(last, Run) and last.marks == marks:
                    node.children[-1] = Run(last.text + item.content, marks)
                else:
                    node.children.append(Run(item.content, marks))
            else:
                node.children += [
                    value if isinstance(value, Node) else Embed(value, marks) for value in self._values(item, depth)
                ]
        for key, item in sorted(shared.entries().items()):
            for value in self._values(item, depth):
                node.attributes[key] = value
        return node

    def _values(self, item: Item, depth: int) -> Iterator[Any]:
        if item.kind == ANY:
            for raw in item.content:
                yield value_of(Reader(raw))
        elif item.kind == EMBED:
            yield orjson.loads(Reader(item.content).var_string())
        elif item.kind == BINARY:
            yield list(Reader(item.content).var_bytes())
        elif item.kind == STRING:
            yield item.content
        elif item.kind == TYPE and item.shared is not None:
            reader = Reader(item.content)
            name = reader.var_string() if reader.var_uint() in NAMED_TYPES else ""
            yield self.node(name, item.shared, depth + 1)


def _marked(marks: dict[str, Any], reader: Reader) -> dict[str, Any]:
    key, value = reader.var_string(), orjson.loads(reader.var_string())
    rest = {name: one for name, one in marks.items() if name != key}
    return rest if value is None else {**rest, key: value}


def value_of(reader: Reader, depth: int = 0) -> Any:
    """The next lib0 "any" value as JSON: binary values are lists of bytes, and what is no number is null."""
    tag = reader.take(1)[0]
    if tag == ANY_TEXT:
        return reader.var_string()
    if tag == ANY_INTEGER:
        byte = reader.take(1)[0]
        whole, shift, negative = byte & 0x3F, 6, byte & 0x40
        while byte >= 0x80 and shift < 70:
            byte = reader.take(1)[0]
            whole |= (byte & 0x7F) << shift
            shift += 7
        return -whole if negative else whole
    if tag in (ANY_FLOAT32, ANY_FLOAT64):
        form, size = (">f", 4) if tag == ANY_FLOAT32 else (">d", 8)
        number: float = struct.unpack(form, reader.take(size))[0]
        return number if number - number == 0 else None
    if tag == ANY_BIGINT:
        return int.from_bytes(reader.take(8), "big", signed=True)
    if tag in (ANY_TRUE, ANY_FALSE):
        return tag == ANY_TRUE
    if tag == ANY_BYTES:
        return list(reader.var_bytes())
    if tag not in (ANY_ARRAY, ANY_OBJECT):
        return None
    if depth > MAX_DEPTH:
        raise DecodeError("a value is nested too deep")
    count = reader.var_uint()
    if tag == ANY_ARRAY:
        return [value_of(reader, depth + 1) for _ in range(count)]
    return {reader.var_string(): value_of(reader, depth + 1) for _ in range(count)}


# -- as JSON and as text -----------------------------------------------------------------------------------


def json_of(node: Node) -> dict[str, Any]:
    """A node as JSON, as ``toJSON`` of Yjs 14 has it."""
    made: dict[str, Any] = {"name": node.name} if node.name else {}
    if node.children:
        made["children"] = [_json(child) for child in node.children]
    if node.attributes:
        made["attrs"] = {key: _json(value) for key, value in node.attributes.items()}
    return made


def _json(value: Any) -> Any:
    if isinstance(value, Node):
        return json_of(value)
    if isinstance(value, Run):
        return value.text
    return value.value if isinstance(value, Embed) else value


def text_of(node: Node) -> str:
    """The words of a node: those of each node inside, and each value, on a line of its own."""
    return "\n".join(_lines(node))


def _lines(node: Node) -> Iterator[str]:
    words: list[str] = []
    for child in node.children:
        if isinstance(child, Run):
            words.append(child.text)
            continue
        if words:
            yield "".join(words)
            words = []
        if isinstance(child, Node):
            yield from _lines(child)
        elif isinstance(child.value, str):
            yield child.value
        elif child.value is not None:
            yield orjson.dumps(child.value).decode()
    if words:
        yield "".join(words)
