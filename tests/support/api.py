"""The HTTP API in this process: an application on a free port, and a client for it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import quote

import aiohttp
import jwt
import orjson
from aiohttp import web
from pycrdt import Doc, Text
from yarl import URL

from collab import app as composition
from collab.config import Settings, load_settings
from collab.doors.http import event_streams
from collab.doors.http.api_schemas import ProblemSchema
from collab.doors.http.problems import PROBLEM_TYPE
from collab.hub.hub import Hub
from tests.support.ports import free_port

SECRET = "a secret of more than thirty-two bytes"
JWT = {"auth": "jwt", "jwt_secret": SECRET}


def mint(*grants: str, sub: str = "ann", ttl: float = 600.0, **claims: Any) -> str:
    """A token; grants are written ``pattern=role``."""
    listed = [dict(zip(("documents", "role"), grant.rsplit("=", 1), strict=True)) for grant in grants]
    return jwt.encode({"sub": sub, "exp": time.time() + ttl, "grants": listed, **claims}, SECRET, algorithm="HS256")


def http_session() -> aiohttp.ClientSession:
    """An HTTP client with a connection for each request.

    Of a server that ends and starts again none is left over, to fail when it is used next.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))


class ApiServer:
    """The composed application with the HTTP API, on a port that it picks.

    Args:
        settings: fields of :class:`Settings`.
        reader: replaces the worker processes.
        prefix: mounts it there in another application.
        auth: replaces the authenticator.
        heartbeat: seconds of silence after which an event stream gets a comment.
    """

    def __init__(
        self,
        settings: dict[str, Any] | None = None,
        *,
        reader: Any = None,
        prefix: str = "",
        auth: Any = None,
        heartbeat: float = event_streams.HEARTBEAT,
    ) -> None:
        self.settings: Settings = load_settings({"store": "memory://", **(settings or {})}, {})
        self._reader = reader
        self._heartbeat = heartbeat
        self._prefix = prefix
        self._auth = auth
        self.app: web.Application
        self.url = ""
        self._port = free_port()
        self._runner: web.AppRunner

    @property
    def hub(self) -> Hub:
        """The hub of the application."""
        hub: Hub = self.app["hub"]
        return hub

    @property
    def connections(self) -> list[Any]:
        """The open connections, each with a ``transport``."""
        assert self._runner.server is not None
        return list(self._runner.server.connections)

    async def start(self) -> ApiServer:
        """Listen; again on the same port after :meth:`stop`."""
        workers = composition.Workers  # type: ignore[attr-defined]
        with (
            mock.patch.object(composition, "Workers", side_effect=lambda: self._reader or workers()),
            mock.patch.object(event_streams, "HEARTBEAT", self._heartbeat),
        ):
            self.app = composition.create_app(self.settings, auth=self._auth)
        served = self.app
        if self._prefix:
            served = web.Application()
            served.add_subapp(self._prefix, self.app)
        self._runner = web.AppRunner(served, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}{self._prefix}"
        return self

    async def stop(self) -> None:
        """Stop listening, and let go of everything."""
        await self._runner.cleanup()


@dataclass
class Answer:
    """A response, read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, which has to be one."""
        assert self.headers["Content-Type"] == "application/problem+json", (self.status, self.body[:300])
        problem = self.json
        assert problem["status"] == self.status
        assert {"type", "title", "detail", "code", "retryable"} <= problem.keys()
        code: str = problem["code"]
        return code


