"""Whoever asks for readiness costs nothing: the store is asked once a second, whatever many there are."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp

from collab.errors import CollabError
from tests.wire.conftest import Serve


async def test_five_hundred_questions_are_one_look_at_the_store(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve()
    store: Any = api.server.hub.store
    asked = 0
    check = store.check

    async def counted() -> Any:
        nonlocal asked
        asked += 1
        return await check()

    store.check = counted

    async def ask() -> int:
        async with http.get(f"{api.server.url}/readyz") as response:
            return response.status

    began = time.monotonic()
    for _ in range(10):
        assert set(await asyncio.gather(*(ask() for _ in range(50)))) == {200}
    assert asked <= time.monotonic() - began + 1


async def test_a_store_that_fails_is_told_within_a_second(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve()
    store: Any = api.server.hub.store

    async def status() -> int:
        async with http.get(f"{api.server.url}/readyz") as response:
            return response.status

    async def fails() -> None:
        raise CollabError("storage_unavailable")

    assert await status() == 200
    store.check = fails
    async with asyncio.timeout(10):
        while await status() != 503:
            await asyncio.sleep(0.05)
