"""The HTTP API from the other side: what the command line talks through.

Requests that may be repeated are repeated while the server restarts or is busy, with full jitter. A server
that was not there from the beginning is an error at once.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from mmap import mmap
from typing import IO, Any, Self
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

from collab._version import __version__
from collab.commands.answers import DOCUMENTS, NOTICE, POSITION, TRASH, checked, checked_name
from collab.commands.answers import ApiError as ApiError
from collab.documents.document import Document
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.pieces import in_pieces

#: seconds that a server may be away in the middle of something
PATIENCE = 30.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
#: bytes of one piece of a large update; every server takes pieces of this size
PIECE = 256 * 1024
_CONNECT_TIMEOUT = 10.0
#: seconds without a byte after which a connection is taken for dead; streams have heartbeats
_SILENCE = 60.0
#: seconds that one answer may take in all
_LONGEST_ANSWER = 600.0
#: bytes of an answer, of one that refuses, and of one event of a stream
_MOST_ANSWER = 1 << 30
_MOST_REFUSAL = 64 * 1024
_MOST_EVENT = 256 * 2**20
#: documents that are listed, and pages of them
_MOST_DOCUMENTS = 1_000_000
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that was read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return _json(self.body)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream."""

    name: str
    data: str
    id: str

    @property
    def update(self) -> bytes:
        """The data of an ``update``."""
        try:
            return base64.b64decode(self.data, validate=True)
        except ValueError:
            raise _senseless() from None

    @property
    def json(self) -> Any:
        """The data of any other event."""
        return _json(self.data)


