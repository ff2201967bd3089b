"""Raw clients for wire tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.support.api import Api, ApiServer, http_session
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WebSocketWire

Connect = Callable[..., Awaitable[Client]]
Serve = Callable[..., Awaitable[Api]]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client without a limit on connections."""
    async with http_session() as session:
        yield session


@pytest.fixture
async def connect(shared_server: CollabServer, http: aiohttp.ClientSession) -> AsyncIterator[Connect]:
    """``await connect(namespace, auth=..., polling=..., server=...)``: a client that is in."""
    clients: list[Client] = []

    async def connect(
        namespace: str,
        auth: dict[str, Any] | None = None,
        *,
        polling: bool = False,
        server: CollabServer | None = None,
        headers: dict[str, str] | None = None,
    ) -> Client:
        url = (server or shared_server).url
        wire = PollingWire(url, http) if polling else WebSocketWire(url, http)
        client = Client(wire, namespace)
        clients.append(client)
        await client.connect(auth, headers)
        return client

    yield connect
    for client in clients:
        await client.close()


@pytest.fixture
async def serve(http: aiohttp.ClientSession) -> AsyncIterator[Serve]:
    """``await serve(settings)``: requests to a server of its own."""
    servers: list[ApiServer] = []

    async def start(settings: dict[str, Any] | None = None, **options: Any) -> Api:
        server = ApiServer(settings, **options)
        servers.append(server)
        await server.start()
        return Api(server, http)

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
async def api(serve: Serve) -> Api:
    """A server without auth."""
    return await serve()
