"""What the program asks of a door, and a door of the wire behind it.

How sessions are written to (``Encoder``, ``Pipe``, ``Lane``) is asked by the hub, and stands in
:mod:`collab.hub.outlets`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aiohttp import web

from collab.errors import CollabError
from collab.hub.outlets import Pipe
from collab.metrics import AUTHENTICATED


class Door(Protocol):
    """One way in. The application opens, drains and closes all of them alike, and knows no more of any."""

    def add_routes(self, app: web.Application) -> None:
        """Add what this door answers to; none where it is no door of the network."""

    async def drain(self, waves: int, pause: float) -> None:
        """Ask everybody, who had a notice before, to reconnect: in ``waves``, ``pause`` seconds after each other."""

    async def close(self) -> None:
        """End every connection."""


class Wire(Pipe, Protocol):
    """What one connection reads from and writes to; its door makes it.

    Attributes:
        closed: nothing is read or written any more.
        hold: what the reader waits for before it reads on.
        name: of the connection, short, for the log.
    """

    hold: Awaitable[Any] | None

    @property
    def closed(self) -> bool:
        """See above."""

    @property
    def name(self) -> str:
        """See above."""

    def expel(self, error: CollabError | None) -> None:
        """End the connection, because of ``error``; None: whoever opened it did nothing with it."""


@contextmanager
def counted_sign_in() -> Iterator[None]:
    """Count what comes of looking at a token."""
    try:
        yield
    except CollabError as error:
        AUTHENTICATED.add(error.code)
        raise
    AUTHENTICATED.add("ok")