class Api:
    """Requests to one server (anything with a ``url``), on behalf of whoever has ``token``."""

    def __init__(self, server: Any, http: aiohttp.ClientSession, token: str | None = None) -> None:
        self.server = server
        self.http = http
        self.token = token

    def as_(self, token: str | None) -> Api:
        """The same, for somebody else."""
        return Api(self.server, self.http, token)

    def url(self, path: str) -> Any:
        """The address of a path below /api/v1, which is encoded already."""
        return URL(f"{self.server.url}/api/v1{path}", encoded=True)

    async def __call__(
        self, method: str, path: str, json: Any = None, *, data: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        fields = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        if json is not None:
            data = orjson.dumps(json)
            fields["Content-Type"] = "application/json"
        async with self.http.request(method, self.url(path), data=data, headers=fields) as response:
            answer = Answer(response.status, response.headers, await response.read())
        if response.content_type == PROBLEM_TYPE:
            faults = ProblemSchema().validate(answer.json)
            assert not faults, f"not the problem that /openapi.json describes: {faults}"
        return answer

    async def edit(self, document: str, *operations: dict[str, Any]) -> Answer:
        """PATCH operations."""
        return await self("PATCH", f"{where(document)}/content", {"operations": list(operations)})

    async def write(self, document: str, text: str) -> int:
        """Make the text at /body read ``text``; returns the position."""
        answer = await self.edit(document, {"op": "text.replace", "path": "/body", "text": text})
        assert answer.status == 200, answer.body
        position: int = answer.json["position"]
        return position

    async def read(self, document: str) -> str:
        """The text at /body."""
        answer = await self("GET", f"{where(document)}/content?format=text&path=/body")
        assert answer.status == 200, answer.body
        return answer.body.decode()

    def events(
        self, document: str, *, last: str | None = None, query: str = "", stream: str | None = None
    ) -> EventStream:
        """``async with api.events(...) as stream``: the document's events, or those of one of its streams."""
        path = "/events" if stream is None else f"/streams/{stream}/events"
        return EventStream(self, document, last, path + query)

    def inbox(self, *, last: str | None = None, query: str = "") -> EventStream:
        """The same of the inbox."""
        return EventStream(self, "", last, "/inbox/events" + query)


def where(document: str) -> str:
    """The path of a document below /api/v1."""
    return f"/documents/{quote(document, safe='')}"


@dataclass
class Event:
    """One event as EventSource would dispatch it; ``last_id`` is its ``lastEventId``."""

    name: str
    data: str
    last_id: str

    @property
    def json(self) -> Any:
        """The data as JSON."""
        return orjson.loads(self.data)


@dataclass
class EventStream:
    """Reads a stream by the rules of the HTML standard, and keeps a replica of the document."""

    api: Api
    document: str
    last: str | None = None
    path: str = "/events"
    doc: Doc[Any] = field(default_factory=Doc)
    events: list[Event] = field(default_factory=list)
    comments: int = 0
    retry: int | None = None
    ended: bool = False

    async def __aenter__(self) -> EventStream:
        api = self.api
        headers = {"Accept": "text/event-stream"}
        if api.token:
            headers["Authorization"] = f"Bearer {api.token}"
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        timeout = aiohttp.ClientTimeout(total=None)
        self.response = await api.http.get(
            api.url((where(self.document) if self.document else "") + self.path), headers=headers, timeout=timeout
        )
        self._lines = self._read_lines()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.response.close()

    async def _read_lines(self) -> AsyncIterator[str]:
        buffer = b""
        async for piece in self.response.content.iter_any():
            *lines, buffer = (buffer + piece).split(b"\n")
            for line in lines:
                yield line.decode()

    @property
    def text(self) -> str:
        """The text at /body of the replica."""
        return str(self.doc.get("body", type=Text))

    async def next(self, timeout: float = 30.0) -> Event | None:
        """The next event; None at the end of the stream."""
        name, data = "message", []
        while True:
            try:
                line = await _within(anext(self._lines), timeout)
            except StopAsyncIteration:
                self.ended = True
                return None
            field_name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if not data:
                    continue
                event = Event(name, "\n".join(data), self.last or "")
                self.events.append(event)
                if name == "update":
                    self.doc.apply_update(base64.b64decode(event.data))
                return event
            if not field_name:
                self.comments += 1
            elif field_name == "event":
                name = value
            elif field_name == "data":
                data.append(value)
            elif field_name == "id":
                self.last = value
            elif field_name == "retry":
                self.retry = int(value)

    async def until(self, name: str, timeout: float = 30.0) -> Event:
        """The next event with this name."""
        while True:
            event = await self.next(timeout)
            assert event is not None, f"ended before {name!r}; had {[each.name for each in self.events]}"
            if event.name == name:
                return event

    async def until_text(self, text: str, timeout: float = 30.0) -> None:
        """Read on until the replica says ``text``."""
        while self.text != text:
            event = await self.next(timeout)
            assert event is not None, f"ended with {self.text[:200]!r}"


async def _within(awaitable: Any, timeout: float) -> Any:
    async with asyncio.timeout(timeout):
        return await awaitable
