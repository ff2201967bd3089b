"""Server-Sent Events: no gap, no queue, nobody who lingers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from collab.doors.http.event_streams import MAX_CLIENTS_IN_ID, EventEncoder, event_id, state_vector_of
from collab.hub.session import State
from collab.protocol.codec import read_state_vector, write_state_vector
from tests.support.api import JWT, Api, EventStream, mint, where
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Serve

pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")


async def eventually(condition: Callable[[], Any], timeout: float = 30.0) -> None:
    """Wait until ``condition()`` is true."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


async def hurry(document: str, api: Api, text: str) -> None:
    """Add to the end of /body without the overhead of the worker process."""
    live = await api.server.hub.live(document)
    doc: Doc[Any] = Doc()
    doc.apply_update(live.document.encode())
    before = doc.get_state()
    body = doc.get("body", type=Text)
    body.insert(len(body), text)
    live.apply(doc.get_update(before), lambda _result: None, session=None, participant="test")


# -- what is sent -----------------------------------------------------------------------------------------


async def test_first_everything_then_what_changes(api: Api) -> None:
    await api.write("team/notes", "hello")
    async with api.events("team/notes") as stream:
        headers = stream.response.headers
        assert stream.response.status == 200
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert "no-store" in headers["Cache-Control"]
        assert headers["X-Accel-Buffering"] == "no"
        first = await stream.next()
        assert first is not None
        assert first.name == "update"
        assert stream.text == "hello"
        assert stream.retry == 1000
        presence = await stream.next()
        assert presence is not None
        assert presence.name == "presence"
        assert [each["session"] for each in presence.json["joined"]]
        await api.write("team/notes", "hello, world")
        change = await stream.until("update")
        assert stream.text == "hello, world"
        assert len(change.data) < 100
        assert change.last_id != first.last_id


async def test_a_document_that_is_yet_to_be_made(api: Api) -> None:
    async with api.events("later") as stream:
        assert (await stream.until("update")).data == base64.b64encode(b"\0\0").decode()
        await api.write("later", "now")
        await stream.until_text("now")
    assert await api.read("later") == "now"


async def test_presence_comes_and_goes(api: Api) -> None:
    async with api.events("notes", query="?name=Ann&color=red") as ann:
        mine = (await ann.until("presence")).json["joined"]
        assert [each["user"] for each in mine] == [{"name": "Ann", "color": "red"}]
        async with api.events("notes") as other:
            everybody = (await other.until("presence")).json["joined"]
            assert len(everybody) == 2
            joined = (await ann.until("presence")).json["joined"]
            assert len(joined) == 1
            client = Client(WebSocketWire(api.server.url, api.http), "/doc/notes")
            await client.connect({"presence": "json", "user": {"name": "Bob"}})
            assert [each["user"]["name"] for each in (await ann.until("presence")).json["joined"]] == ["Bob"]
            await client.call("presence", {"cursor": 5})
            updated = (await ann.until("presence")).json["updated"]
            assert [each["state"] for each in updated] == [{"cursor": 5}]
            await client.call("broadcast", {"event": "wave", "data": [1]})
            assert (await ann.until("broadcast")).json["data"] == [1]
            await client.close()
            assert [each["user"]["name"] for each in (await ann.until("presence")).json["left"]] == ["Bob"]
        began = asyncio.get_running_loop().time()
        left = (await ann.until("presence")).json["left"]
        assert [each["session"] for each in left] == [joined[0]["session"]]
        assert asyncio.get_running_loop().time() - began < 3, "gone at once, not at the next heartbeat"
        assert [
            each["session"] for each in (await api("GET", where("notes") + "/participants")).json["participants"]
        ] == [mine[0]["session"]]


async def test_heartbeats_while_nothing_happens(serve: Serve) -> None:
    api = await serve(heartbeat=0.1)
    async with api.events("notes") as stream:
        await stream.until("presence")
        reading = asyncio.create_task(stream.next(timeout=30))
        await eventually(lambda: stream.comments >= 2)
        reading.cancel()


