"""The inbox of a participant with a token: who has named or answered them, in any document that they may read.

from collab.client import inbox

async with inbox("http://127.0.0.1:8080", token=token) as mine:
    page = await mine.read(unread=True)
    async for entry in mine.events(page.last):
        print(entry.sender["name"], entry.excerpt)
        await mine.mark([entry.id])
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from yarl import URL

from collab.client.options import Backoff, TokenSource
from collab.client.socketio import error_from
from collab.client.token_source import current_token
from collab.client.unreachable import Disconnected
from collab.errors import CollabError

#: seconds for one request
TIMEOUT = 30.0
#: seconds of silence after which a stream counts as lost: a comment comes every 15
SILENCE = 40.0
#: bytes of one event: far more than a page of entries has
MAX_EVENT = 4 * 2**20

_NETWORK_ERRORS = (aiohttp.ClientError, OSError, asyncio.TimeoutError, Disconnected)


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """An entry: ``sender`` is ``{participant, name, agent}``, ``at`` the server's time (RFC 3339).

    ``type`` is ``mention``, ``reply``, or what a newer server has; ``stream`` and ``offset`` say of which event.
    """

    id: int
    type: str
    document: str
    sender: dict[str, Any]
    at: str
    excerpt: str
    read: bool
    stream: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Entries, oldest first, and how many of all that may be seen are not read."""

    entries: list[InboxEntry]
    unread: int

    @property
    def last(self) -> int:
        """The id of the last entry; 0: there is none."""
        return self.entries[-1].id if self.entries else 0


class Inbox:
    """Made by :func:`inbox`; an asynchronous context manager.

    Attributes:
        unread: how many entries are not read, as far as was heard; None: nothing was heard yet.
    """

    def __init__(
        self, url: str, token: TokenSource, *, http: aiohttp.ClientSession | None = None, backoff: Backoff | None = None
    ) -> None:
        self.unread: int | None = None
        base = URL(url)
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError(f"{url!r} is no URL of a server")
        self._url = base / "api/v1/inbox"
        self._token = token
        self._own = http is None
        self._http = http
        self._backoff = backoff or Backoff()

    async def __aenter__(self) -> Self:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own and self._http is not None:
            http, self._http = self._http, None
            await http.close()

    async def read(self, after: int | None = None, *, unread: bool = False, limit: int = 100) -> InboxPage:
        """Entries behind the id ``after``, the oldest first; without it the newest.

        Args:
            unread: only those that are not read.
            limit: how many at most, up to 500.

        Raises:
            CollabError: the server refuses (``unauthorized``, ...).
            ConnectionError: it cannot be reached.
        """
        query = {"limit": str(limit)} | ({} if after is None else {"after": str(after)})
        page = _page(await self._ask("GET", self._url.with_query(query | ({"unread": "true"} if unread else {}))))
        self.unread = page.unread
        return page

    async def mark(self, ids: Collection[int] = (), *, up_to: int | None = None) -> int:
        """Note as read the entries ``ids``, and all up to an id; how many are unread then. Raises as :meth:`read`."""
        body = ({"ids": list(ids)} if ids or up_to is None else {}) | ({} if up_to is None else {"up_to": up_to})
        self.unread = int((await self._ask("POST", self._url / "read", body))["unread"])
        return self.unread

    async def events(self, after: int | None = None) -> AsyncGenerator[InboxEntry, None]:
        """Entries behind the id ``after`` (without it the newest 100), then every one that comes, each once.

        It goes on through every interruption; ``unread`` is kept up to date meanwhile.

        Raises:
            CollabError: the server refuses for good.
            ConnectionError: it is not entered, or was left.
        """
        tries = 0
        while self._entered():
            try:
                async for page in self._follow(after):
                    tries, self.unread = 0, page.unread
                    for entry in page.entries:
                        after = entry.id
                        yield entry
                    if after is None:
                        after = 0  # there was nothing: whatever comes is new
            except CollabError as error:
                another = error.code == "token_expired" and callable(self._token)
                if not error.retryable and not another:
                    raise
                await asyncio.sleep(self._backoff.delay(tries, error.retry_after))
            except _NETWORK_ERRORS:
                await asyncio.sleep(self._backoff.delay(tries))
            tries += 1

    async def _follow(self, after: int | None) -> AsyncIterator[InboxPage]:
        headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
        limits = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=SILENCE)
        async with await self._request("GET", self._url / "events", headers=headers, timeout=limits) as response:
            name, data = "", ""
            async for raw in _lines(response):
                field, _, value = raw.partition(":")
                value = value.removeprefix(" ")
                if field == "event":
                    name = value
                elif field == "data":
                    data += value
                elif not raw and data:
                    said = orjson.loads(data)
                    if name == "notice":
                        raise error_from(said)
                    if name == "inbox":
                        yield _page(said)
                    name, data = "", ""

    async def _ask(self, method: str, url: URL, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if data is not None else {}
        try:
            limits = aiohttp.ClientTimeout(total=TIMEOUT)
            async with await self._request(method, url, headers=headers, data=data, timeout=limits) as response:
                return orjson.loads(await response.read())
        except _NETWORK_ERRORS as error:
            raise ConnectionError(f"the server cannot be reached: {error}") from error
        except ValueError as error:
            raise ConnectionError("the answer is none of a collab server") from error

    def _entered(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise ConnectionError("the inbox is not open")
        return self._http

    async def _request(self, method: str, url: URL, headers: dict[str, str], **more: Any) -> aiohttp.ClientResponse:
        """The answer, if it is one of success; raises CollabError otherwise."""
        http = self._entered()
        token = await current_token(self._token)
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        response = await http.request(method, url, headers=headers, allow_redirects=False, **more)
        if response.status == 200:
            return response
        async with response:
            try:
                problem = orjson.loads(await response.read())
            except ValueError:
                problem = None
        if not isinstance(problem, dict) or "code" not in problem:
            raise Disconnected(f"HTTP {response.status}")
        raise error_from({"message": problem.get("detail"), **problem})


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    rest = b""
    async for piece in response.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode()
        if len(rest) > MAX_EVENT:
            raise Disconnected("an event that is too long")


def _page(said: Any) -> InboxPage:
    return InboxPage([_entry(each) for each in said["events"]], int(said["unread"]))


def _entry(said: dict[str, Any]) -> InboxEntry:
    return InboxEntry(
        said["id"], said["type"], said["document"], said["from"], said["at"], said["excerpt"], said["read"],
        said.get("stream"), said.get("offset"),
    )  # fmt: skip


def inbox(
    url: str, *, token: TokenSource, http: aiohttp.ClientSession | None = None, backoff: Backoff | None = None
) -> Inbox:
    """The inbox of whoever has ``token``, to be entered with ``async with``.

    Args:
        url: of the server, ``http://127.0.0.1:8080``.
        token: a JWT, or a function (plain or asynchronous) that returns one; it is asked before every request.
        http: an HTTP client to use; it stays open.
        backoff: how long :meth:`Inbox.events` waits between attempts.

    Raises:
        ValueError: the URL is none of a server.
    """
    return Inbox(url, token, http=http, backoff=backoff)
