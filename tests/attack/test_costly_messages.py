"""Nobody's message holds the event loop: what is large is refused before it is parsed, or parsed elsewhere (rule S14)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from collab.protocol.codec import write_var_bytes, write_var_uint
from collab.protocol.hocuspocus import write_address
from collab.protocol.packets import SEPARATOR
from tests.support.attack import MIB, MOST_MEMORY, MOST_WAIT, Line, Memory, bystander, frame, report
from tests.support.probe import Probe
from tests.support.server import CollabServer
from tests.wire.conftest import Connect

BINARY, TEXT = 0x82, 0x81
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
Start = Callable[..., CollabServer]
#: seconds of CPU between two turns of the loop: 0.05 is what is promised, and a busy machine's caches cost the rest
MOST_HELD = 0.15

KEYS = b"{" + b",".join(b'"%x":1' % number for number in range(1_400_000)) + b"}"
LISTS = b'["operations",{"operations":[' + b",".join([b"[[]]"] * 1_600_000) + b"]}]"
CLIENTS = b"".join(write_var_uint(2**31 + number) + b"\1" for number in range(1_000_000))
VECTOR = write_var_uint(1_000_000) + CLIENTS
STATES = write_var_uint(900) + b"".join(
    write_var_uint(number + 1) + b"\1" + write_var_bytes(b"[" + b",".join([b"[]"] * 5000) + b"]")
    for number in range(900)
)
STEP_1 = b'451-/doc/attacked,0["sync-step-1",{"_placeholder":true,"num":0}]'
AWARENESS = b'451-/doc/attacked,0["awareness-update",{"_placeholder":true,"num":0}]'

#: what is sent on a Socket.IO connection on which somebody was let in
MESSAGES = {
    "CONNECT of 1.4 million keys": [frame(TEXT, b"40/doc/other," + KEYS)],
    "presence of 1.4 million keys": [frame(TEXT, b'42/doc/attacked,0["presence",' + KEYS + b"]")],
    "operations as lists of lists": [frame(TEXT, b"42/doc/attacked,0" + LISTS)],
    "sync-step-1 of a million clients": [frame(TEXT, STEP_1), frame(BINARY, VECTOR)],
    "awareness of 900 states": [frame(TEXT, AWARENESS), frame(BINARY, STATES)],
}


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


@pytest.fixture
def server(start_server: Start, probe: Probe) -> CollabServer:
    return start_server(args=["--rate-bytes", "64MiB", "--log-format", "json"], env=probe.env)


async def attack(server: CollabServer, probe: Probe, name: str, path: str, first: bytes, messages: list[bytes]) -> None:
    async with bystander(server) as somebody:
        await asyncio.sleep(1.5)  # what starting takes is another matter
        memory = Memory(server)
        attacker = await Line(server.url).open_websocket(path)
        if first:
            await attacker.send(first)
            await attacker.read()
            await asyncio.sleep(0.5)

        async def send() -> None:
            for _ in range(3):
                for message in messages:
                    await attacker.send_within(message, 10.0)

        await memory.beside(send())
        await asyncio.sleep(1.0)
        attacker.close()
    report(name, memory, somebody, probe.longest())
    assert probe.longest() < MOST_HELD
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


@pytest.mark.parametrize("name", MESSAGES)
async def test_socketio(server: CollabServer, probe: Probe, name: str) -> None:
    await attack(server, probe, name, SOCKETIO, frame(TEXT, b"40/doc/attacked,"), MESSAGES[name])


@pytest.mark.parametrize("door", ["/ws/attacked", "/hocuspocus"])
async def test_y_protocols(server: CollabServer, probe: Probe, door: str) -> None:
    address = write_address("attacked") if door == "/hocuspocus" else b""
    first = frame(BINARY, address + b"\2\0\0") if address else frame(BINARY, b"\0\0\1\0")
    messages = [
        frame(BINARY, address + b"\0\0" + write_var_bytes(VECTOR)),
        frame(BINARY, address + b"\1" + write_var_bytes(STATES)),
    ]
    await attack(server, probe, f"step 1 and awareness at {door}", door, first, messages)


async def test_a_body_of_separators(
    server: CollabServer, probe: Probe, connect: Connect, http: aiohttp.ClientSession
) -> None:
    client = await connect("/doc/attacked", polling=True, server=server)
    query = {"EIO": "4", "transport": "polling", "sid": client.wire.sid}  # type: ignore[union-attr]
    async with bystander(server) as somebody:
        await asyncio.sleep(1.5)
        memory = Memory(server)
        body = ("3" + SEPARATOR) * (3 * MIB)
        post = http.post(f"{server.url}/socket.io/", params=query, data=body, timeout=aiohttp.ClientTimeout(5.0))

        async def send() -> None:
            try:
                async with post:
                    pass
            except (TimeoutError, aiohttp.ClientError):
                pass

        await memory.beside(send())
    report("a body of pongs", memory, somebody, probe.longest())
    assert probe.longest() < MOST_HELD
    assert memory.most < MOST_MEMORY


async def test_the_http_api(server: CollabServer, probe: Probe, http: aiohttp.ClientSession) -> None:
    url = f"{server.url}/api/v1/documents/attacked"
    operations = b'{"operations":[' + b",".join([b"[[]]"] * 800_000) + b"]}"
    async with bystander(server) as somebody:
        await asyncio.sleep(1.5)
        memory = Memory(server)

        async def send() -> None:
            for method, path, body in (
                ("PATCH", "/content", operations), ("PATCH", "/content", KEYS[: 4 * MIB - 10]),
                ("POST", "/versions", b'{"name":' + operations + b"}"), ("POST", "/update", VECTOR[: 4 * MIB]),
            ):  # fmt: skip
                async with http.request(method, url + path, data=body) as response:
                    assert 400 <= response.status < 500, await response.text()

        await memory.beside(send())
    report("bodies of 4 MiB", memory, somebody, probe.longest())
    assert probe.longest() < MOST_HELD
    assert memory.most < MOST_MEMORY
