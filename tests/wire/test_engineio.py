"""Engine.IO protocol 4, as its official suite checks it, and the traps beyond it (rules C6 to C9)."""

from __future__ import annotations

import asyncio
import io
import re
import socket
from collections.abc import Callable

import aiohttp
import pytest
from yarl import URL

from collab.protocol.packets import SEPARATOR
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WebSocketWire

pytestmark = pytest.mark.asyncio


async def get(http: aiohttp.ClientSession, server: CollabServer, **query: str) -> tuple[int, str]:
    async with http.get(f"{server.url}/socket.io/", params=query) as response:
        return response.status, await response.text()


async def post(http: aiohttp.ClientSession, server: CollabServer, body: str | bytes, **query: str) -> tuple[int, str]:
    async with http.post(
        f"{server.url}/socket.io/", params=query, data=io.BytesIO(body.encode() if isinstance(body, str) else body)
    ) as response:
        return response.status, await response.text()


async def opened(http: aiohttp.ClientSession, server: CollabServer) -> PollingWire:
    wire = PollingWire(server.url, http)
    await wire.open()
    return wire


async def test_polling_handshake(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    handshake = await PollingWire(shared_server.url, http).open()
    assert set(handshake) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert re.fullmatch(r"\S+", handshake["sid"])
    assert handshake["upgrades"] == ["websocket"]
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (25_000, 20_000)


async def test_websocket_handshake(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    wire = WebSocketWire(shared_server.url, http)
    handshake = await wire.open()
    assert handshake["upgrades"] == []
    await wire.close()


async def test_the_handshakes_of_websocket_and_engineio_leave_together(shared_server: CollabServer) -> None:
    # Between the two, socket.io-client does not notice that it was cut off, and waits for 20 seconds.
    request = (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    address = URL(shared_server.url)

    def first_bytes() -> bytes:
        with socket.create_connection((address.host, address.port), timeout=10) as connection:
            connection.sendall(request.encode())
            return connection.recv(65_536)

    for _ in range(20):
        head, _, frame = (await asyncio.to_thread(first_bytes)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert frame[2:4] == b"0{" and frame.endswith(b"}")


async def test_a_session_id_ends_with_the_name_of_its_node(
    http: aiohttp.ClientSession, start_server: Callable[..., CollabServer]
) -> None:
    """C10."""
    server = start_server(args=["--node-name", "node-7_b"])
    wire = await opened(http, server)
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}\.node-7_b", wire.sid)
    await wire.close()
    client = Client(PollingWire(server.url, http), "/doc/told")
    await client.connect()
    assert (await client.event("session"))["server"]["node"] == "node-7_b"
    await client.close()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"transport": "polling"}, 5),
        ({"EIO": "abc", "transport": "polling"}, 5),
        ({"EIO": "3", "transport": "polling"}, 5),
        ({"EIO": "4"}, 0),
        ({"EIO": "4", "transport": "abc"}, 0),
        ({"EIO": "4", "transport": "polling", "sid": "unknown"}, 1),
        ({"EIO": "4", "transport": "websocket"}, 3),
        ({"EIO": "4", "transport": "polling", "j": "0"}, 3),
    ],
)
async def test_bad_requests_are_refused(
    http: aiohttp.ClientSession, shared_server: CollabServer, query: dict[str, str], code: int
) -> None:
    status, body = await get(http, shared_server, **query)
    assert status == 400
    assert f'"code": {code}' in body


