"""Servers behind a real nginx, and nodes that share a real redis-server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.api import http_session
from tests.support.nginx import Nginx, nginx_binary
from tests.support.redis_server import BINARY, RedisServer
from tests.support.server import CollabServer

StartNginx = Callable[..., Nginx]
StartNode = Callable[..., CollabServer]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client without a limit on connections."""
    async with http_session() as session:
        yield session


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """``start_nginx({"a": server, ...}, **options)``: the shipped nginx in front of servers that run."""
    if nginx_binary() is None:
        pytest.skip("needs nginx (Debian: apt install nginx)")
    started: list[Nginx] = []

    def start(nodes: dict[str, CollabServer], **options: Any) -> Nginx:
        home = tmp_path / f"nginx-{len(started)}"
        home.mkdir()
        addresses = {name: f"127.0.0.1:{server.port}" for name, server in nodes.items()}
        nginx = Nginx(home, addresses, **options)
        started.append(nginx)
        return nginx.start()

    yield start
    for nginx in started:
        nginx.stop()


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis, logging to a directory of its own."""
    if BINARY is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture
def start_node(redis_server: RedisServer) -> Iterator[StartNode]:
    """Start nodes: ``start_node(redis_url=..., args=[...])``; they end with the test."""
    nodes: list[CollabServer] = []

    def start(redis_url: str | None = None, args: tuple[str, ...] | list[str] = (), **options: Any) -> CollabServer:
        url = redis_url or redis_server.url
        node = CollabServer(url, args=["--redis", url, *args], **options)
        nodes.append(node)
        return node.start()

    yield start
    for node in nodes:
        node.kill()
