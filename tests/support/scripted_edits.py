"""Batches of operations, and a document to try them on."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collab.content.editing import edit
from collab.documents.document import Document
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE, write_var_bytes, write_var_uint


def op(name: str, path: str = "/body", **fields: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **fields}


def done(*batch: dict[str, Any], state: bytes = EMPTY_UPDATE) -> bytes:
    """The state after a batch; the update goes through the door that all foreign updates go through."""
    update = edit(state, list(batch))
    document = Document.load(state, [])
    document.apply(update)
    assert not document.poisoned
    return document.encode()


def text_state(text: str, name: str = "body") -> bytes:
    return done(op("text.insert", f"/{name}", index=0, text=text))


def refused(*batch: Any, state: bytes = EMPTY_UPDATE) -> CollabError:
    with pytest.raises(CollabError) as raised:
        edit(state, list(batch))
    assert raised.value.code == "invalid_payload"
    return raised.value


def _sample() -> bytes:
    doc: Doc[Any] = Doc(client_id=1)
    text = doc.get("t", type=Text)
    text += "a😀b"
    mapping = doc.get("m", type=Map)
    mapping["k"] = {"plain": 1}
    mapping["sub"] = Map({"title": Text("In"), "n": 1})
    mapping["xml"] = XmlFragment([])
    doc.get("a", type=Array).extend([1, Map({"x": 1})])
    doc.get("x", type=XmlFragment).children.append(XmlElement("p", {}, [XmlText("hey")]))
    return doc.get_update()


SAMPLE = _sample()


# -- states, byte by byte --------------------------------------------------------------------------------


def items(client: int, *structs: bytes) -> bytes:
    head = write_var_uint(1) + write_var_uint(len(structs)) + write_var_uint(client) + b"\0"
    return head + b"".join(structs) + b"\0"


def named(kind: int, root: str, content: bytes) -> bytes:
    return bytes([kind]) + b"\1" + write_var_bytes(root.encode()) + content


def inside(kind: int, client: int, clock: int, content: bytes) -> bytes:
    return bytes([kind]) + b"\0" + write_var_uint(client) + write_var_uint(clock) + content
