"""Every refusal once on every door, with its code: tokens, roles, origins, limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import jwt
import orjson
import pytest
from pycrdt import Doc, Text

from collab.doors.http.openapi import ROUTES
from collab.errors import CODES
from tests.support.api import Api, where
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WebSocketWire

pytestmark = pytest.mark.asyncio

SECRET = "a secret of more than thirty-two bytes"
SOCKETS = {
    "doc-ws": ("/doc/", False),
    "doc-polling": ("/doc/", True),
    "yjs-ws": ("/yjs|", False),
    "yjs-polling": ("/yjs|", True),
}
DOORS = [*SOCKETS, "http", "sse"]
every_door = pytest.mark.parametrize("door", DOORS)
sockets = pytest.mark.parametrize("door", SOCKETS)


def mint(role: str | None = "editor", pattern: str = "*", key: str | None = SECRET, **claims: Any) -> str:
    grants = [{"documents": pattern, "role": role}] if role else []
    values = {"sub": "ann", "exp": time.time() + 600, "iss": "tests", "grants": grants, **claims}
    values = {name: value for name, value in values.items() if value is not None}
    return jwt.encode(values, key, algorithm="HS256" if key else "none")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded() -> Iterator[CollabServer]:
    args = [
        "--auth",
        "jwt",
        "--jwt-secret",
        SECRET,
        "--jwt-issuer",
        "tests",
        "--cors-origins",
        "https://app.example.com",
    ]
    server = CollabServer("memory://", args=args).start()
    yield server
    server.kill()


Visit = Callable[..., Awaitable[Any]]


@pytest.fixture
async def visit(http: aiohttp.ClientSession) -> Any:
    """``await visit(server, door, document, token, headers)``: the error with which it is refused, or who came in."""
    clients: list[Client] = []
    streams: list[aiohttp.ClientResponse] = []

    async def visit(
        server: CollabServer, door: str, document: str, token: str | None, headers: dict[str, str] | None = None
    ) -> Any:
        if door in SOCKETS:
            prefix, polling = SOCKETS[door]
            client = Client(
                PollingWire(server.url, http) if polling else WebSocketWire(server.url, http), prefix + document
            )
            answer = await client.connect({"token": token} if token is not None else None, headers)
            clients.append(client)
            return answer.data["data"] if answer.type == 4 else client
        path = f"{server.url}/api/v1{where(document)}/{'events' if door == 'sse' else 'content'}"
        fields = {**({"Authorization": f"Bearer {token}"} if token is not None else {}), **(headers or {})}
        response = await http.get(path, headers=fields)
        streams.append(response)
        if response.status == 200:
            return response
        problem = orjson.loads(await response.read())
        assert response.status == problem["status"] == CODES[problem["code"]].status
        if response.status == 401:
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        if response.status in (429, 503):
            assert int(response.headers["Retry-After"]) > 0
        return problem

    yield visit
    for client in clients:
        await client.close()
    for response in streams:
        response.close()


@every_door
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: None, "unauthorized"), (lambda: "nonsense", "unauthorized"), (lambda: "x.y.z", "unauthorized"),
        (lambda: mint(key="another secret of more than 32 bytes"), "unauthorized"), (lambda: mint(key=None), "unauthorized"),
        (lambda: mint(iss="others"), "unauthorized"), (lambda: mint(exp=None), "unauthorized"), (lambda: mint(sub=None), "unauthorized"),
        (lambda: mint(grants="all"), "unauthorized"), (lambda: mint(nbf=time.time() + 600), "unauthorized"),
        (lambda: mint(exp=time.time() - 600), "token_expired"), (lambda: mint(role=None), "forbidden"),
        (lambda: mint(pattern="elsewhere/*"), "forbidden"),
    ],
    ids=["none", "nonsense", "dots", "foreign", "alg-none", "issuer", "no-exp", "no-sub", "grants", "nbf", "expired", "no-grant", "other-grant"],
)  # fmt: skip
async def test_tokens(
    guarded: CollabServer, visit: Visit, door: str, make: Callable[[], str | None], code: str
) -> None:
    token = make()
    refusal = await visit(guarded, door, "private", token)
    assert (refusal["code"], refusal["retryable"]) == (code, False)
    assert not token or token not in str(refusal)


@every_door
async def test_origins(guarded: CollabServer, visit: Visit, door: str) -> None:
    assert not isinstance(await visit(guarded, "doc-ws", "pages", mint()), dict)
    for origin in ("https://evil.example.com", "null"):
        if door in SOCKETS:
            with pytest.raises((aiohttp.WSServerHandshakeError, AssertionError)) as caught:
                await visit(guarded, door, "pages", mint(), {"Origin": origin})
            assert "403" in str(caught.value) or '"code": 4' in str(caught.value)
        else:
            assert (await visit(guarded, door, "pages", mint(), {"Origin": origin}))["code"] == "forbidden"
    answer = await visit(guarded, door, "pages", mint(), {"Origin": "https://app.example.com"})
    assert not isinstance(answer, dict) or answer["code"] == "not_found"


@every_door
@pytest.mark.parametrize("name", ["a,b", "a//b", "a/../b", "a" * 201])
async def test_names(guarded: CollabServer, visit: Visit, door: str, name: str) -> None:
    if door in SOCKETS and "," in name:
        return  # a comma ends a namespace: another document, not a bad name
    assert (await visit(guarded, door, name, mint()))["code"] == "invalid_document"


def graffiti() -> bytes:
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, "graffiti" * 100)
    return doc.get_update()


async def test_a_viewer_changes_nothing_by_any_route(guarded: CollabServer, http: aiohttp.ClientSession) -> None:
    """Over Socket.IO: ``test_auth.py``."""
    ann, eve = (Api(guarded, http, mint("admin")), Api(guarded, http, mint("viewer", sub="eve")))
    await ann.write("seen", "untouched")
    version = (await ann("POST", f"{where('seen')}/versions", {"name": "one"})).json["id"]

    async def everything() -> bytes:
        state = await ann("GET", f"{where('seen')}/content?format=update")
        versions, listed = await ann("GET", f"{where('seen')}/versions"), await ann("GET", "/documents")
        return state.body + versions.body + listed.body

    before = await everything()
    bodies = {
        "edit_content": {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]},
        "create_version": {"name": "mine"},
    }
    tried = 0
    for route in ROUTES:
        path = route.path.replace("{document}", "seen").replace("{version}", str(version)).replace("{session}", "x")
        if route.method == "GET" or route.name == "mark_inbox":  # what is in one's own inbox is read by oneself
            continue
        data = graffiti() if route.body is bytes else None
        answer = await eve(route.method, path, bodies.get(route.name, {}) if data is None else None, data=data)
        assert answer.code in ("read_only", "forbidden"), route.name
        assert await everything() == before, route.name
        tried += 1
    assert tried >= 6


# -- limits -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow() -> Iterator[CollabServer]:
    """Everything at its limit soon; visitors say where they come from."""
    limits = {
        "--max-connections-per-ip": "2", "--max-participants": "2", "--max-documents-per-connection": "1", "--max-update-bytes": "8KiB",
        "--max-document-bytes": "12KiB", "--trusted-proxies": "127.0.0.1",
    }  # fmt: skip
    server = CollabServer("memory://", args=[word for pair in limits.items() for word in pair]).start()
    yield server
    server.kill()


def at(*number: int) -> dict[str, str]:
    """An address of one's own."""
    return {"X-Forwarded-For": f"192.0.{'.'.join(map(str, number))}"}


