"""What the owner of a session may choose."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import aiohttp

from collab.client.engineio import TransportName

#: a token, or a function that returns one
TokenSource = str | Callable[[], "str | Awaitable[str | None] | None"] | None


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before trying again: a random part ("full jitter") of a time that doubles."""

    base: float = 0.5
    most: float = 30.0

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds before the given attempt (from 0 on), after what the server asked for."""
        return (retry_after or 0.0) + random.uniform(0.0, min(self.most, self.base * 2 ** min(attempt, 16)))


class Options(TypedDict, total=False):
    """What :func:`collab.client.session.connect` takes besides the server and the document; everything may be left out.

    ``token``: a JWT, or a function (plain or asynchronous) that returns one; it is asked before every
    connection and when the server says that the token expires soon.
    ``user``: how to be shown, ``{"name": ..., "color": ...}`` and free fields (``"avatar": "https://..."``), where the
    token does not say it.
    ``transports``: which to try, in this order.
    ``http``: an ``aiohttp.ClientSession`` to use, for proxies and certificates; it stays open.
    ``path``: of the Socket.IO endpoint, below what the URL has; ``/socket.io/``.
    ``open_timeout``: seconds for which opening goes on trying, by backoff; None: for good. Without it an address where
    no server is says so within seconds (:class:`collab.client.Unreachable`), and a document has 30 to become live.
    ``connect_timeout``: seconds for one attempt to connect, 10.
    ``close_timeout``: seconds that leaving waits for unsaved edits, 5.
    ``backoff``: how long to wait between attempts.
    """

    token: TokenSource
    user: Mapping[str, Any] | None
    transports: Sequence[TransportName]
    http: aiohttp.ClientSession | None
    path: str
    open_timeout: float | None
    connect_timeout: float
    close_timeout: float
    backoff: Backoff
