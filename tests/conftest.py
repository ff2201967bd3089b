"""Fixtures for all tests."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.server import CollabServer

# A shell that starts the tests in its background has them, and every program that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine, not about us.
settings.register_profile("collab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("collab")


@pytest.fixture
def start_server() -> Iterator[Callable[..., CollabServer]]:
    """Start servers with the arguments of :class:`CollabServer`; they end with the test."""
    servers: list[CollabServer] = []

    def start(store: str = "memory://", **options: Any) -> CollabServer:
        server = CollabServer(store, **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def shared_server() -> Iterator[CollabServer]:
    """One server in memory for all tests of a module, which use documents of their own."""
    server = CollabServer("memory://").start()
    yield server
    server.kill()