@pytest.mark.parametrize("door", [door for door in DOORS if door != "http"])  # which takes no place
async def test_too_many_connections_and_a_full_document(narrow: CollabServer, visit: Visit, door: str) -> None:
    here = DOORS.index(door)
    for visitor in range(2):
        assert isinstance(await visit(narrow, "doc-ws", f"full-{door}", None, at(2, 10 * here + visitor)), Client)
    refusal = await visit(narrow, door, f"full-{door}", None, at(2, 10 * here + 2))
    assert (refusal["code"], refusal["limit"], refusal["scope"], refusal["retryable"]) == (
        "document_full",
        2,
        "document",
        True,
    )
    assert refusal["retry_after"] > 0
    for other in ("doc-ws", "sse"):  # all doors count together
        assert not isinstance(await visit(narrow, other, f"{other}-{door}", None, at(3, here)), dict)
    refusal = await visit(narrow, door, "a", None, at(3, here))
    assert (refusal["code"], refusal["limit"], refusal["scope"]) == ("too_many_connections", 2, "address")


@sockets
async def test_too_many_documents(narrow: CollabServer, visit: Visit, door: str) -> None:
    client = await visit(narrow, door, f"one-{door}", None, at(4, DOORS.index(door)))
    await client.wire.send(f"40{SOCKETS[door][0]}two,")
    error = (await client.wait(lambda packet: packet.type == 4)).data["data"]
    assert (error["code"], error["limit"], error["scope"]) == ("too_many_documents", 1, "connection")


