"""How much one connection may send: slowed, then told, then cut, and nobody else notices (rules S2, S3)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from collab.hub import limits
from collab.protocol.codec import write_state_vector, write_var_bytes, write_var_uint
from tests.support.editor import Editor
from tests.support.heavy_updates import map_of, update_of, values_of
from tests.support.probe import Probe
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WireError
from tests.wire.conftest import Connect

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]
#: what the impatient server below has for :data:`limits.TELL_AFTER` and :data:`limits.CUT_AFTER`
TELL_AFTER, CUT_AFTER = 1.0, 3.0
#: low, so that a machine under load does not look like a sender that pauses
RATE_UPDATES = 10
RATE_BYTES = 256 * 1024
LETTERS, KEY = values_of(20_000, 4, write_var_bytes(b"a")), map_of(6_000, client=9)
BURST_BYTES = int(RATE_BYTES * limits.BURST_SECONDS)


@pytest.fixture
def impatient(start_server: Callable[..., CollabServer], tmp_path: Path) -> CollabServer:
    """A server with a low rate of updates that tells and cuts soon."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import collab.hub.limits as limits\nlimits.TELL_AFTER, limits.CUT_AFTER = {TELL_AFTER}, {CUT_AFTER}\n"
    )
    return start_server(args=["--rate-updates", str(RATE_UPDATES)], env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})


@pytest.fixture(scope="module")
def narrow() -> Iterator[CollabServer]:
    """A server that takes few bytes a second."""
    args = ["--rate-bytes", str(RATE_BYTES), "--rate-awareness", "1000"]
    server = CollabServer("memory://", args=args).start()
    yield server
    shown = server.stderr()
    server.kill()
    assert "Traceback" not in shown, shown


@contextlib.asynccontextmanager
async def neighbour(connect: Connect, server: CollabServer, document: str) -> AsyncIterator[list[float]]:
    """Somebody else who types all the while; the seconds that each edit took to be acknowledged."""
    editor = Editor(await connect(f"/doc/{document}", server=server), root="neighbour")
    await editor.sync()
    seconds: list[float] = []

    async def type_on() -> None:
        while True:
            began = time.perf_counter()
            assert (await editor.type("x"))["durable"]
            seconds.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)

    typing = asyncio.create_task(type_on())
    try:
        yield seconds
        assert not typing.done(), typing.exception()
    finally:
        typing.cancel()
        await asyncio.wait([typing])


