"""Requests for unit tests of what serves them: made by hand, for whoever the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import orjson
from aiohttp import web
from yarl import URL

from collab.content.workers import Workers
from collab.doors.http.answers import Call
from collab.doors.http.rates import Rate
from collab.types import Grant, Identity, Role

ADMIN = Identity("root", "Root", "#000000", default_role=Role.ADMIN)


def ann(*grants: str, **more: Any) -> Identity:
    """Ann, who has ``pattern=role``."""
    pairs = (grant.rsplit("=", 1) for grant in grants)
    return Identity("ann", "Ann", "#000000", grants=tuple(Grant(p, Role.parse(r)) for p, r in pairs), **more)


def call(
    document: str = "notes", *, who: Identity = ADMIN, body: Any = None, address: str = "203.0.113.9",
    match: dict[str, str] | None = None, **query: Any,
) -> Call:  # fmt: skip
    """A request."""
    request = SimpleNamespace(
        match_info=match or {}, rel_url=URL(f"/documents/{document}"), if_none_match=None, get=lambda _key: None
    )
    return Call(request, who, who.role_for(document), document, query, body, Rate(1e9, 1e9), address)  # type: ignore[arg-type]


def json_of(response: web.StreamResponse) -> Any:
    """What an answer says."""
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    return orjson.loads(response.body)


class Inline(Workers):
    """Computes in this process; ``before`` is called in front of each."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], Any] = lambda: None

    def open(self) -> None:
        """Nobody is hired."""

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        yield

    def turn(self, owner: Hashable) -> Any:
        """See :class:`Workers`."""
        return self._turn()

    async def run(self, function: Callable[..., Any], *args: Any, timeout: float = 5.0) -> Any:
        """See :class:`Workers`."""
        self.before()
        return function(*args)