async def test_a_post_cannot_open_a_session(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    status, body = await post(http, shared_server, "40", EIO="4", transport="polling")
    assert status == 400
    assert '"code": 2' in body
    async with http.put(f"{shared_server.url}/socket.io/", params={"EIO": "4", "transport": "polling"}) as response:
        assert response.status == 400


async def test_a_websocket_with_bad_query_is_refused(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    for query in ({"EIO": "abc"}, {"transport": "abc"}, {"sid": "unknown"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await WebSocketWire(shared_server.url, http, **query).open()
        assert caught.value.status == 400


async def test_ok_is_spelled_in_small_letters(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    wire = await opened(http, shared_server)
    assert await post(http, shared_server, "3", **wire.query) == (200, "ok")


@pytest.mark.parametrize(
    "body", ["abc", "", "4\x1e", "2", "0", "5", "6", "bA", "b!!!!", b"\xff\xfe", "40/doc/a,{", "9"]
)
async def test_a_malformed_body_ends_the_session(
    http: aiohttp.ClientSession, shared_server: CollabServer, body: str | bytes
) -> None:
    wire = await opened(http, shared_server)
    status, _ = await post(http, shared_server, body, **wire.query)
    assert status == 400
    status, _ = await post(http, shared_server, "3", **wire.query)
    assert status == 400


@pytest.mark.parametrize("frame", ["abc", "", "2", "0{}", "5", "4x", b"nobody announced me"])
async def test_a_malformed_frame_closes_the_websocket(
    http: aiohttp.ClientSession, shared_server: CollabServer, frame: str | bytes
) -> None:
    wire = WebSocketWire(shared_server.url, http)
    await wire.open()
    await wire.send(frame)
    while await wire.receive() is not None:
        pass


async def test_two_polls_at_once_end_the_session(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    """C13."""
    wire = await opened(http, shared_server)
    first = asyncio.create_task(get(http, shared_server, **wire.query))
    while True:
        status, body = await get(http, shared_server, **wire.query)
        if status == 400 or first.done():
            break
    assert sorted([(status, body), await first])[0] == (200, "1")
    status, _ = await get(http, shared_server, **wire.query)
    assert status == 400


async def test_closing_from_the_client(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    wire = await opened(http, shared_server)
    poll = asyncio.create_task(get(http, shared_server, **wire.query))
    await asyncio.sleep(0.05)  # the poll has to be there first; if it is not, the server answers 400 below
    assert (await post(http, shared_server, "1", **wire.query))[0] == 200
    assert (await poll) in [(200, "6"), (400, '{"code": 1, "message": "Session ID unknown"}')]
    assert (await get(http, shared_server, **wire.query))[0] == 400


async def test_upgrade_keeps_the_session_and_its_order(
    http: aiohttp.ClientSession, shared_server: CollabServer
) -> None:
    polling = await opened(http, shared_server)
    client = Client(polling, "/doc/upgrade")
    await client.join()
    await client.event("sync-step-1")
    assert client._reader is not None
    client._reader.cancel()
    await asyncio.wait([client._reader])
    wire = WebSocketWire(shared_server.url, http, sid=polling.sid)
    wire.websocket = await http.ws_connect(wire._url, params=wire._query)
    poll = asyncio.create_task(get(http, shared_server, **polling.query))
    await wire.send("2probe")
    assert await wire.receive() == "3probe"
    status, body = await poll
    assert (status, body) in [(200, "6"), (400, '{"code": 3, "message": "Bad request"}')] or status == 200
    await wire.send("5")
    await wire.send('42/doc/upgrade,0["presence",{"a":1}]')
    assert await wire.receive() == '43/doc/upgrade,0[{"ok":true}]'
    assert (await get(http, shared_server, **polling.query))[0] == 400, "polling is over"
    assert (await post(http, shared_server, "3", **polling.query))[0] == 400
    await wire.close()


async def test_a_failed_probe_leaves_polling_alive(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    polling = await opened(http, shared_server)
    wire = WebSocketWire(shared_server.url, http, sid=polling.sid)
    wire.websocket = await http.ws_connect(wire._url, params=wire._query)
    await wire.send("nonsense")
    assert await wire.receive() is None
    assert await post(http, shared_server, "3", **polling.query) == (200, "ok")


async def test_a_websocket_without_a_session_cannot_upgrade_twice(
    http: aiohttp.ClientSession, shared_server: CollabServer
) -> None:
    wire = WebSocketWire(shared_server.url, http)
    sid = (await wire.open())["sid"]
    second = WebSocketWire(shared_server.url, http, sid=sid)
    second.websocket = await http.ws_connect(second._url, params=second._query)
    assert await second.receive() is None
    await wire.send("40/doc/still-alive,")
    assert str(await wire.receive()).startswith("40/doc/still-alive,")
    await wire.close()


async def test_no_compression_is_agreed(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    url = f"{shared_server.url}/socket.io/?EIO=4&transport=websocket"
    async with http.ws_connect(url, compress=15) as websocket:
        assert websocket.compress == 0


async def test_bodies_above_the_limit_end_the_session(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    wire = PollingWire(shared_server.url, http)
    limit = (await wire.open())["maxPayload"]
    status, _ = await post(http, shared_server, b"4" * (limit + 1), **wire.query)
    assert status == 413
    assert (await post(http, shared_server, "3", **wire.query))[0] == 400


async def test_many_packets_in_one_body_all_arrive(connect, shared_server: CollabServer) -> None:
    client = await connect("/doc/many-packets", polling=True)
    count = 500
    body = [f'42/doc/many-packets,{number}["presence",{{"n":{number}}}]' for number in range(count)]
    await client.wire.send(*body)
    await client.wait(lambda packet: packet.type == 3 and packet.id == count - 1)
    assert [packet.id for packet in client.received if packet.type == 3] == list(range(count))


async def test_heartbeat_and_its_absence(start_server, http: aiohttp.ClientSession) -> None:
    server = start_server(args=["--ping-interval", "300ms", "--ping-timeout", "200ms"])
    wire = WebSocketWire(server.url, http)
    handshake = await wire.open()
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (300, 200)
    await wire.send("40/doc/heartbeat,")
    for _ in range(3):
        while (await wire.websocket.receive()).data != "2":
            pass
        await wire.send("3")
    while not wire.websocket.closed:
        await asyncio.wait_for(wire.websocket.receive(), 5)
    polling = PollingWire(server.url, http)
    await polling.open()
    assert await polling.poll() == ["2"]
    assert (await get(http, server, **polling.query))[0] == 400, "without a farewell: see test_conformance.py"


async def test_a_connection_without_a_namespace_ends(start_server, http: aiohttp.ClientSession) -> None:
    server = start_server(args=["--connect-timeout", "300ms"])
    wire = WebSocketWire(server.url, http)
    await wire.open()
    assert await wire.receive() in ("1", None)
    polling = PollingWire(server.url, http)
    await polling.open()
    assert await polling.poll() == ["1"]


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_foreign_origins_are_refused(start_server, http: aiohttp.ClientSession, method: str) -> None:
    server = start_server(args=["--cors-origins", "https://app.example.com"])
    url = f"{server.url}/socket.io/?EIO=4&transport=polling"
    for origin, allowed in (("https://app.example.com", True), (server.url, True), ("https://evil.example", False)):
        async with http.request(method, url, headers={"Origin": origin}) as response:
            assert (response.status < 300) == allowed
            assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await WebSocketWire(server.url, http).open({"Origin": "https://evil.example"})
    assert caught.value.status == 403
    wire = WebSocketWire(server.url, http)
    await wire.open({"Origin": "https://app.example.com"})
    await wire.close()


async def test_separators_in_text_are_no_way_in(http: aiohttp.ClientSession, shared_server: CollabServer) -> None:
    wire = await opened(http, shared_server)
    assert (await post(http, shared_server, SEPARATOR * 60_000, **wire.query))[0] == 400
