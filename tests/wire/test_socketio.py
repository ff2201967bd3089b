"""Socket.IO protocol 5: namespaces, packets, and what happens to those who break it (rules C1 to C6, S3)."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.support.server import CollabServer
from tests.support.wire import WebSocketWire
from tests.wire.conftest import Connect, Serve

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("namespace", ["/", "/chat", "/doc", "/yjs", "/yjs/a", "/Doc/a", "/admin"])
@pytest.mark.parametrize("polling", [False, True])
async def test_unknown_namespaces_are_refused_as_the_protocol_says(
    connect: Connect, namespace: str, polling: bool
) -> None:
    client = await connect(namespace, polling=polling)
    answer = client.received[0]
    assert (answer.type, answer.data) == (4, {"message": "Invalid namespace"})
    assert not client.closed, "the connection may open another one"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "a/../b",
        ".",
        "a?b",
        "a#b",
        "a%20b",
        "a\\b",
        " a",
        "a ",
        "x" * 201,
        "a\u0007b",
        "e\u0301",
    ],
)
@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
async def test_bad_document_names_are_refused(connect: Connect, door: str, name: str) -> None:
    client = await connect(door + name)
    answer = client.received[0]
    assert answer.type == 4
    assert answer.data["data"]["code"] == "invalid_document"
    assert answer.data["data"]["retryable"] is False
    assert answer.data["message"]


@pytest.mark.parametrize("name", ["a", "a b", "ä/ö", "日本語", "a" * 200, "a-b_c.d", "with'quote\"s", "a/b/c", "-1"])
@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
async def test_good_document_names_are_taken(connect: Connect, door: str, name: str) -> None:
    client = await connect(door + name)
    assert client.received[0].type == 0
    assert client.received[0].data["sid"]


async def test_several_namespaces_share_a_connection(shared_server: CollabServer, http: aiohttp.ClientSession) -> None:
    wire = WebSocketWire(shared_server.url, http)
    await wire.open()
    for name in ("one", "two"):
        await wire.send(f"40/doc/shared-{name},")
    seen = set()
    while len(seen) < 2:
        packet = await wire.receive()
        if isinstance(packet, str) and packet.startswith("40"):
            seen.add(packet.split(",")[0])
    assert seen == {"40/doc/shared-one", "40/doc/shared-two"}
    await wire.send("41/doc/shared-one,")
    await wire.send('42/doc/shared-two,7["presence",null]')
    while True:
        packet = await wire.receive()
        assert packet is not None
        if packet == '43/doc/shared-two,7[{"ok":true}]':
            break
    await wire.send("40/doc/shared-one,")
    while not str(await wire.receive()).startswith("40/doc/shared-one,"):
        pass
    await wire.close()


async def test_no_more_documents_than_allowed(start_server, http: aiohttp.ClientSession) -> None:
    server = start_server(args=["--max-documents-per-connection", "3"])
    wire = WebSocketWire(server.url, http)
    await wire.open()
    for number in range(5):
        await wire.send(f"40/doc/d{number},")
    refused = []
    while len(refused) < 2:
        packet = await wire.receive()
        assert packet is not None
        if isinstance(packet, str) and packet.startswith("44"):
            refused.append(json.loads(packet.split(",", 1)[1])["data"])
    assert [(error["code"], error["limit"]) for error in refused] == [("too_many_documents", 3)] * 2
    await wire.close()


async def test_no_more_connections_of_one_address_than_allowed(start_server, http, connect: Connect) -> None:
    server = start_server(args=["--max-connections-per-ip", "2"])
    first = await connect("/doc/a", server=server)
    await connect("/doc/a", server=server)
    third = await connect("/doc/a", server=server)
    assert third.received[0].data["data"]["code"] == "too_many_connections"
    await first.close()
    for _ in range(100):
        again = await connect("/doc/a", server=server)
        if again.received[0].type == 0:
            return
    raise AssertionError("the place of a closed connection stays taken")


@pytest.mark.parametrize(
    "packet",
    [
        "4", "47", "42", "42[]", "42/doc/v,", "42/doc/v,{}", '42/doc/v,["connect"]', '42/doc/v,["disconnect"]',
        '42/doc/v,[1]', "42/doc/v,[NaN]", '42/doc/other,["presence",null]', '42["presence",null]',
        "43/doc/v,[]", "43/doc/v,1{}", "40/doc/v,", '40/doc/w,"text"', "40/doc/w,[1]", '44/doc/v,{}',
        '45-/doc/v,["x"]', '451/doc/v,["x"]', '4599999999999-/doc/v,["x"]', '450-/doc/v,["x",{"_placeholder":true,"num":0}]',
        '459-/doc/v,["x"]', '451-/doc/v,["x"]\x00', "41/doc/v,1", "4\u0000", "4" + "[" * 10_000,
    ],
)  # fmt: skip
async def test_malformed_packets_end_the_connection_and_nothing_else(
    connect: Connect, http: aiohttp.ClientSession, shared_server: CollabServer, packet: str
) -> None:
    neighbour = await connect("/doc/v")
    wire = WebSocketWire(shared_server.url, http)
    await wire.open()
    await wire.send("40/doc/v,")
    while not str(await wire.receive()).startswith("40"):
        pass
    await wire.send(packet)
    await wire.send(b"an attachment")
    while await wire.receive() is not None:
        pass
    assert await neighbour.call("presence", {"still": "here"}) == {"ok": True}


@pytest.mark.parametrize(
    ("text", "attachment"),
    [
        ('451-/doc/p,["broadcast",{"event":"x","data":{"_placeholder":true,"num":1}}]', b"x"),
        ('451-/doc/p,["broadcast",{"event":"x","data":{"_placeholder":true,"num":-1}}]', b"x"),
        ('451-/doc/p,["broadcast",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]', b"x"),
        ('451-/doc/p,["sync-update"]', b"x"),
        ('451-/doc/p,["sync-update",{"_placeholder":true,"num":0}]', "text"),
    ],
    ids=["beyond", "negative", "repeated", "unused", "text-as-attachment"],
)
async def test_attachments_are_counted_strictly(
    shared_server: CollabServer, http: aiohttp.ClientSession, text: str, attachment: bytes | str
) -> None:
    wire = WebSocketWire(shared_server.url, http)
    await wire.open()
    await wire.send("40/doc/p,")
    await wire.send(text)
    await wire.send(attachment)
    while await wire.receive() is not None:
        pass


@pytest.mark.parametrize("name", ["edit", "sync-update2", "__init__", "message", "session", "notice"])
async def test_unknown_events_have_a_code(connect: Connect, name: str) -> None:
    client = await connect("/doc/unknown-events")
    answer = await client.call(name, {"a": 1})
    assert answer["ok"] is False
    assert answer["error"]["code"] == "unknown_event"
    await client.emit(name, {"a": 1})
    notice = await client.event("notice")
    assert notice["code"] == "unknown_event"


@pytest.mark.parametrize(
    ("auth", "path"),
    [
        ({"tokn": "x"}, "tokn"),
        ({"user": {"name": 1}}, "user.name"),
        ({"usr": {"name": "x"}}, "usr"),
        ({"user": {"avatar": {"url": "x"}}}, "user.avatar"),
        ({"user": {"name": "x" * 300}}, "user.name"),
        ({"presence": "xml"}, "presence"),
        ({"token": 5}, "token"),
    ],
)
async def test_faulty_auth_is_refused_with_its_path(connect: Connect, auth: dict, path: str) -> None:
    client = await connect("/doc/auth", auth)
    error = client.received[0].data["data"]
    assert (error["code"], error["path"]) == ("invalid_payload", path)


async def test_y_socket_io_clients_may_send_what_they_like(connect: Connect) -> None:
    client = await connect("/yjs|lenient", {"anything": [1], "user": 5, "token": {}})
    assert client.received[0].type == 0


async def test_repeated_faults_end_the_connection(connect: Connect) -> None:
    client = await connect("/doc/faults")
    neighbour = await connect("/doc/faults")
    for _ in range(200):
        if client.closed:
            break
        await client.emit("nonsense", 1)
    await client.wait_closed()
    assert await neighbour.call("presence", {}) == {"ok": True}
    assert len(client.events("notice")) <= 120


@pytest.mark.parametrize("prefix", ["", "/collab"])
async def test_the_path_may_lack_its_last_slash(serve: Serve, http: aiohttp.ClientSession, prefix: str) -> None:
    """C12."""
    """Clients with ``addTrailingSlash: false``, over both transports, below another application too."""
    api = await serve(prefix=prefix) if prefix else await serve()
    url = f"{api.server.url}/socket.io"
    async with http.get(url, params={"EIO": "4", "transport": "polling"}) as response:
        assert response.status == 200
        query = {"EIO": "4", "transport": "polling", "sid": json.loads((await response.text())[1:])["sid"]}
    async with http.post(url, params=query, data="40/doc/slash,") as response:
        assert (response.status, await response.text()) == (200, "ok")
    async with http.ws_connect(url, params={"EIO": "4", "transport": "websocket"}) as websocket:
        assert str(await websocket.receive_str()).startswith("0")


async def test_a_page_that_came_from_a_server_with_recovery_is_let_in(connect: Connect) -> None:
    client = await connect("/doc/recovered", {"pid": "abc", "offset": "1-2"})
    assert client.received[0].type == 0
    await client.event("session")