class ApiClient:
    """Requests to one server.

    Args:
        url: of the server, ``http://host:port``.
        token: sent with every request.
        patience: seconds that it may be away in the middle of something.
    """

    def __init__(self, url: str, token: str | None = None, *, patience: float = PATIENCE) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._patience = patience
        self._session: aiohttp.ClientSession
        self._reached = False

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": f"collab/{__version__}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_TIMEOUT, sock_read=_SILENCE)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._session.close()

    # -- requests -------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        json: Any = None,
        data: bytes | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """One request, repeated where that is safe and helps.

        Args:
            path: below ``/api/v1``, encoded; see :func:`document_path`.
            query: parameters; those that are None are left out.
            repeatable: whether doing it twice is the same as doing it once.

        Raises:
            ApiError
        """
        if json is not None:
            data = orjson.dumps(json)
        trouble_since: float | None = None
        pause = _FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(_LONGEST_ANSWER), self._request(method, path, query, data) as response:
                    return Answer(response.status, response.headers, await _body(response, _MOST_ANSWER))
            except TimeoutError:
                raise ApiError("unreachable", f"{self.url} does not come to an end.") from None
            except ApiError as error:
                trouble_since = self._may_go_on(error, trouble_since, repeatable=repeatable)
                await asyncio.sleep(error.retry_after or random.uniform(0, pause))
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _may_go_on(self, error: ApiError, since: float | None, *, repeatable: bool = True) -> float:
        """Raise ``error`` unless trying again is safe and may help; returns since when there is trouble."""
        if error.code == "unreachable":
            # Nobody knows how far the request came. And a server that never was there will not come.
            hopeful = repeatable and self._reached and not error.status
        else:
            hopeful = error.retry_after is not None and (repeatable or not error.fields.get("kept"))
        now = time.monotonic()
        since = since if since is not None else now
        if not hopeful or now + (error.retry_after or 0) - since > self._patience:
            raise error
        return since

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, query: dict[str, Any] | None, data: bytes | None, headers: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        given = {key: value for key, value in (query or {}).items() if value is not None}
        address = f"{self.url}/api/v1{path}" + (f"?{urlencode(given)}" if given else "")
        try:
            request = self._session.request(method, URL(address, encoded=True), data=data, headers=headers)
            async with request as response:
                self._reached = True
                if response.status >= 400:
                    raise _refusal(response.status, await _body(response, _MOST_REFUSAL, cut=True))
                yield response
        except TimeoutError:
            raise ApiError("unreachable", f"{self.url} does not answer.") from None
        except aiohttp.ClientError as error:
            raise ApiError("unreachable", f"{self.url} cannot be reached: {_reason(error)}") from None

    # -- documents ------------------------------------------------------------------------------

    async def documents(
        self, prefix: str = "", limit: int | None = None, *, deleted: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """All documents whose name begins with ``prefix``, page by page; ``limit`` of them at most.

        Args:
            deleted: what lies in the trash, instead.
        """
        after: str | None = None
        count = pages = 0
        while True:
            size = 1000 if limit is None else min(1000, limit - count)
            if size <= 0:
                return
            query = {"prefix": prefix or None, "limit": size, "after": after, "deleted": "true" if deleted else None}
            answer = await self.call("GET", "/documents", query=query)
            page = checked(answer.json, TRASH if deleted else DOCUMENTS)
            for document in page["documents"]:
                checked_name(document["name"])
                yield document
                count += 1
                if count == limit:
                    return
            before, after = after, page["next"]
            if after is None:
                return
            # A page may be empty and have a next: the server looks at so many names at a time.
            pages += 1
            if after == before or count > _MOST_DOCUMENTS or pages > _MOST_PAGES:
                raise ApiError("unreachable", f"{self.url} lists documents without end; say which with --prefix.")

    async def state(self, document: str, *, missing_is_empty: bool = False) -> bytes:
        """The document as one Yjs v1 update.

        Args:
            missing_is_empty: a document that does not exist is an empty one, not an error.
        """
        try:
            state = (await self.call("GET", document_path(document, "update"))).body
        except ApiError as error:
            if missing_is_empty and error.code == "not_found":
                return EMPTY_UPDATE
            raise
        return await asyncio.to_thread(_scanned, state)

    async def content(self, document: str, format: str, path: str | None = None) -> Answer:
        """The content of a document in a format that the server knows."""
        return await self.call("GET", document_path(document, "content"), query={"format": format, "path": path})

    async def send(self, document: str, update: bytes | mmap) -> AsyncIterator[tuple[int, int]]:
        """Apply a Yjs update, in pieces where it is large; yields (position, bytes) after each.

        Once the last position is there, everything is on the server's disk.
        """
        for piece in in_pieces(update, PIECE):
            answer = await self.call("POST", document_path(document, "update"), data=piece)
            yield checked(answer.json, POSITION)["position"], len(piece)

    async def download(self, path: str, query: dict[str, Any], into: IO[bytes]) -> int:
        """Write a response's body to ``into``, a file that can be rewound; returns its length.

        Raises:
            ApiError
        """
        trouble_since: float | None = None
        pause = _FIRST_PAUSE
        while True:
            into.seek(0)
            into.truncate()
            try:
                async with self._request("GET", path, query, None) as response:
                    async for piece in response.content.iter_chunked(PIECE):
                        into.write(piece)
                    return into.tell()
            except ApiError as error:
                trouble_since = self._may_go_on(error, trouble_since)
                await asyncio.sleep(error.retry_after or random.uniform(0, pause))
                pause = min(2 * pause, _LONGEST_PAUSE)

    # -- events ---------------------------------------------------------------------------------

    async def events(self, document: str, *, name: str | None = None) -> AsyncIterator[StreamEvent | ApiError]:
        """The events of a document, across lost connections.

        Yields:
            Events; and, whenever the connection is lost, the ApiError that says how, before it is
            made again.

        Raises:
            ApiError: the server refuses, or stays away for longer than the patience.
        """
        last: str | None = None
        lost_at: float | None = None
        pause = _FIRST_PAUSE
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
            try:
                path = document_path(document, "events")
                async with self._request("GET", path, {"name": name}, None, headers) as response:
                    async for event in _parse(response):
                        lost_at, pause = None, _FIRST_PAUSE
                        last = event.id or last
                        yield event
                        if event.name == "notice" and _is_final(checked(event.json, NOTICE)):
                            raise ApiError(event.json["code"], event.json["message"], status=403)
                lost = ApiError("unreachable", f"{self.url} ended the stream.")
            except ApiError as error:
                if error.retry_after is None and (error.code != "unreachable" or not self._reached):
                    raise
                lost = error
            now = time.monotonic()
            begins, lost_at = lost_at is None, lost_at if lost_at is not None else now
            if now + (lost.retry_after or 0) - lost_at > self._patience:
                raise lost
            if begins:
                yield lost
            await asyncio.sleep(lost.retry_after or random.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)


def document_path(document: str, *more: str | int) -> str:
    """The path of a document below ``/api/v1``, or of something in it."""
    return "/".join(["/documents", *(quote(str(part), safe="") for part in (document, *more))])


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        problem = orjson.loads(body)
        return ApiError(str(problem["code"]), _one_line(problem["detail"]), status=status, fields=problem)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return ApiError("unreachable", f"This is not a collab server: HTTP status {status}.", status=status)


def _senseless() -> ApiError:
    return ApiError("unreachable", "This is not a collab server: its answer makes no sense.")


def _json(body: bytes | str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _senseless() from None


def _scanned(state: bytes) -> bytes:
    """A document's state, once its structure is known to do the CRDT library no harm."""
    try:
        document = Document()
        document.apply(state)
        return document.encode()
    except CollabError:
        raise ApiError("unreachable", "The server sends a document that cannot be read.") from None


async def _body(response: aiohttp.ClientResponse, most: int, *, cut: bool = False) -> bytes:
    """A response's body up to a bound, behind which it is an error, or is cut."""
    body = bytearray()
    async for piece in response.content.iter_chunked(PIECE):
        body += piece
        if len(body) > most:
            if cut:
                break
            # With a status: it came as far as an answer, and would be as large the next time.
            raise ApiError(
                "unreachable", f"The server sends more than {most >> 20} MiB at once.", status=response.status
            )
    return bytes(body)


def _is_final(notice: dict[str, Any]) -> bool:
    """Whether the server ends the stream behind this notice, and wants nobody back."""
    return notice["code"] in ("forbidden", "document_deleted", "unauthorized") or (
        notice["code"] == "token_expired" and "retry_after" not in notice
    )


def _reason(error: aiohttp.ClientError) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number)
    return _one_line(str(getattr(error, "strerror", None) or error)) or type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


async def _parse(response: aiohttp.ClientResponse) -> AsyncIterator[StreamEvent]:
    """Events, by the rules of the HTML standard as far as the server uses them."""
    name, data, id = "message", "", ""
    rest: list[bytes] = []  # pieces of a line that has not ended
    waiting = 0
    async for piece in response.content.iter_any():
        waiting += len(piece)
        if waiting > _MOST_EVENT:
            raise ApiError("unreachable", "The server sends an event without end.")
        if b"\n" not in piece:
            rest.append(piece)
            continue
        *lines, last = b"".join([*rest, piece]).split(b"\n")
        rest, waiting = [last], len(last) + len(data)
        for line in lines:
            field, _, value = line.decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    yield StreamEvent(name, data, id)
                name, data, id = "message", "", ""
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif field == "id":
                id = value