async def test_http_1_0_gets_plain_lines(api: Api) -> None:
    await api.write("notes", "hello")
    port = int(api.server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/documents/notes/events HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        assert await reader.readline() == b"retry: 1000\n"
        assert await reader.readline() == b"\n"
        assert await reader.readline() == b"event: update\n"
    writer.close()


# -- no gap -----------------------------------------------------------------------------------------------


async def test_coming_back_gets_what_was_missed_and_no_more(api: Api) -> None:
    await api.write("notes", "The beginning of a long document. " * 200)
    async with api.events("notes") as stream:
        whole = await stream.until("update")
        assert len(whole.data) > 5000
        kept, last = stream.doc, stream.last
    await hurry("notes", api, "More.")
    await api.edit("notes", {"op": "text.delete", "path": "/body", "index": 0, "length": 4})
    async with api.events("notes", last=last) as stream:
        stream.doc = kept
        diff = await stream.until("update")
        assert len(diff.data) < 300
        assert stream.text == await api.read("notes")
        last = stream.last
    async with api.events("notes", query=f"?last_event_id={last}") as stream:
        assert len((await stream.until("update")).data) < 100, "as a parameter, too"


async def test_no_gap_wherever_the_stream_is_cut(api: Api) -> None:
    replica: Doc[Any] = Doc()
    last: str | None = None
    written = ""
    for turn in range(25):
        async with api.events("notes", last=last) as stream:
            stream.doc = replica
            for _ in range(turn % 4):
                written += f"{turn} "
                await hurry("notes", api, f"{turn} ")
            with contextlib.suppress(TimeoutError):
                for _ in range(1 + turn % 3):
                    await stream.next(timeout=0.05)
            last = stream.last
        # Only what was read counts: what was on its way is lost with the connection.
    async with api.events("notes", last=last) as stream:
        stream.doc = replica
        await stream.until_text(written)


async def test_coming_back_to_a_restarted_server(serve: Serve, tmp_path: Path) -> None:
    settings = {"store": f"sqlite:///{tmp_path}/a.db"}
    first = await serve(settings)
    await first.write("notes", "Before. " * 500)
    async with first.events("notes") as stream:
        await stream.until("update")
        kept, last = stream.doc, stream.last
        stopping = asyncio.create_task(first.server.stop())
        while await stream.next() is not None:
            pass
        await stopping
    second = await serve(settings)
    await hurry("notes", second, "After.")
    async with second.events("notes", last=last) as stream:
        stream.doc = kept
        assert len((await stream.until("update")).data) < 200
        assert stream.text == "Before. " * 500 + "After."


@pytest.mark.parametrize("last", ["", "0", "17", "nonsense!", "AQ", "A" * 7000, "_____w", "x" * 7900])
async def test_ids_that_are_not_ours_get_everything(api: Api, last: str) -> None:
    await api.write("notes", "hello")
    async with api.events("notes", last=last) as stream:
        assert stream.response.status == 200
        await stream.until("update")
        assert stream.text == "hello"


async def test_ids_stay_short_when_very_many_have_edited(api: Api) -> None:
    documents = []
    for number in range(MAX_CLIENTS_IN_ID * 6):
        doc: Doc[Any] = Doc(client_id=2**52 + number)
        doc.get("body", type=Text).insert(0, "a" * (number % 5 + 1))
        documents.append(doc.get_update())
    live = await api.server.hub.live("notes")
    for update in documents:
        live.apply(update, lambda _result: None, session=None, participant=None)
    async with api.events("notes") as stream:
        await stream.until("update")
        kept, last = stream.doc, stream.last
    assert last is not None
    assert len(last) < 4000, "servers and proxies refuse headers beyond 8 KiB"
    text = str(kept.get("body", type=Text))
    await hurry("notes", api, "!")
    async with api.events("notes", last=last) as stream:
        stream.doc = kept
        await stream.until("update")
        assert stream.text == text + "!"


def test_event_ids_read_back() -> None:
    clocks = {2**53 - 1: 2**31 - 1, 7: 1, 3: 900}
    state_vector = state_vector_of(event_id(clocks))
    assert state_vector is not None
    assert read_state_vector(state_vector) == clocks
    many = {client: client % 1000 for client in range(1, 5000)}
    state_vector = state_vector_of(event_id(many))
    assert state_vector is not None
    kept = read_state_vector(state_vector)
    assert len(kept) == MAX_CLIENTS_IN_ID
    assert kept.items() <= many.items(), "never more than what the reader has"
    assert min(kept.values()) >= 960
    assert state_vector_of(event_id({})) == write_state_vector({})
    assert state_vector_of(None) is None


# -- who may read, and for how long -----------------------------------------------------------------------


async def test_tokens(serve: Serve) -> None:
    api = await serve(JWT)
    await api.as_(mint("*=admin")).write("notes", "hello")
    token = mint("notes=viewer", sub="ann", name="Ann")
    async with api.events("notes", query=f"?token={token}&name=Mallory") as stream:
        assert stream.response.status == 200, "EventSource cannot send headers"
        await stream.until("update")
        people = (await stream.until("presence")).json["joined"]
        assert people[0]["user"]["name"] == "Ann", "who one is comes from the token"
    for path, status, code in [
        ("", 401, "unauthorized"),
        ("?token=nonsense", 401, "unauthorized"),
        (f"?token={mint('other=admin')}", 403, "forbidden"),
        (f"?token={mint('notes=viewer', ttl=-60)}", 401, "token_expired"),
    ]:
        answer = await api("GET", where("notes") + "/events" + path)
        assert (answer.status, answer.code) == (status, code)


async def test_the_stream_ends_with_its_token(serve: Serve) -> None:
    api = await serve(JWT)
    async with api.as_(mint("*=viewer", ttl=1.2)).events("notes") as stream:
        await stream.until("presence")
        warning = (await stream.until("notice")).json
        assert warning["code"] == "token_expired"
        assert 0 < warning["retry_after"] <= 1.2
        last = (await stream.until("notice")).json
        assert last["code"] == "token_expired"
        assert "retry_after" not in last
        assert await stream.next() is None
        assert stream.retry is not None
        assert stream.retry > 3_600_000, "a browser that came back would be refused for ever"
    assert api.server.hub.documents["notes"].sessions == {}


async def test_sent_away(api: Api) -> None:
    async with api.events("notes") as stream, api.events("notes") as other:
        session = (await stream.until("presence")).json["joined"][0]["session"]
        await other.until("presence")
        assert (await api("DELETE", f"{where('notes')}/participants/{session}")).status == 204
        notice = (await stream.until("notice")).json
        assert (notice["code"], notice["message"]) == ("forbidden", "You were disconnected.")
        assert await stream.next() is None
        left = (await other.until("presence")).json["left"]
        assert [each["session"] for each in left] == [session]


async def test_a_document_that_is_deleted(api: Api) -> None:
    await api.write("notes", "hello")
    async with api.events("notes") as stream:
        await stream.until("presence")
        assert (await api("DELETE", where("notes"))).status == 204
        assert (await stream.until("notice")).json["code"] == "document_deleted"
        assert await stream.next() is None


async def test_limits_are_those_of_every_door(serve: Serve) -> None:
    api = await serve({"max_participants": 2})
    async with api.events("notes") as one, api.events("notes") as two:
        await one.until("presence")
        await two.until("presence")
        answer = await api("GET", where("notes") + "/events")
        assert (answer.status, answer.code) == (503, "document_full")
        assert answer.headers["Retry-After"] == "60"
    api = await serve({"max_connections_per_ip": 1})
    async with api.events("notes") as one:
        await one.until("presence")
        answer = await api("GET", where("other") + "/events")
        assert (answer.status, answer.code) == (429, "too_many_connections")
    await eventually(lambda: not api.server.hub.documents["notes"].sessions)
    async with api.events("other") as one:
        assert one.response.status == 200


async def test_a_draining_server_lets_go(serve: Serve) -> None:
    api = await serve()
    async with api.events("notes") as stream:
        await stream.until("presence")
        began = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(api.server.stop())
        while await stream.next() is not None:
            pass
        await stopping
        assert asyncio.get_running_loop().time() - began < 1.5, "streams end first, nobody waits for them"
        assert stream.retry == 1000, "its reader comes back soon"


async def test_a_real_server_says_that_it_goes(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/a.db")
    api = Api(server, http)
    await api.write("notes", "one")
    async with api.events("notes") as stream:
        await stream.until_text("one")
        await stream.until("presence")
        began = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        assert (await stream.until("notice")).json["code"] == "draining"
        with contextlib.suppress(aiohttp.ClientPayloadError):
            while await stream.next() is not None:
                pass
        assert await stopping == 0
        assert asyncio.get_running_loop().time() - began < 5
        kept, last = stream.doc, stream.last
    await asyncio.to_thread(server.start)
    await api.write("notes", "one two")
    async with api.events("notes", last=last) as stream:
        stream.doc = kept
        await stream.until_text("one two")


# -- slow readers -----------------------------------------------------------------------------------------


class SlowReader:
    """A connection with small buffers, from which nothing is read unless somebody says so."""

    def __init__(self, api: Api, document: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", int(api.server.url.rsplit(":", 1)[1])))
        self._socket.sendall(f"GET /api/v1{where(document)}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._socket.setblocking(False)
        self.raw = b""

    async def read(self, timeout: float = 30.0) -> bytes:
        """Some more bytes; none at the end."""
        async with asyncio.timeout(timeout):
            piece = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
        self.raw += piece
        return piece

    def lines(self) -> list[bytes]:
        """The lines of the body, chunks joined."""
        _, _, rest = self.raw.partition(b"\r\n\r\n")
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16) if size else 0
            body, rest = body + rest[:length], rest[length + 2 :]
        return body.split(b"\n")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


async def fill(api: Api, session: Any, bytes_each: int = 100_000) -> int:
    """Edit until the session is behind; returns the number of edits."""
    for count in range(1, 100):
        await hurry("notes", api, f"{count:06}" + "x" * bytes_each)
        await asyncio.sleep(0.001)
        if session.state is State.BEHIND:
            return count
    raise AssertionError(f"the reader never fell behind: {session.state}, {session.pipe.waiting_bytes} bytes wait")


async def test_who_reads_slowly_gets_one_diff_later(serve: Serve) -> None:
    api = await serve({"send_buffer_bytes": 65536})
    reader = SlowReader(api, "notes")
    await eventually(lambda: api.server.hub.documents.get("notes") and api.server.hub.documents["notes"].sessions)
    live = api.server.hub.documents["notes"]
    (session,) = live.sessions.values()
    await fill(api, session)
    waiting = session.pipe.waiting_bytes
    for number in range(50):
        await hurry("notes", api, f"later {number}")
        await asyncio.sleep(0)
    live.flush()
    assert session.state is State.BEHIND
    assert session.pipe.waiting_bytes <= waiting + 1000, "nothing is queued for who is behind"
    doc: Doc[Any] = Doc()
    done = 0
    async with asyncio.timeout(30):
        while "later 49" not in str(doc.get("body", type=Text)):
            await reader.read()
            if not reader.raw.endswith(b"\n\r\n"):
                continue
            updates = [line[6:] for name, line in _pairs(reader.lines()) if name == b"event: update"]
            for update in updates[done:]:
                doc.apply_update(base64.b64decode(update))
            done = len(updates)
    notices = [line for name, line in _pairs(reader.lines()) if name == b"event: notice"]
    assert any(b'"lagging"' in line for line in notices)
    expected: Doc[Any] = Doc()
    expected.apply_update(live.document.encode())
    assert str(doc.get("body", type=Text)) == str(expected.get("body", type=Text))
    await eventually(lambda: session.state is State.LIVE)
    reader.close()
    await eventually(lambda: not live.sessions)


def _pairs(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """(event line, data line) of complete events."""
    pairs, name = [], b""
    for number, line in enumerate(lines):
        if line.startswith(b"event: "):
            name = line
        elif line.startswith(b"data: ") and number + 1 < len(lines):
            pairs.append((name, line))
    return pairs


async def test_who_reads_nothing_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    api = await serve({"send_buffer_bytes": 65536})
    object.__setattr__(api.server.hub.limits, "stall_timeout", 0.3)
    reader = SlowReader(api, "notes")
    await eventually(lambda: api.server.hub.documents.get("notes") and api.server.hub.documents["notes"].sessions)
    live = api.server.hub.documents["notes"]
    (session,) = live.sessions.values()
    await fill(api, session)
    await eventually(lambda: not live.sessions)
    with contextlib.suppress(ConnectionResetError):
        while await reader.read():
            pass
    assert not reader.raw.endswith(b"\r\n0\r\n\r\n"), "cut, so that it comes back, and not ended"
    reader.close()


async def test_presence_alone_does_not_pile_up(serve: Serve) -> None:
    api = await serve({"send_buffer_bytes": 4096, "rate_awareness": 1_000_000})
    reader = SlowReader(api, "notes")
    await eventually(lambda: api.server.hub.documents.get("notes") and api.server.hub.documents["notes"].sessions)
    live = api.server.hub.documents["notes"]
    (session,) = live.sessions.values()
    most = 0
    for _ in range(4000):
        session.notify(_notice())
        most = max(most, session.pipe.waiting_bytes)
        if session.id not in live.sessions or session.pipe.ended.done():
            break
        await asyncio.sleep(0)
    else:
        raise AssertionError(f"{most} bytes wait for somebody who does not read")
    assert most < 20 * 4096 + 10_000
    await eventually(lambda: not live.sessions)
    reader.close()


def _notice() -> Any:
    from collab.errors import CollabError

    return CollabError("cluster_degraded", "x" * 2000)


async def test_many_readers_get_the_same_bytes(api: Api) -> None:
    streams: list[EventStream] = []
    try:
        for _ in range(50):
            stream = api.events("notes")
            await stream.__aenter__()
            streams.append(stream)
        for number in range(20):
            await hurry("notes", api, f"{number} ")
            await asyncio.sleep(0)
        expected = "".join(f"{number} " for number in range(20))
        await asyncio.gather(*(stream.until_text(expected) for stream in streams))
        encoders = {id(session.encoder) for session in api.server.hub.documents["notes"].sessions.values()}
        assert len(encoders) == 1
    finally:
        for stream in streams:
            await stream.__aexit__()
    await eventually(lambda: not api.server.hub.documents["notes"].sessions)


async def test_of_several_updates_sent_together_only_the_last_says_what_its_reader_has() -> None:
    live: Any = SimpleNamespace(document=SimpleNamespace(clocks={5: 3}))
    (event,) = EventEncoder(live).updates([b"one", b"two", b"three"])
    blocks = event.plain.decode().strip().split("\n\n")
    assert ["id: " in block for block in blocks] == [False, False, True]
    assert f"id: {event_id({5: 3})}" in blocks[2]
    assert [base64.b64decode(block.rpartition("data: ")[2]) for block in blocks] == [b"one", b"two", b"three"]
