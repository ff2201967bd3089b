"""Content as it stands in an HTTP answer. Runs in a worker process: nothing here needs the server."""

from __future__ import annotations

from typing import Literal

import orjson

from collab.documents.reading import read

Format = Literal["json", "text", "update"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "text": "text/plain",
    "update": "application/octet-stream",
}


def render(state: bytes, path: str | None, format: Literal["json", "text"]) -> bytes:
    """The content of a document (Yjs v1 ``state``) at ``path``, as UTF-8.

    Raises:
        CollabError: as :func:`collab.documents.reading.read`.
    """
    content = read(state, path, format)
    if format == "text":
        return str(content).encode()
    # The CRDT library gives the keys of a map in any order.
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
