"""Content as it stands in an HTTP answer. Runs in a worker process: nothing here needs the server."""

from __future__ import annotations

from typing import Final, Literal

import orjson

from collab.content.rendering import CONTENT_FORMATS, ContentFormat, render

Format = Literal[ContentFormat, "update"]
FORMATS: Final[tuple[Format, ...]] = (*CONTENT_FORMATS, "update")
MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "text": "text/plain",
    "markdown": "text/markdown",
    "html": "text/html",
    "update": "application/octet-stream",
}
#: what a browser may do that is sent to an answer itself: nothing, though the answer asks for nothing either
HTML_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; img-src https: http: data:; sandbox"}


def render_body(state: bytes, path: str | None, format: ContentFormat) -> bytes:
    """The content of a document (Yjs v1 ``state``) at ``path``, as UTF-8.

    Raises:
        CollabError: as :func:`collab.content.rendering.render`.
    """
    content = render(state, path, format)
    if format != "json":
        return str(content).encode()
    # The CRDT library gives the keys of a map in any order.
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
