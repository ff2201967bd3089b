"""Why there is no server: each way for nobody to be there has its reason, its words, and its time."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from collab.client import connect
from collab.client.engineio import open_transport
from collab.client.unreachable import NOBODY, PATIENCE, Disconnected, Opening, Reason, Unreachable, answered, reason_of
from tests.support.ports import free_port

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """Somebody who takes connections and says what ``talk`` says; the port."""
    held: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await talk(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.close()


def saying(words: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(words)
        await writer.drain()
        writer.close()

    return talk


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes the connection, and that is all."""


def answer(status: str, more: str = "") -> Talk:
    return saying(f"HTTP/1.1 {status}\r\n{more}Content-Length: 2\r\n\r\nhi".encode())


async def failure(url: str, timeout: float = 30.0) -> Disconnected:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Disconnected) as failed:
            await open_transport(http, URL(url), ("websocket", "polling"), timeout=timeout)
    return failed.value


@pytest.mark.parametrize(
    ("talk", "reason", "words"),
    [
        (saying(b"SSH-2.0-OpenSSH_9\r\n"), "not_a_server", "what is there does not speak HTTP"),
        (answer("200 OK"), "not_a_server", "not a Socket.IO server"),
        (answer("404 Not Found"), "not_a_server", "the server answered 404"),
        (answer("502 Bad Gateway"), "unavailable", "the server answered 502"),
        (answer("429 Too Many Requests"), "unavailable", "the server answered 429"),
        (saying(b""), "unavailable", ""),
    ],
    ids=["another protocol", "a page", "no such path", "a proxy", "too many", "hangs up"],
)  # fmt: skip
async def test_something_else_answers(talk: Talk, reason: Reason, words: str) -> None:
    async with listening(talk) as port:
        failed = await failure(f"http://127.0.0.1:{port}/")
        assert (failed.reason, words in str(failed)) == (reason, True), failed


async def test_when_a_server_says_when_to_come_back() -> None:
    async with listening(answer("503 Draining", "Retry-After: 7\r\n")) as port:
        failed = await failure(f"http://127.0.0.1:{port}/")
        assert (failed.reason, failed.retry_after) == ("unavailable", 7.0)
    assert answered(503, "soon").retry_after is None


async def test_nobody_is_there() -> None:
    failed = await failure(f"http://127.0.0.1:{free_port()}/")
    assert (failed.reason, str(failed)) == ("refused", "Connection refused")


async def test_a_name_that_leads_nowhere() -> None:
    class Resolver(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        async def close(self) -> None:
            pass

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Resolver())) as http:
        with pytest.raises(Disconnected) as failed:
            await open_transport(http, URL("http://no.such.host/"), ("websocket", "polling"), timeout=30)
    assert failed.value.reason == "no_such_host"
    assert str(failed.value) == "'no.such.host': Name or service not known"


async def test_there_is_no_tls() -> None:
    async with listening(answer("400 Bad Request")) as port:
        failed = await failure(f"https://127.0.0.1:{port}/")
        assert failed.reason == "tls"


async def test_a_connection_that_nobody_takes() -> None:
    """A full backlog is what a host behind a filter looks like; another transport would meet the same."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        callers = [socket.socket() for _ in range(3)]
        try:
            for caller in callers:
                caller.setblocking(False)
                caller.connect_ex(full.getsockname())
            limit = aiohttp.ClientTimeout(sock_connect=0.2)
            async with aiohttp.ClientSession(timeout=limit) as http:
                url = URL(f"http://127.0.0.1:{full.getsockname()[1]}/")
                with pytest.raises(Disconnected) as failed:
                    await open_transport(http, url, ("websocket", "polling"), timeout=60.0)
        finally:
            for caller in callers:
                caller.close()
    assert (failed.value.reason, str(failed.value)) == ("timeout", "nobody takes the connection")


async def test_silence() -> None:
    async with listening(silent) as port:
        failed = await failure(f"http://127.0.0.1:{port}/", timeout=0.3)
        assert (failed.reason, str(failed)) == ("timeout", "no answer within 0.3 s")


async def test_who_keeps_a_websocket_waiting_may_answer_polls() -> None:
    opening = '0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}'

    async def polls_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"transport=polling" in head:
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(opening)}\r\n\r\n{opening}".encode())
            await writer.drain()

    async with listening(polls_only) as port, aiohttp.ClientSession() as http:
        url = URL(f"http://127.0.0.1:{port}/")
        transport = await open_transport(http, url, ("websocket", "polling"), timeout=20.0)
        assert transport.name == "polling"
        await transport.close()


def test_what_no_attempt_has_raised_so_far_is_a_reason_too() -> None:
    assert reason_of(TimeoutError()) == "timeout"
    assert reason_of(aiohttp.ServerDisconnectedError()) == "unavailable"
    assert reason_of(ConnectionResetError()) == "unavailable"
    key = aiohttp.client_reqrep.ConnectionKey("host", 443, True, True, None, None, None)
    assert reason_of(aiohttp.ClientConnectorCertificateError(key, ssl.SSLCertVerificationError("self-signed"))) == "tls"
    assert reason_of(aiohttp.ClientConnectorError(key, OSError(113, "No route to host"))) == "no_route"


# -- how long opening goes on -----------------------------------------------------------------------


async def test_opening_goes_on_for_the_time_that_a_reason_deserves(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    looks: list[float] = []
    opening = Opening("notes", "http://host", lambda: looks.append(now), patient=False)
    refused = Disconnected("Connection refused", reason="refused")
    opening.judge(None)
    opening.judge(Disconnected("the connection was closed"))
    opening.judge(refused)
    now += PATIENCE["refused"]
    with pytest.raises(Unreachable, match="'notes' could not be opened at http://host: Connection refused") as failed:
        opening.judge(refused)
    assert (failed.value.reason, failed.value.place, failed.value.__cause__) == ("refused", "http://host", refused)
    assert isinstance(failed.value, ConnectionError)
    opening.judge(Disconnected("the server answered 503", reason="unavailable"))
    opening.end()
    patient = Opening("notes", "http://host", lambda: None, patient=True)
    now += 1000
    patient.judge(refused)
    assert patient.failed(None).reason == "timeout"


def test_every_reason_has_its_time_and_none_is_long() -> None:
    assert PATIENCE.keys() > NOBODY
    assert max(PATIENCE.values()) <= 10


@pytest.mark.slow
async def test_a_dead_address_says_so_within_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable) as failed:
        await connect(f"http://127.0.0.1:{free_port()}", "notes").__aenter__()
    assert failed.value.reason == "refused"
    assert PATIENCE["refused"] <= time.monotonic() - began < 15, "and not the 30 s of opening a document"
