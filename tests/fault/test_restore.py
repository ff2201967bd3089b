"""A version is restored while people type: an ordinary edit, which everybody gets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from tests.support.api import http_session
from tests.support.server import CollabServer
from tests.support.typists import Typist, read

NAMESPACE = "/doc/restored"


async def _same(typists: list[Typist], accept: Callable[[str], bool]) -> str:
    async with asyncio.timeout(10):
        while True:
            texts = {typist.text for typist in typists}
            if len(texts) == 1 and accept(text := texts.pop()):
                return text
            await asyncio.sleep(0.02)


async def test_a_restore_while_three_clients_type(start_server: Callable[..., CollabServer], tmp_path: Path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/a.db")
    api = f"{server.url}/api/v1/documents/restored"
    typists = [Typist(number, NAMESPACE, random.Random(number)) for number in range(3)]
    async with http_session() as http:
        for typist in typists:
            await typist.connect(server, http)
        typing = [asyncio.create_task(typist.type(20)) for typist in typists]

        async def typed(count: int) -> list[str]:
            """Wait until everybody typed ``count`` more words, all of them acknowledged; returns these."""
            before = [len(typist.sent) for typist in typists]
            async with asyncio.timeout(20):
                while True:
                    new = [typist.sent[known:][:count] for typist, known in zip(typists, before, strict=True)]
                    if all(
                        len(words) == count and set(words) <= typist.acknowledged
                        for typist, words in zip(typists, new, strict=True)
                    ):
                        return [word for words in new for word in words]
                    await asyncio.sleep(0.01)

        kept = await typed(10)
        async with http.post(f"{api}/versions", json={"name": "draft"}) as response:
            assert response.status == 201, await response.text()
            version = (await response.json())["id"]
        gone = await typed(10)
        async with http.post(f"{api}/versions/{version}/restore") as response:
            assert response.status == 200, await response.text()
            assert (await response.json())["position"] > 0
        after = await typed(10)
        for task in typing:
            task.cancel()
        await asyncio.gather(*typing, return_exceptions=True)
        for typist in typists:  # once the last word is on disk, all are
            assert typist.editor is not None
            after.append(f"<last of {typist.number}>")
            assert (await typist.editor.type(after[-1], None))["durable"]
        text = await _same(typists, lambda text: all(word in text for word in after))
        assert all(word in text for word in kept), "what the version held is back"
        assert not any(word in text for word in gone), "what came after the version is gone"
        assert await read(server, http, NAMESPACE) == text
        async with http.get(f"{api}/history") as response:
            assert sum(entry["updates"] for entry in (await response.json())["history"]) >= 90
        for typist in typists:
            await typist.close()
        server.kill()
        server.start()
        assert await read(server, http, NAMESPACE) == text