@pytest.mark.parametrize("door", [*SOCKETS, "http"])
async def test_too_large(narrow: CollabServer, visit: Visit, http: aiohttp.ClientSession, door: str) -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    document = f"large-{door}"

    def typed(size: int) -> bytes:
        before = doc.get_state()
        text.insert(0, "x" * size)
        return doc.get_update(before)

    client = await visit(narrow, door, document, None, at(5, DOORS.index(door))) if door in SOCKETS else None

    async def send(update: bytes) -> dict[str, Any]:
        if client is not None:
            return dict((await client.call("sync-update", update)).get("error") or {})
        headers = {"Content-Type": "application/octet-stream", **at(5, 99)}
        answer = await Api(narrow, http)("POST", f"{where(document)}/update", data=update, headers=headers)
        return dict(answer.json) if answer.status >= 400 else {}

    if client is not None:  # by HTTP, and before the first edit, a whole document may come (D12)
        assert await send(typed(10)) == {}
        assert (await send(graffiti() + bytes(9000)))["code"] == "update_too_large"
    assert await send(typed(7000)) == {}
    refusal = await send(typed(7000))
    assert (refusal["code"], refusal["limit"], refusal["scope"]) == ("document_too_large", 12 * 1024, "document")


async def test_rates(start_server: Callable[..., CollabServer], visit: Visit) -> None:
    """When, is said in ``test_limits.py``; here, that the error says which limit it was."""
    server = start_server(args=["--rate-updates", "5", "--trusted-proxies", "127.0.0.1"])

    async def flood(door: str) -> None:
        here = at(6, DOORS.index(door))
        if door in SOCKETS:
            client = await visit(server, door, f"fast-{door}", None, here)
            for number in range(60):
                update: Doc[Any] = Doc(client_id=number + 1)
                update.get("x", type=Text).insert(0, "x")
                await client.emit("sync-update", update.get_update())
            notice = await client.event("notice", timeout=20)
        else:
            answers = await asyncio.gather(
                *(visit(server, door, f"{door}/{number}", None, here) for number in range(45))
            )
            notice = next(answer for answer in answers if isinstance(answer, dict) and answer["code"] == "rate_limited")
        assert (notice["code"], notice["limit"], notice["scope"]) == (
            "rate_limited",
            5,
            "connection" if door in SOCKETS else "address",
        )
        assert notice["retry_after"] > 0

    await asyncio.gather(*(flood(door) for door in DOORS))


async def test_the_end_of_a_token(guarded: CollabServer, visit: Visit, http: aiohttp.ClientSession) -> None:
    """What is open ends on time and with its code; requests have a code as well."""

    async def end(door: str) -> None:
        expires_at = time.time() + 2.5
        visitor = await visit(guarded, door, f"end-{door}", mint("editor", exp=expires_at))
        if door in SOCKETS:
            await visitor.wait(lambda packet: packet.type == 1, timeout=10)
            assert [notice["code"] for notice in visitor.events("notice")] == ["token_expired"] * 2
        elif door == "sse":
            body = await asyncio.wait_for(visitor.read(), 10)
            assert body.count(b'"code":"token_expired"') == 2
        assert time.time() > expires_at - 0.1 or door == "http"

    await asyncio.gather(*(end(door) for door in DOORS))
    late = Api(guarded, http, mint("editor", exp=time.time() - 20))  # beyond the leeway
    assert (await late("GET", f"{where('end')}/content")).code == "token_expired"
