"""The way to a document: what a session needs of it, and the one over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import aiohttp
from yarl import URL

from collab.client.engineio import CONNECT_TIMEOUT, TRANSPORTS, TransportName, open_transport
from collab.client.options import Options
from collab.client.socketio import Event, Namespace
from collab.client.unreachable import Disconnected


class Link(Protocol):
    """One connection to one document, from when it is admitted until it ends."""

    @property
    def kind(self) -> str:
        """By what it leads there: ``websocket``, ``polling``, or ``process``."""

    async def receive(self) -> Event:
        """The next event.

        Raises:
            Dismissed: the server ended the session.
            Disconnected: the connection ended.
        """

    def emit(self, event: str, *args: Any) -> None:
        """Send an event that needs no answer."""

    def call(self, event: str, *args: Any) -> asyncio.Future[Any]:
        """Send an event; the future holds its answer, or Disconnected if none can come any more."""

    def answer(self, id: int, *args: Any) -> None:
        """Answer an event of the server."""

    async def drop(self) -> None:
        """End the connection without a word, so that whoever receives makes it anew. Never raises."""

    async def close(self, *, politely: bool = True) -> None:
        """Leave and end the connection. Never raises."""


class Dialer(Protocol):
    """Makes links to documents; asked again whenever one has ended."""

    @property
    def place(self) -> str:
        """Where it connects to, for people."""

    async def dial(self, document: str, auth: dict[str, Any]) -> Link:
        """Connect to ``document`` with the ``auth`` of CONNECT.

        Raises:
            CollabError: the server refuses.
            Disconnected: it cannot be reached.
        """


class NetworkDialer:
    """Connects to a server over Socket.IO.

    Args:
        url: of the server.
        path: of the Socket.IO endpoint below it.
        transports: which to try, in this order.
        http: an HTTP client to use; without it each link has its own.
        timeout: seconds for one attempt.

    Raises:
        ValueError: the URL is none of a server, or a transport is unknown.
    """

    def __init__(
        self,
        url: str,
        *,
        path: str = "/socket.io/",
        transports: Sequence[TransportName] = TRANSPORTS,
        http: aiohttp.ClientSession | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.endpoint = _endpoint(url, path)
        self._transports = _checked(transports)
        self._http = http
        self._timeout = timeout

    @property
    def place(self) -> str:
        """The server."""
        return str(self.endpoint.origin())

    async def dial(self, document: str, auth: dict[str, Any]) -> Link:
        """See :class:`Dialer`."""
        http = self._http or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT))
        own = None if http is self._http else http
        namespace: Namespace | None = None
        try:
            transport = await open_transport(http, self.endpoint, self._transports, timeout=self._timeout)
            namespace = Namespace(transport, f"/doc/{document}", own_http=own)
            async with asyncio.timeout(self._timeout):
                await namespace.connect(auth)
        except BaseException as error:
            if namespace is not None:
                await namespace.close()
            elif own is not None:
                await own.close()
            if isinstance(error, TimeoutError):
                raise Disconnected(f"no answer within {self._timeout:g} s", reason="timeout") from None
            raise
        return namespace


def dialer_of(url: str, options: Options) -> NetworkDialer:
    """The one that the owner of a session asks for; raises as it does."""
    return NetworkDialer(
        url,
        path=options.get("path", "/socket.io/"),
        transports=options.get("transports", TRANSPORTS),
        http=options.get("http"),
        timeout=options.get("connect_timeout", 10.0),
    )


def _endpoint(url: str, path: str) -> URL:
    base = URL(url)
    scheme = {"ws": "http", "wss": "https"}.get(base.scheme, base.scheme)
    if scheme not in ("http", "https") or not base.host:
        raise ValueError(f"not the URL of a server: {url!r}")
    return base.with_scheme(scheme).with_path(base.path.rstrip("/") + "/" + path.strip("/") + "/")


def _checked(transports: Sequence[TransportName]) -> tuple[TransportName, ...]:
    unknown = [name for name in transports if name not in TRANSPORTS]
    if unknown or not transports:
        raise ValueError(f"transports are some of {', '.join(TRANSPORTS)}, not {list(transports)}")
    return tuple(transports)