def check_unharmed(seconds: list[float]) -> None:
    """The neighbour never waited for long: a machine under load is slow, a starved editor slower."""
    assert len(seconds) > 5
    ordered = sorted(seconds)
    assert ordered[len(ordered) // 2] < 0.1, ordered
    assert ordered[-1] < 1.0, ordered[-5:]


def keystrokes(count: int) -> tuple[Doc[Any], list[bytes]]:
    """A document, and the updates of its keystrokes one by one."""
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    updates = []
    for number in range(count):
        before = doc.get_state()
        text.insert(number, str(number % 10))
        updates.append(doc.get_update(before))
    return doc, updates


def acked(client: Client) -> set[int | None]:
    return {packet.id for packet in client.received if packet.type == 3 and packet.data[0].get("ok")}


async def flood(client: Client, updates: list[bytes]) -> dict[str, float]:
    """Send everything at once; returns when it was told, and when it was cut, in seconds."""
    began = time.monotonic()
    times: dict[str, float] = {}

    async def watch() -> None:
        with contextlib.suppress(WireError):
            await client.wait(lambda packet: packet.type == 2 and packet.data[0] == "notice", timeout=60)
            times["told"] = time.monotonic() - began
        await client.wait_closed(timeout=60)
        times["cut"] = time.monotonic() - began

    watching = asyncio.create_task(watch())
    with contextlib.suppress(ConnectionError, aiohttp.ClientError, WireError):
        await client.send_many("sync-update", updates)
    await watching
    return times


async def test_a_flood_is_slowed_then_told_then_cut(connect: Connect, impatient: CollabServer) -> None:
    async with neighbour(connect, impatient, "elsewhere") as seconds:
        await asyncio.gather(*(flooding(connect, impatient, polling) for polling in (False, True)))
    check_unharmed(seconds)
    assert "Traceback" not in impatient.stderr()
    assert "never awaited" not in impatient.stderr()


async def flooding(connect: Connect, server: CollabServer, polling: bool) -> None:
    document = f"flood-{polling}"
    burst = round(RATE_UPDATES * limits.BURST_SECONDS)
    _, updates = keystrokes(500)
    client = await connect(f"/doc/{document}", server=server, polling=polling)
    await client.call("sync-step-1", write_state_vector({}))
    witness = Editor(await connect(f"/doc/{document}", server=server))
    await witness.sync()
    times = await flood(client, updates)
    # Told only after it was slowed for a while, and cut only after it was told.
    assert TELL_AFTER - 0.2 <= times["told"] <= CUT_AFTER
    assert CUT_AFTER - 0.2 <= times["cut"] <= CUT_AFTER + 2.0
    notices = client.events("notice")
    assert {notice["code"] for notice in notices} == {"rate_limited"}
    assert all(notice["retryable"] and notice["retry_after"] > 0 for notice in notices)
    assert len(notices) <= 2 + CUT_AFTER / TELL_AFTER
    taken = len(acked(client))
    expected = burst + RATE_UPDATES * times["cut"]
    assert expected / 2 < taken <= expected + 3, "as many as the rate allows, and not many more"
    # Everything that was acknowledged is there, in order, and shown to others.
    text = witness.text
    async with asyncio.timeout(30):
        while True:
            witness.client._news.clear()
            witness.take()
            if len(text) >= taken:
                break
            await witness.client._news.wait()
    assert str(text) == "".join(str(number % 10) for number in range(len(text)))
    late = Editor(await connect(f"/doc/{document}", server=server))
    await late.sync()
    assert str(late.text).startswith(str(text)[:taken])
    # Whoever comes back and behaves is welcome.
    again = Editor(await connect(f"/doc/{document}", server=server, polling=polling))
    await again.sync()
    assert (await again.type("!"))["ok"]


@pytest.mark.long
async def test_the_same_with_the_times_of_production(connect: Connect, shared_server: CollabServer) -> None:
    client = await connect("/doc/long-flood")
    await client.call("sync-step-1", write_state_vector({}))
    async with neighbour(connect, shared_server, "long-flood") as seconds:
        times = await flood(client, keystrokes(20_000)[1])
    assert limits.TELL_AFTER - 0.5 <= times["told"] <= limits.TELL_AFTER + 2
    assert limits.CUT_AFTER - 1 <= times["cut"] <= limits.CUT_AFTER + 5
    check_unharmed(seconds)


async def test_bytes_are_slowed_and_nothing_is_lost(connect: Connect, narrow: CollabServer) -> None:
    editor = Editor(await connect("/doc/bytes", server=narrow))
    await editor.sync()
    size = 64 * 1024
    updates = [editor.typed("x" * size) for _ in range(14)]
    async with neighbour(connect, narrow, "bytes") as seconds:
        began = time.monotonic()
        ids = await editor.client.send_many("sync-update", updates)
        await until_acked(editor.client, ids)
        took = time.monotonic() - began
    # The last one is taken as soon as those before it are paid for.
    assert took >= (13 * size - BURST_BYTES) / RATE_BYTES * 0.9
    assert took < 6
    assert editor.client.events("notice") == []
    late = Editor(await connect("/doc/bytes", server=narrow))
    await late.sync()
    assert len(late.text) == 14 * size
    check_unharmed(seconds)


async def until_acked(client: Client, ids: list[int], timeout: float = 30.0) -> None:
    async with asyncio.timeout(timeout):
        while not acked(client).issuperset(ids):
            assert not client.closed
            client._news.clear()
            await client._news.wait()


async def test_every_event_has_a_rate(connect: Connect, shared_server: CollabServer) -> None:
    async with neighbour(connect, shared_server, "rates") as seconds:
        await asyncio.gather(
            slowed(connect, "sync-step-1", write_state_vector({}), limits.RATE_REQUESTS),
            slowed(connect, "authenticate", {"token": "any"}, limits.RATE_REQUESTS),
            slowed(connect, "cursor", {"at": 5}, 60),
            slowed(connect, "presence", {"a": 1}, 60),
            slowed(connect, "broadcast", {"event": "e"}, 60),
        )
    check_unharmed(seconds)


async def slowed(connect: Connect, event: str, payload: Any, rate: float) -> None:
    client = await connect(f"/doc/rate-{event}")
    listener = await connect(f"/doc/rate-{event}")
    burst, more = round(rate * limits.BURST_SECONDS), round(rate * 1.2)
    began = time.monotonic()
    *_, last = [asyncio.create_task(client.call(event, payload)) for _ in range(burst + more)]
    await last
    took = time.monotonic() - began
    assert (more - 1) / rate * 0.9 <= took < 5, event
    assert client.events("notice") == [], "slowed for a moment is not told off"
    assert not listener.closed


# -- what costs nothing -----------------------------------------------------------------------------


async def costs_something(client: Client, send: Callable[[int], Any], count: int, least: float) -> None:
    """Send ``count`` times; passes if that ends the connection, or if it takes ``least`` seconds to be heard."""
    began = time.monotonic()
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        for number in range(count):
            if client.closed:
                return
            await send(number)
        answer = asyncio.create_task(client.call("presence", {"done": 1}, timeout=30))
        closing = asyncio.create_task(client.wait_closed(timeout=30))
        done, waiting = await asyncio.wait([answer, closing], return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for task in done:
            if task is closing or task.exception() is not None:
                return
    took = time.monotonic() - began
    assert took >= least, f"{count} in {took:.2f} s"


KILO = "x" * 1024


async def test_text_counts_like_bytes(connect: Connect, narrow: CollabServer) -> None:
    async def spend(name: str, event: str, payload: Any) -> None:
        client = await connect(f"/doc/text-{name}", server=narrow)
        least = (13 * 60 * 1024 - BURST_BYTES) / RATE_BYTES * 0.9
        await costs_something(client, lambda _: client.emit(event, payload), 14, least)

    async with neighbour(connect, narrow, "text") as seconds:
        await asyncio.gather(
            spend("taken", "broadcast", {"event": "e", "data": KILO * 60}),
            spend("too-large-presence", "presence", {"a": KILO * 15, "b": KILO * 45}),
            spend("too-large-cursor", "cursor", KILO * 60),
            spend("unknown", "nonsense", KILO * 60),
            spend("text-for-binary", "sync-step-1", KILO * 60),
        )
    check_unharmed(seconds)


async def test_answers_that_nobody_asked_for_count(connect: Connect, narrow: CollabServer) -> None:
    client = await connect("/doc/answers", server=narrow)
    await costs_something(client, lambda number: client.ack_binary(1000 + number, b"x" * 61440), 14, 0.9)


@pytest.mark.parametrize("namespace", ["/nothing", "/"])
async def test_asking_for_namespaces_counts(connect: Connect, narrow: CollabServer, namespace: str) -> None:
    client = await connect("/doc/asking", server=narrow)
    where = "" if namespace == "/" else namespace + ","
    await costs_something(client, lambda _: client.wire.send(f"40{where}"), 150, 3.0)


async def test_joining_and_leaving_counts(connect: Connect, narrow: CollabServer) -> None:
    client = await connect("/doc/staying", server=narrow)

    async def come_and_go(number: int) -> None:
        seen = len(client.received)
        await client.wire.send("40/doc/visited,")
        async with asyncio.timeout(10):
            while not client.closed and not any(
                p.type == 0 and p.namespace == "/doc/visited" for p in client.received[seen:]
            ):
                client._news.clear()
                await client._news.wait()
        if not client.closed:
            await client.wire.send("41/doc/visited,")

    await costs_something(client, come_and_go, 80, 1.2)


async def test_a_slowed_sender_is_not_taken_for_dead(
    connect: Connect, start_server: Callable[..., CollabServer]
) -> None:
    args = ["--rate-bytes", "64KiB", "--ping-interval", "0.4", "--ping-timeout", "0.4"]
    server = start_server(args=args)
    editor = Editor(await connect("/doc/slowed", server=server))
    await editor.sync()
    ids = await editor.client.send_many("sync-update", [editor.typed("x" * 256 * 1024), editor.typed("y")])
    await until_acked(editor.client, ids)


async def test_updates_of_very_many_changes_cost_their_sender(
    connect: Connect, start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    """Each of these takes a fifth of a second or 200 MB, applied in one go (rule S5)."""
    probe = Probe(tmp_path)
    # What a document may cost is in seconds of CPU, so a slow machine would refuse these; that is another rule.
    with (tmp_path / "sitecustomize.py").open("a") as settings:
        settings.write("import collab.documents.costs as costs\ncosts.MAX_TANGLE = 60.0\n")
    server = start_server(args=["--rate-bytes", "100MiB"], env=probe.env)
    before = server.memory()
    async with neighbour(connect, server, "heavy-0") as near, neighbour(connect, server, "elsewhere") as far:

        async def hurt(number: int) -> None:
            client = await connect(f"/doc/heavy-{number}", server=server)
            for update in (LETTERS, KEY):
                # What comes behind it leans on it, and waits for it.
                more = update_of(
                    b"\x84" + write_var_uint(5) + write_var_uint(0) + write_var_bytes(b"z"), client=6 + (update is KEY)
                )
                answers = await asyncio.gather(
                    client.call("sync-update", update, timeout=60), client.call("sync-update", more, timeout=60)
                )
                assert all(answer["ok"] for answer in answers), answers

        await asyncio.gather(*(hurt(number) for number in range(3)))
    assert len(near) > 3
    assert len(far) > 3
    assert probe.longest() < 0.1, "neighbours wait for others on this machine, not for this"
    assert server.memory() - before < 60 * 2**20
    assert "never awaited" not in server.stderr()


# -- other bounds -----------------------------------------------------------------------------------


async def test_a_connection_that_opens_nothing_is_ended(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession
) -> None:
    server = start_server(args=["--connect-timeout", "0.5"])
    wire = PollingWire(server.url, http)
    await wire.open()
    with contextlib.suppress(WireError):
        while (packet := await wire.receive()) is not None:
            assert isinstance(packet, str)
    await gone(server, http, wire.sid)


async def gone(server: CollabServer, http: aiohttp.ClientSession, sid: str) -> None:
    """Wait until the server knows the session no more."""
    async with asyncio.timeout(10):
        while True:
            query = {"EIO": "4", "transport": "polling", "sid": sid}
            async with http.post(f"{server.url}/socket.io/", params=query, data="3") as response:
                if response.status == 400 and json.loads(await response.text())["code"] == 1:
                    return
            await asyncio.sleep(0.05)


async def test_a_full_document_says_so(connect: Connect, start_server: Callable[..., CollabServer]) -> None:
    server = start_server(args=["--max-participants", "2"])
    first = await connect("/doc/full", server=server)
    await connect("/yjs|full", server=server)
    third = await connect("/doc/full", server=server)
    error = third.received[0].data["data"]
    assert (error["code"], error["limit"], error["retryable"]) == ("document_full", 2, True)
    assert error["retry_after"] > 0
    assert (await connect("/doc/other", server=server)).received[0].type == 0
    await first.close()
    async with asyncio.timeout(30):
        while (await connect("/doc/full", server=server)).received[0].type != 0:
            await asyncio.sleep(0.05)


async def test_operations_are_held_to_the_size_of_an_update(
    connect: Connect, start_server: Callable[..., CollabServer], http: aiohttp.ClientSession
) -> None:
    server = start_server(args=["--max-update-bytes", "64KiB"])
    editor = Editor(await connect("/doc/sizes", server=server))
    await editor.sync()
    batch = [{"op": "text.insert", "path": "/body", "index": 0, "text": "x" * 70_000}]
    answer = await editor.client.call("operations", {"operations": batch})
    assert (answer["ok"], answer["error"]["code"], answer["error"]["limit"]) == (False, "update_too_large", 65_536)
    url = f"{server.url}/api/v1/documents/sizes/content"
    small = {"op": "map.set", "path": "/meta/key", "value": 1}
    # 40 KB of JSON, 72 KB of update.
    for operations in (batch, [small, {"op": "map.set", "path": "/meta/list", "value": [1.1] * 8000}]):
        async with http.patch(url, json={"operations": operations}) as response:
            assert (response.status, (await response.json())["code"]) == (413, "update_too_large")
    async with http.get(url) as response:
        assert (await response.json()) == {}, "nothing of a refused batch is applied"
    assert (await editor.client.call("operations", {"operations": [small]}))["ok"]


async def test_too_large_updates_name_the_limit(connect: Connect, start_server: Callable[..., CollabServer]) -> None:
    server = start_server(args=["--max-update-bytes", "10KiB", "--max-document-bytes", "30KiB"])
    editor = Editor(await connect("/doc/sizes", server=server))
    await editor.sync()
    assert (await editor.type("an edit"))["ok"]  # the first might bring a whole document along (D12)
    answer = await editor.client.call("sync-update", editor.typed("x" * 11_000))
    assert (answer["error"]["code"], answer["error"]["limit"]) == ("update_too_large", 10_240)
    other = Editor(await connect("/doc/sizes", server=server))
    await other.sync()
    for _ in range(5):
        answer = await other.type("y" * 9_000)
        if not answer["ok"]:
            break
    assert (answer["error"]["code"], answer["error"]["limit"]) == ("document_too_large", 30_720)
    assert len(str(other.text)) > 20_000
