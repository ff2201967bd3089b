"""One node behind the nginx that scripts/deploy ships: everything that works without it works through it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from collab.config import Settings
from collab.doors.http.event_streams import HEARTBEAT
from tests.cluster.conftest import StartNginx, StartNode
from tests.support.api import Api, EventStream, where
from tests.support.editor import Editor
from tests.support.nginx import Nginx, deployment
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WebSocketWire
from tests.wire.node.driver import NodeClients, NodeUnavailable, install_clients, run_script

pytestmark = pytest.mark.asyncio
Start = Callable[..., CollabServer]
MIB = 2**20
PROXIED = ["--node-name", "a", "--trusted-proxies", "127.0.0.1"]


class Behind:
    """One node and nginx in front of it."""

    def __init__(self, server: CollabServer, nginx: Nginx, http: aiohttp.ClientSession) -> None:
        self.server, self.nginx, self.http = server, nginx, http

    async def join(self, namespace: str, *, polling: bool = False) -> Client:
        """A client that came through nginx."""
        wire = PollingWire(self.nginx.url, self.http) if polling else WebSocketWire(self.nginx.url, self.http)
        client = Client(wire, namespace)
        answer = await client.connect()
        assert answer.type == 0, answer
        return client


@pytest.fixture
def behind(start_server: Start, start_nginx: StartNginx, http: aiohttp.ClientSession) -> Callable[..., Behind]:
    """``behind(*flags, **options of nginx)``: start both."""

    def start(*args: str, **options: Any) -> Behind:
        server = start_server(args=[*PROXIED, *args])
        return Behind(server, start_nginx({"a": server}, **options), http)

    return start


async def logged(nginx: Nginx, part: str, count: int) -> list[str]:
    """Wait until so many lines of the access log hold ``part``, which come when requests have ended."""
    async with asyncio.timeout(10):
        while len(found := [line for line in nginx.requests() if part in line]) < count:
            await asyncio.sleep(0.02)
    assert len(found) == count
    return found


async def test_polling_takes_and_brings_many_packets_at_once(behind: Callable[..., Behind]) -> None:
    there = behind()
    writer = Editor(await there.join("/doc/many", polling=True))
    reader = Editor(await there.join("/doc/many", polling=True))
    await writer.sync()
    await reader.sync()
    ids = await writer.client.send_many("sync-update", [writer.typed(f"<{n}>") for n in range(60)])
    for id in ids:
        ack = await writer.client.wait(lambda packet, id=id: packet.type == 3 and packet.id == id)
        assert ack.data[0]["durable"]
    await reader.wait_for("".join(f"<{n}>" for n in range(60)))
    for client in (writer.client, reader.client):
        await client.close()


async def test_upgrade_with_the_same_session(behind: Callable[..., Behind]) -> None:
    there = behind()
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))

    def talk() -> None:
        with NodeClients(there.nginx.url) as node:
            ann = node.open("ann", "socket.io", "upgraded", transports=["polling", "websocket"])
            bob = node.open("bob", "y-socket.io", "upgraded")
            ann.until(lambda state: state["transport"] == "websocket", "to be upgraded")
            for client in (ann, bob):
                client.until_synced()
            ann.do("insert", index=0, text="hello")
            bob.until_text("hello")
            assert (ann.state["connects"], ann.state["disconnects"]) == (1, [])

    await asyncio.to_thread(talk)
    upgrades = await logged(there.nginx, " /socket.io/ 101 ", 2)
    assert sum("collab_node_a" in line for line in upgrades) == 1, "the upgrade of a session goes where it lives"


async def test_thirty_npm_clients_half_of_them_polling(behind: Callable[..., Behind]) -> None:
    there = behind("--ping-interval", "1s", "--ping-timeout", "2s")
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))
    settings = {"url": there.nginx.url, "document": "crowd", "seed": 8, "clients": 30, "edits": 10}
    result = await asyncio.to_thread(run_script, "convergence.mjs", settings, timeout=60)
    assert result["edits"] == 300
    assert result["cuts"] > 0


async def test_events_are_not_held_back(behind: Callable[..., Behind]) -> None:
    there = behind()
    api = Api(there.nginx, there.http)
    await api.write("team/streamed", "a")
    async with EventStream(api, "team/streamed") as stream:
        await stream.until_text("a", timeout=30.0)
        for text in ("ab", "abc"):
            began = time.monotonic()
            await api.write("team/streamed", text)
            await stream.until_text(text, timeout=30.0)
            assert time.monotonic() - began < 4.0


async def test_a_large_edit_passes_and_a_too_large_one_gets_our_answer(behind: Callable[..., Behind]) -> None:
    there = behind("--rate-bytes", "1GiB")
    for polling in (False, True):
        editor = Editor(await there.join(f"/doc/large-{polling}", polling=polling))
        await editor.sync()
        assert (await editor.type("x" * (4 * MIB - 200)))["durable"]
        refused = await editor.type("y" * (4 * MIB))
        assert refused["error"]["code"] == "update_too_large"
        await editor.client.close()
    api = Api(there.nginx, there.http)
    answer = await api("POST", f"{where('large-api')}/update", data=io.BytesIO(bytes(5 * MIB)))
    assert (answer.status, answer.code) == (422, "invalid_update"), "it came through: a document may be as large (D12)"
    wire = PollingWire(there.nginx.url, there.http)
    most = (await wire.open())["maxPayload"]
    async with there.http.post(wire._url, params=wire.query, data=io.BytesIO(bytes(most + 1))) as response:
        assert (response.status, await response.text()) == (413, "payload too large")


async def test_a_client_behind_nginx_is_counted_by_its_own_address(behind: Callable[..., Behind]) -> None:
    there = behind("--max-connections-per-ip", "2")

    def at(address: str) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))

    async def knock(http: aiohttp.ClientSession, headers: dict[str, str] | None = None) -> Any:
        client = Client(WebSocketWire(there.nginx.url, http), "/doc/counted")
        answer = await client.connect(headers=headers)
        clients.append(client)
        return answer.data.get("data", {}).get("code")

    clients: list[Client] = []
    # Not from 127.0.0.1: that is nginx, and trusted.
    async with at("127.0.0.2") as one, at("127.0.0.3") as other:
        assert [await knock(one) for _ in range(3)] == [None, None, "too_many_connections"]
        assert await knock(one, {"X-Forwarded-For": "203.0.113.9"}) == "too_many_connections", "a claim counts nothing"
        assert await knock(other) is None, "another address has a count of its own"
        for client in clients:
            await client.close()


async def test_who_asks_too_often_is_told_when_to_come_back(behind: Callable[..., Behind]) -> None:
    there = behind("--rate-updates", "1")
    api = Api(there.nginx, there.http)
    answers = await asyncio.gather(*(api("GET", "/documents") for _ in range(80)))
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert all(int(answer.headers["Retry-After"]) > 0 and answer.code == "rate_limited" for answer in refused)


async def test_pages_of_the_host_that_people_see_are_our_own(behind: Callable[..., Behind]) -> None:
    # Without auth the name has to be known (S11); this is not the origin that is asked for below.
    there = behind("--cors-origins", "http://app.example.com:81")

    async def status(origin: str, **headers: str) -> int:
        url = f"{there.nginx.url}/socket.io/?EIO=4&transport=polling"
        async with there.http.get(url, headers={"Origin": origin, **headers}) as response:
            return response.status

    assert await status(there.nginx.url) == 200
    assert await status("https://app.example.com", Host="app.example.com") == 200
    assert await status("https://evil.example.com") == 403
    forged = {"X-Forwarded-Host": "evil.example.com"}
    assert await status("https://evil.example.com", **forged) == 403, "nginx says which host was asked for"


async def test_a_name_with_a_slash_stays_one_segment(behind: Callable[..., Behind]) -> None:
    there = behind()
    api = Api(there.nginx, there.http)
    await api.write("team/ä b/events", "deep")
    assert await api.read("team/ä b/events") == "deep"


async def test_a_node_that_drains_lets_its_people_go_and_takes_nobody(
    start_node: StartNode, start_nginx: StartNginx, http: aiohttp.ClientSession
) -> None:
    # It has a neighbour: a server alone ends as soon as all is saved, and could not be asked anything then.
    start_node(args=["--node-name", "b"])
    node = start_node(args=[*PROXIED, "--drain-timeout", "8s"])
    there = Behind(node, start_nginx({"a": node}), http)
    editors = [Editor(await there.join("/doc/drained", polling=polling)) for polling in (False, True) for _ in range(2)]
    # Enough people for several waves, of which we see the time in between.
    crowd = [await there.join("/doc/crowd") for _ in range(60)]
    for editor in editors:
        await editor.sync()
        assert (await editor.type("saved "))["durable"]

    process = there.server.process
    assert process is not None
    # This client keeps its connection to the server, on which it can be asked after it stopped listening.
    async with aiohttp.ClientSession() as kept:

        async def ready(url: str) -> int:
            async with kept.get(f"{url}/readyz") as response:
                return response.status

        assert await ready(there.server.url) == await ready(there.nginx.url) == 200
        os.kill(there.server.pid, signal.SIGTERM)
        async with asyncio.timeout(30):
            while await ready(there.server.url) == 200:
                await asyncio.sleep(0.01)
        assert await ready(there.server.url) == 503
        assert await ready(there.nginx.url) in (502, 503)
        async with kept.get(f"{there.server.url}/socket.io/?EIO=4&transport=polling") as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) >= 1
        async with kept.get(f"{there.nginx.url}/socket.io/?EIO=4&transport=polling") as response:
            assert response.status in (502, 503)
    for editor in editors:
        notice = await editor.client.event("notice")
        assert (notice["code"], notice["retryable"]) == ("draining", True)
        await editor.client.wait_closed()
        assert not any(packet.type == 1 for packet in editor.client.received)
    assert await asyncio.to_thread(process.wait, 15) == 0
    assert "Traceback" not in there.server.stderr()
    for client in crowd:
        await client.close()


def node_of(wire: WebSocketWire | PollingWire | dict[str, Any]) -> str:
    """The node that a session says it lives on."""
    sid = wire["sid"] if isinstance(wire, dict) else wire.sid
    return str(sid).rpartition(".")[2]


async def two_nodes(start_server: Start, start_nginx: StartNginx) -> tuple[dict[str, CollabServer], Nginx]:
    """Two servers that know nothing of each other, which is how one sees who goes where."""
    flags = ["--trusted-proxies", "127.0.0.1"]
    nodes = {name: start_server(args=["--node-name", name, *flags]) for name in ("a", "b")}
    return nodes, start_nginx(nodes)


async def test_people_of_one_address_are_spread_and_stay_where_they_are(
    start_server: Start, start_nginx: StartNginx, http: aiohttp.ClientSession
) -> None:
    _, nginx = await two_nodes(start_server, start_nginx)
    clients = []
    for number in range(12):
        wire = PollingWire(nginx.url, http)
        client = Client(wire, f"/doc/of-{number}")
        assert (await client.connect()).type == 0
        clients.append(client)
    nodes = [node_of(client.wire) for client in clients]
    assert min(nodes.count("a"), nodes.count("b")) >= 4
    editors = [Editor(client) for client in clients]
    for round_ in range(3):
        for editor in editors:
            assert (await editor.type(f"<{round_}>"))["durable"]
    for client in clients:
        await client.close()


async def test_people_who_name_their_document_meet_on_one_node(
    start_server: Start, start_nginx: StartNginx, http: aiohttp.ClientSession
) -> None:
    _, nginx = await two_nodes(start_server, start_nginx)
    met = {}
    # Who goes where hangs on the nodes' ports, which are others each time: 40 never all go to one of two.
    for document in ("team%2Fnotes", *(f"plan-{number}" for number in range(39))):
        query = f"EIO=4&transport=polling&document={document}"
        nodes = set()
        for _ in range(4):
            async with http.get(URL(f"{nginx.url}/socket.io/?{query}", encoded=True)) as response:
                nodes.add(node_of(json.loads((await response.text())[1:])))
        assert len(nodes) == 1
        met[document] = nodes.pop()
        # The HTTP API goes to where they are: what it writes is there, and nowhere else.
        path = URL(f"{nginx.url}/api/v1/documents/{document}", encoded=True)
        async with http.put(path) as response:
            assert response.status == 201
        async with http.put(path) as response:
            assert response.status == 200
    assert set(met.values()) == {"a", "b"}


async def test_when_a_node_is_gone_its_people_begin_anew_elsewhere_and_nobody_else_notices(
    start_server: Start, start_nginx: StartNginx, http: aiohttp.ClientSession
) -> None:
    nodes, nginx = await two_nodes(start_server, start_nginx)
    wires = [PollingWire(nginx.url, http) for _ in range(4)]
    for wire in wires:
        await wire.open()
    here = next(wire for wire in wires if node_of(wire) == "a")
    nodes["a"].kill()
    async with http.get(here._url, params=here.query) as response:
        assert response.status == 502, "its session is gone, and no other node is asked for it"
    for number in range(20):
        wire = WebSocketWire(nginx.url, http) if number % 2 else PollingWire(nginx.url, http)  # type: ignore[assignment]
        assert node_of(await wire.open()) == "b"
        await wire.close()
    async with http.get(f"{nginx.url}/readyz") as response:
        assert response.status == 200, "one of two is ready"
    nodes["a"].start()
    async with http.get(here._url, params=here.query) as response:
        assert (response.status, (await response.json())["message"]) == (400, "Session ID unknown")
    # Whoever comes is sent there again, although WebSockets never end, by which nginx would notice that it is back.
    later = [WebSocketWire(nginx.url, http) for _ in range(8)]
    assert [node_of(await wire.open()) for wire in later].count("a") == 4
    for wire in later:  # type: ignore[assignment]
        await wire.close()


async def test_what_may_have_been_carried_out_is_not_sent_again(
    start_server: Start, start_nginx: StartNginx, http: aiohttp.ClientSession
) -> None:
    """A node that takes an edit and dies without a word."""
    heard = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    trap = await asyncio.start_server(swallow, "127.0.0.1", 0)
    server = start_server(args=["--node-name", "b"])
    nginx = start_nginx({"a": SimpleNamespace(port=trap.sockets[0].getsockname()[1]), "b": server})
    edit = {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]}
    answers = []
    for number in range(8):
        async with http.patch(f"{nginx.url}/api/v1/documents/once-{number}/content", json=edit) as response:
            answers.append(response.status)
    assert len(heard) == answers.count(502) >= 1
    assert answers.count(200) == 8 - len(heard)
    trap.close()


async def test_queries_which_may_hold_tokens_are_not_logged(behind: Callable[..., Behind]) -> None:
    there = behind()
    async with there.http.get(f"{there.nginx.url}/healthz?token=s3cret") as response:
        assert response.status == 200
    await logged(there.nginx, " /healthz ", 1)
    assert "s3cret" not in there.nginx.access_log.read_text()


async def test_metrics_of_a_node_are_not_shown_to_everybody(behind: Callable[..., Behind]) -> None:
    there = behind()
    async with there.http.get(f"{there.nginx.url}/metrics") as response:
        assert response.status == 404


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """Files with a certificate for this machine, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    files = (str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


async def test_tls(behind: Callable[..., Behind], certificate: tuple[str, str]) -> None:
    there = behind(tls=certificate)
    trusting = ssl.create_default_context(cafile=certificate[0])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as http:
        for polling in (False, True):
            wire = PollingWire(there.nginx.url, http) if polling else WebSocketWire(there.nginx.url, http)
            editor = Editor(Client(wire, f"/doc/safe-{polling}"))
            await editor.client.connect()
            await editor.sync()
            assert (await editor.type("x"))["durable"]
            await editor.client.close()


async def test_the_file_fits_the_defaults_of_the_server(tmp_path: Path) -> None:
    shown = deployment().render([("a", "127.0.0.1:8080")])
    settings = Settings()
    heartbeat = settings.ping_interval + settings.ping_timeout
    timeouts = [int(seconds) for seconds in re.findall(r"proxy_read_timeout (\d+)s", shown)]
    assert timeouts and min(timeouts) > max(heartbeat, 2 * HEARTBEAT)
    body = re.search(r"client_max_body_size (\d+)m", shown)
    assert body is not None
    assert int(body[1]) * MIB > 4 * settings.max_update_bytes
    assert "@" not in re.sub(r"(?m)^\s*#.*$", "", shown)


async def test_nginx_has_nothing_to_say_about_the_file(tmp_path: Path, start_nginx: StartNginx) -> None:
    nginx = Nginx(tmp_path, {"a": "127.0.0.1:1", "b-2": "[::1]:2", "c_3": "10.0.0.3:8080"}, name="collab.example.com")
    assert "syntax is ok" in nginx.check()


@pytest.mark.parametrize("nodes", [["a"], ["a=host"], ["a b=host:1"], ["a=h:1", "a=h:2"], ["a=h;:1"], []])
async def test_nodes_that_are_none_are_refused(nodes: list[str]) -> None:
    command = [sys.executable, str(deployment().__file__), *nodes]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
