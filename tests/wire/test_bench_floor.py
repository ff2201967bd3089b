"""The floor of the benchmarks hands on what it reads, to everybody in the same document but the sender."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import aiohttp

from tests.support.repository import ROOT

UPDATE = b"\x00\x02" + b"\xc8\x01" + 200 * b"u"
CURSOR = b"\x01\x03\x01\x02\x03"


async def test_the_floor_hands_on(http: aiohttp.ClientSession) -> None:
    program = str(ROOT / "scripts/benchmarks/floor.py")
    floor = await asyncio.create_subprocess_exec(sys.executable, program, stdout=subprocess.PIPE)
    try:
        assert floor.stdout is not None
        url = f"http://127.0.0.1:{(await floor.stdout.readline()).split()[-1].decode()}"
        async with (
            http.ws_connect(f"{url}/notes") as ann,
            http.ws_connect(f"{url}/notes") as ben,
            http.ws_connect(f"{url}/others") as eve,
        ):
            for client in (ann, ben, eve):
                assert await client.receive_bytes(timeout=10) == b"\x00\x00\x01\x00", "it asks for a first step"
                await client.send_bytes(b"\x00\x00\x01\x00")
                assert await client.receive_bytes(timeout=10) == b"\x00\x01\x02\x00\x00"
            for message in (UPDATE, CURSOR):
                await ann.send_bytes(message)
                assert await ben.receive_bytes(timeout=10) == message
            await ben.send_bytes(CURSOR)
            assert await ann.receive_bytes(timeout=10) == CURSOR, "what it sent itself did not come back"
            await eve.send_bytes(b"\x00\x00\x01\x00")
            assert await eve.receive_bytes(timeout=10) == b"\x00\x01\x02\x00\x00", "nothing of the other document came"
    finally:
        floor.kill()
        await floor.wait()
