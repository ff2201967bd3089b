"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.redis_server import needs_redis
from tests.support.seeds import FIXED
from tests.support.server import CollabServer

# A shell that starts the tests in its background has them, and every program that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine, not about us.
# What lands is judged by the same examples each time; elsewhere each run looks at others.
settings.register_profile("collab", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=FIXED)
settings.register_profile("fast", settings.get_profile("collab"), max_examples=10)
settings.load_profile("fast" if os.environ.get("FAST_TESTS") else "collab")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever starts a Redis is slow, and says so by needing one."""
    for item in items:
        if any(mark is needs_redis.mark for mark in item.iter_markers("skipif")):
            item.add_marker(pytest.mark.slow)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by what they are for: an update has a client id that was drawn by lot, and all workers of
    pytest-xdist have to find the same tests."""
    return argname if isinstance(val, bytes) and len(val) > 12 else None


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
