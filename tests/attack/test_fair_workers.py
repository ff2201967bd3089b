"""Much work of one participant at the worker processes holds up nobody else (rule S7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from collab.content.workers import Workers
from tests.support.api import JWT, mint, where
from tests.wire.conftest import Serve

#: seconds that every job takes: on any machine long beside everything else
JOB = 0.2


class Slow(Workers):
    """Workers that take their time."""

    async def run(self, function: Callable[..., Any], *args: Any, timeout: float = 5.0) -> Any:
        await asyncio.sleep(JOB)
        return await super().run(function, *args, timeout=timeout)


async def test_twenty_restores_of_one_editor_do_not_keep_others_from_reading(serve: Serve) -> None:
    api = await serve({**JWT, "rate_updates": 1000}, reader=Slow())
    ann, ben = api.as_(mint("*=editor", sub="ann")), api.as_(mint("*=editor", sub="ben"))
    await asyncio.gather(ann.write("large", "hello"), ben.write("small", "hello"))
    version = (await ann("POST", where("large") + "/versions", {"name": "one"})).json["id"]
    began = time.perf_counter()
    flood = asyncio.gather(*(ann("POST", f"{where('large')}/versions/{version}/restore") for _ in range(20)))
    await asyncio.sleep(JOB / 2)
    asked = time.perf_counter()
    assert await ben.read("small") == "hello"
    waited = time.perf_counter() - asked
    assert {answer.status for answer in await flood} == {200}
    took = time.perf_counter() - began
    print(f"20 restores {took:.2f} s; who reads meanwhile waits {waited:.2f} s")
    # Without turns it stands behind all of them: two workers, first come, first served.
    assert waited < took / 3
