"""What fuzzing begins with: one of each kind that readers know."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collab.protocol.awareness import AwarenessEntry, encode_awareness
from collab.protocol.codec import write_state_vector
from collab.protocol.hocuspocus import write_address
from collab.protocol.ywebsocket import write_sync

_DATA = Path(__file__).parents[2] / "tests" / "data"
_MARKDOWN = """# A [link](https://example.com/) and **bold *nested* ~~struck~~** `code`

1. one
   - [x] done
2. two

| a | b |
| --- | :-: |
| 1 | ![picture](a.png "t") |

> quoted
> ```py
> x < 1
> ```

---
<b>raw</b> &amp; [x](javascript:alert(1)) \\* escaped
"""
_SHAPES = {
    "a": {"type": "note", "x": 1, "y": 2.5, "w": 10, "h": 10, "text": "x <b>", "color": "red", "angle": 1},
    "b": {"type": "arrow", "points": [[0, 0], [5, 5]], "start": {"id": "a", "x": 0.5, "y": 1}, "stroke": "#fff"},
    "c": {"type": "pen", "points": [[0, 0], [1, 1]], "size": 3},
    "d": {"type": "image", "src": "data:image/png;base64,AA==", "x": 0, "y": 0, "w": 5, "h": 5},
}
_PAYLOADS: tuple[Any, ...] = (
    {"token": "t", "user": {"name": "n", "color": "c"}, "presence": "json"},
    {"event": "e", "data": [1]},
    {"path": "/a", "format": "json"},
    {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "Hi", "attributes": {"b": True}}]},
    {"stream": "chat", "event": "e", "data": {}},
    {"stream": "chat", "after": 3},
    {"body": "x", "list": [1, {"a": None}]},
)
_PACKETS = (
    '2/doc/a,7["cursor",{"x":1}]',
    '51-/doc/a,["sync-update",{"_placeholder":true,"num":0}]',
    '0/doc/a,{"token":"t"}',
    "1/doc/a,",
    "3/doc/a,7[]",
)


def _document() -> list[bytes]:
    doc: Doc[Any] = Doc(client_id=7)
    states = []
    body = doc.get("body", type=Text)
    body += "Hi \U0001f600"
    body.format(0, 2, {"bold": True})
    states.append(doc.get_update())
    doc.get("map", type=Map)["k"] = Map({"a": 1, "b": [1, None, "x"], "t": Text("t")})
    doc.get("list", type=Array).extend([1, 2.5, True, "s", Map({"deep": Array([1])})])
    states.append(doc.get_update())
    fragment = doc.get("content", type=XmlFragment)
    fragment.children.append(XmlElement("paragraph", {"align": "left"}, [XmlText("words")]))
    del body[0:1]
    doc.get("map", type=Map)["k"] = 2
    states.append(doc.get_update())
    return states


def _honest() -> Iterator[bytes]:
    """What Yjs wrote (tests/data/honest-updates.json)."""
    cases = json.loads((_DATA / "honest-updates.json").read_text())["cases"]
    return (b64decode(update) for case in cases for update in case["updates"])


def seeds(target: str) -> Iterator[bytes]:
    """What a target begins with."""
    states = _document()
    if target in ("update", "deletions"):
        yield from (*states, *_honest())
    elif target == "updates":
        yield b"".join(bytes((len(state),)) + state for state in states if len(state) < 256)
        yield from (bytes((len(each),)) + each for each in _honest() if len(each) < 256)
    elif target == "state-vector":
        yield write_state_vector({1: 2, 2**31: 2**30})
    elif target == "awareness":
        yield encode_awareness([AwarenessEntry(7, 3, '{"user":{"name":"n"},"cursor":null}')])
    elif target == "ywebsocket":
        yield from (write_sync(kind, states[0]) for kind in range(3))
    elif target == "hocuspocus":
        yield from (write_address("notes") + bytes((kind,)) + states[0] for kind in range(9))
    elif target == "socketio":
        yield from (packet.encode() for packet in _PACKETS)
    elif target in ("payloads", "operations"):
        yield from (json.dumps(payload).encode() for payload in _PAYLOADS)
    elif target == "svg":
        yield json.dumps(_SHAPES).encode()
    elif target in ("markdown", "file", "name"):
        yield _MARKDOWN.encode()
        yield from states if target == "file" else ()
