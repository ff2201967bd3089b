"""Malformed frames at every layer: the process lives, stays small, and serves honest people (rules C6, S3, S4).

Longer by hand: ``COLLAB_TEST_FUZZ_FRAMES=10000 pytest -s tests/fault/test_frame_fuzz.py`` sends that many at each
layer, ``COLLAB_TEST_FUZZ_SECONDS=600`` goes on for so long; a run is repeated, as far as timing allows, with
``COLLAB_TEST_SEED=...`` (printed at the start). ``tests/unit/test_reader_fuzz.py`` does the same to each reader alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import orjson
import pytest

from collab.protocol.awareness import AwarenessEntry, encode_awareness
from collab.protocol.codec import read_state_vector, write_state_vector, write_var_uint
from collab.protocol.events import EVENTS
from collab.protocol.hocuspocus import write_address
from collab.protocol.ywebsocket import write_sync
from tests.support.editor import Editor
from tests.support.fuzz_messages import hocuspocus_message, y_message
from tests.support.heavy_updates import hostile_samples
from tests.support.probe import Probe
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer
from tests.support.wild_updates import WildUpdates
from tests.support.wire import Client, WebSocketWire

SECONDS = float(os.environ.get("COLLAB_TEST_FUZZ_SECONDS", "20"))
FRAMES = int(os.environ.get("COLLAB_TEST_FUZZ_FRAMES", "0"))
SEED = chosen_seed()
MIB = 2**20
DOCUMENT = "fuzz"
HOSTILE = [sample for _, samples in hostile_samples(vectors=True) for sample in samples]
PLACEHOLDER = '{"_placeholder":true,"num":0}'
NAMESPACES = (f"/doc/{DOCUMENT}", f"/yjs|{DOCUMENT}")


class Mutator:
    """Makes good things bad."""

    _TEXT = (
        *'[]{}",:-/0123456789.eE+ \\_', "_placeholder", "num", "true", "null", "\\u0000", "\\ud800", "é", "\U0001f600",
        "\0", "\x1e", "\x7f",
    )  # fmt: skip
    _NUMBERS = (0, 1, 127, 128, 255, 2**14, 2**31 - 1, 2**31, 2**32, 2**53 - 1, 2**53, 2**63, 2**64 - 1)

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def text(self, value: str) -> str:
        rng = self.rng
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            at = rng.randrange(len(value) + 1)
            kind = rng.randrange(5)
            if kind == 0:
                value = value[:at] + rng.choice(self._TEXT) + value[at:]
            elif kind == 1:
                value = value[:at] + value[at + rng.randint(1, 4) :]
            elif kind == 2:
                value = value[:at] + rng.choice(self._TEXT) + value[at + 1 :]
            elif kind == 3:
                value = value[:at]
            else:
                value = value[:at] + str(rng.choice(self._NUMBERS)) + value[at:]
        return value

    def bytes(self, value: bytes) -> bytes:
        rng = self.rng
        raw = bytearray(value)
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            at = rng.randrange(len(raw) + 1)
            kind = rng.randrange(5)
            if kind == 0:
                raw[at:at] = rng.randbytes(rng.randint(1, 4))
            elif kind == 1:
                del raw[at : at + rng.randint(1, 4)]
            elif kind == 2 and at < len(raw):
                raw[at] = rng.randrange(256)
            elif kind == 3:
                del raw[at:]
            else:
                raw[at:at] = write_var_uint(rng.choice(self._NUMBERS))
        return bytes(raw)

    def json(self, depth: int = 0) -> Any:
        rng = self.rng
        kind = rng.randrange(9 if depth < 4 else 6)
        if kind == 0:
            return rng.choice((None, True, False))
        if kind == 1:
            return rng.choice((*self._NUMBERS, -1, 0.5, -1e300, 5e-324))
        if kind == 2:
            return rng.choice(("", "x", "x" * 100, "\0", "\u2028", "\U0001f600" * 3, "__proto__", "constructor"))
        if kind == 3:
            return {"_placeholder": rng.choice((True, 1, "true")), "num": rng.choice((0, 1, -1, 0.0, None, "0", 2**60))}
        if kind == 4:
            return rng.choice(
                ({"token": "x"}, {"event": "e", "data": 1}, {"user": {"name": "n"}}, {"cursor": 1}, {"operations": []})
            )
        if kind == 5:
            return rng.choice(([], {}, "x" * rng.choice((10, 1000, 20_000))))
        if kind < 8:
            return [self.json(depth + 1) for _ in range(rng.randrange(4))]
        keys = ("event", "data", "token", "user", "name", "color", "presence", "cursor", "", "a" * 300)
        return {rng.choice(keys): self.json(depth + 1) for _ in range(rng.randrange(4))}


class Bomb(str):
    """Text that is large or deep; rare, as it costs its sender time too."""


def bombs() -> list[Bomb]:
    return [
        Bomb("[" * 100_000), Bomb('{"a":' * 50_000), Bomb('["presence",' + "[" * 500 + "]" * 500 + "]"), Bomb('["cursor",' + "9" * 100_000 + "]"),
        Bomb('["presence",{' + ",".join(f'"{n}":{n}' for n in range(20_000)) + "}]"),
        Bomb('["broadcast",[' + ",".join([PLACEHOLDER] * 5_000) + "]]"), Bomb('["' + "x" * 300_000 + '"]'), Bomb('["x","' + "\\u0000" * 50_000 + '"]'),
    ]  # fmt: skip


# -- a WebSocket that lets everything through -------------------------------------------------------


def frame(opcode: int, payload: bytes, *, mask: bytes = b"\0\0\0\0") -> bytes:
    """A client's frame; ``opcode`` includes the FIN and RSV bits."""
    size = len(payload)
    if size < 126:
        head = bytes((opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((opcode, 0x80 | 126)) + struct.pack("!H", size)
    else:
        head = bytes((opcode, 0x80 | 127)) + struct.pack("!Q", size)
    return head + mask + payload


def packets(*values: str | bytes) -> bytes:
    """Engine.IO packets as frames."""
    return b"".join(
        frame(0x81, v.encode("utf-8", "surrogatepass")) if isinstance(v, str) else frame(0x82, v) for v in values
    )


class Connection:
    """A TCP connection to the server; what comes back is thrown away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.closed = False
        self._draining = asyncio.create_task(self._drain(reader))

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @classmethod
    async def websocket(cls, port: int, *first: str | bytes) -> Connection:
        """With the upgrade and the first packets under way."""
        connection = await cls.open(port)
        await connection.send(upgrade(port).encode() + packets(*first))
        return connection

    async def _drain(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass
        self.closed = True

    async def send(self, data: bytes) -> None:
        if self.closed or self.writer.is_closing():
            return
        self.writer.write(data)
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self.writer.drain(), 5)

    async def end(self, rng: random.Random) -> None:
        """Go away in one of the ways in which people do."""
        way = rng.randrange(4)
        if way == 0:
            await self.send(frame(0x88, b"\x03\xe8"))
        elif way == 1:
            with contextlib.suppress(OSError):  # it may be closed already
                self.writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
        elif way == 2:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await asyncio.shield(self._draining)
        self._draining.cancel()
        self.writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._draining


def upgrade(port: int, path: str = "/socket.io/?EIO=4&transport=websocket") -> str:
    key = base64.b64encode(bytes(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )


# -- the layers -------------------------------------------------------------------------------------


class Fuzzer:
    """Torments a server until a moment in time; one method per layer."""

    def __init__(self, server: CollabServer, seed: int, until: float, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.port = server.port
        self.seed = seed
        self.until = until
        self.http = http
        self.counts: Counter[str] = Counter()

    def layers(self) -> list[Callable[[random.Random, Mutator], Any]]:
        return [
            self.http_bytes,
            self.websocket_bytes,
            self.engineio,
            self.engineio_polling,
            self.socketio,
            self.events,
            self.awareness,
            self.vectors,
            self.updates,
            self.corpus,
            self.y_websocket,
            self.hocuspocus,
        ]

    async def run(self) -> None:
        await asyncio.gather(*(
            self._layer(10 * number + worker, layer)
            for number, layer in enumerate(self.layers())
            for worker in range(16 if layer == self.engineio_polling else 1)
        ))  # fmt: skip

    def over(self, layer: str) -> bool:
        return time.monotonic() >= self.until and self.counts[layer] >= FRAMES

    async def _layer(self, number: int, layer: Callable[[random.Random, Mutator], Any]) -> None:
        rng = random.Random(self.seed * 100 + number)
        mutator = Mutator(rng)
        while not self.over(layer.__name__):
            try:
                self.counts[layer.__name__] += await layer(rng, mutator)
            except (ConnectionError, aiohttp.ClientError):
                assert self.server.process is not None
                assert self.server.process.poll() is None, "the server has ended"
            await asyncio.sleep(0.002)

    async def http_bytes(self, rng: random.Random, mutator: Mutator) -> int:
        """Requests that are hardly HTTP."""
        connection = await Connection.open(self.port)
        path = rng.choice(
            (
                "/socket.io/?EIO=4&transport=polling",
                "/socket.io/",
                "/healthz",
                "/doc/x",
                "/api/v1/documents",
                "/%ff%00",
                "/../../etc/passwd",
            )
        )
        body = rng.randbytes(rng.choice((0, 5, 2000)))
        length = rng.choice((str(len(body)), "-1", "99999999999", "x", "0x5", f"{len(body)}\r\nContent-Length: 1"))
        request = rng.choice((
            upgrade(self.port).encode(),
            f"{rng.choice(('GET', 'POST', 'OPTIONS', 'PUT', 'TRACE', 'x'))} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode() + body,
            f"POST {path}&sid=x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffffff\r\n".encode(),
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {rng.choice(('null', 'http://[', 'x' * 3000, 'http://localhost'))}\r\n\r\n".encode(),
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * rng.choice((1, 2000)) + b"\r\n",
            b"\x16\x03\x01" + rng.randbytes(60), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", rng.randbytes(rng.randrange(1, 300)),
        ))  # fmt: skip
        await connection.send(mutator.bytes(request))
        await connection.end(rng)
        return 1

    async def websocket_bytes(self, rng: random.Random, mutator: Mutator) -> int:
        """Frames that break RFC 6455."""
        connection = await Connection.websocket(self.port, f"40{rng.choice(NAMESPACES)},")
        count = rng.randint(1, 6)
        for _ in range(count):
            opcode = rng.choice(
                (0x00, 0x80, 0x01, 0x81, 0x82, 0x83, 0x88, 0x89, 0x8A, 0x8B, 0xC1, 0xF1, rng.randrange(256))
            )
            payload = rng.choice(
                (
                    b"",
                    b"3",
                    b"\xff\xfe",
                    b"42",
                    b"\x03\xe8bye",
                    b"\x00",
                    b"\x03\xedx",
                    rng.randbytes(rng.choice((3, 130, 70_000))),
                )
            )
            data = rng.choice((
                frame(opcode, payload), frame(opcode, payload, mask=rng.randbytes(4)), frame(opcode, payload)[:-1],
                bytes((opcode, len(payload) & 0x7F)) + payload, bytes((opcode, 0xFF)) + struct.pack("!Q", rng.choice((2**63, 2**40, 5))) + payload,
            ))  # fmt: skip
            await connection.send(mutator.bytes(data))
        await connection.end(rng)
        return count

    _ENGINE = (
        "0",
        '0{"sid":"x"}',
        "1",
        "2",
        "2probe",
        "3",
        "3probe",
        "4",
        "40",
        "5",
        "6",
        "7",
        "b",
        "bAAAA",
        "",
        "9",
        "4" * 50,
        "\x1e",
        "44",
        "é",
        "4\ud800",
    )

    async def engineio(self, rng: random.Random, mutator: Mutator) -> int:
        connection = await Connection.websocket(self.port, *rng.choice(((), (f"40{NAMESPACES[0]},",))))
        chosen: list[str | bytes] = [mutator.text(rng.choice(self._ENGINE)) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.3:
            chosen.insert(rng.randrange(len(chosen) + 1), rng.randbytes(rng.randrange(20)))
        await connection.send(packets(*chosen))
        await connection.end(rng)
        return len(chosen)

    async def engineio_polling(self, rng: random.Random, mutator: Mutator) -> int:
        url = f"{self.server.url}/socket.io/"
        query = {"EIO": "4", "transport": "polling"}
        async with self.http.get(url, params=query) as response:
            query["sid"] = json.loads((await response.text())[1:])["sid"]
        if rng.random() < 0.5:
            await self._request("POST", url, query, f"40{rng.choice(NAMESPACES)},".encode())
        count = rng.randint(2, 12)
        for _ in range(count):
            body = "\x1e".join(mutator.text(rng.choice(self._ENGINE)) for _ in range(rng.randint(1, 3))).encode(
                "utf-8", "surrogatepass"
            )
            odd = dict(query)
            if rng.random() < 0.3:
                key = rng.choice(("EIO", "transport", "sid", "j", "t"))
                odd[key] = mutator.text(odd.get(key, "")).encode("utf-8", "replace").decode()
            # Some at the same time, which the protocol forbids.
            await asyncio.gather(*(
                self._request(rng.choice(("POST", "POST", "GET", "OPTIONS", "DELETE")), url, odd, rng.choice((body, mutator.bytes(body))))
                for _ in range(rng.choice((1, 1, 2)))
            ))  # fmt: skip
        await self._request("POST", url, query, b"1")
        return count

    async def _request(self, method: str, url: str, query: dict[str, str], body: bytes) -> None:
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, ValueError):
            async with asyncio.timeout(1.0), self.http.request(method, url, params=query, data=body) as response:
                assert response.status < 500, (method, query, body)
                await response.read()

    _BOMBS = bombs()

    def _packet(self, rng: random.Random, mutator: Mutator) -> list[str | bytes]:
        namespace = rng.choice(
            (*NAMESPACES, *NAMESPACES, "/", "/doc/other", "/doc/", "/doc/..", "/yjs|", "/admin", "/doc/" + "x" * 300)
        )
        number = rng.choice(("", "", "0", "7", "999999999999999", "9999999999999999", "-1", "01"))
        name = rng.choice(
            (*EVENTS, "connect", "disconnect", "disconnecting", "", "nothing", "__class__", "operations", "content")
        )
        data = (
            orjson.dumps([name, mutator.json()], option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
            if rng.random() < 0.5
            else f'["{name}",{PLACEHOLDER}]'
        )
        kind = rng.choice("0122223355555666478b")
        count = rng.choice(("1", "1", "1", "0", "2", "8", "9", "99999999999", "")) + "-" if kind in "56" else ""
        if rng.random() < 0.02:
            data = rng.choice(self._BOMBS)
        text = f"4{kind}{count}{namespace}{rng.choice((',', ',', ',', ''))}{number}{data}"
        if len(text) < 10_000:
            text = mutator.text(text)
        return [text, *(rng.randbytes(rng.choice((0, 2, 100))) for _ in range(rng.choice((0, 1, 1, 2))))]

    async def socketio(self, rng: random.Random, mutator: Mutator) -> int:
        connection = await Connection.websocket(self.port, f"40{rng.choice(NAMESPACES)},")
        count = 0
        while not connection.closed and count < 12:
            await connection.send(packets(*self._packet(rng, mutator)))
            await asyncio.sleep(0)
            count += 1
        await connection.end(rng)
        return count

    async def _eventful(self, rng: random.Random, make: Callable[[str], list[str | bytes]], most: int) -> int:
        """Send well-formed packets of one session until it is cut or ``most`` are sent."""
        namespace = rng.choice(NAMESPACES)
        connection = await Connection.websocket(
            self.port,
            f"40{namespace}," + rng.choice(("", '{"presence":"json"}')),
            f'451-{namespace},1["sync-step-1",{PLACEHOLDER}]',
            b"\0",
        )
        count = 0
        while not connection.closed and count < most and not asyncio.current_task().cancelling():  # type: ignore[union-attr]
            await connection.send(packets(*make(namespace)))
            count += 1
            await asyncio.sleep(0.001)
        await connection.end(rng)
        return count

    async def events(self, rng: random.Random, mutator: Mutator) -> int:
        def make(namespace: str) -> list[str | bytes]:
            name = rng.choice((*EVENTS, "nothing"))
            number = rng.choice(("", "5"))
            arguments = [mutator.json() for _ in range(rng.choice((0, 1, 1, 1, 2)))]
            if rng.random() < 0.3:
                text = orjson.dumps([name, *arguments, {"_placeholder": True, "num": 0}]).decode()
                return [f"451-{namespace},{number}{text}", rng.randbytes(rng.randrange(50))]
            return [f"42{namespace},{number}{orjson.dumps([name, *arguments]).decode()}"]

        return await self._eventful(rng, make, 150)

    async def awareness(self, rng: random.Random, mutator: Mutator) -> int:
        def make(namespace: str) -> list[str | bytes]:
            entries = [
                AwarenessEntry(
                    rng.choice((rng.randrange(8), *Mutator._NUMBERS[:10])),
                    rng.choice((rng.randrange(50), 2**30, 2**30 + 1, 2**31)),
                    rng.choice(
                        (
                            None,
                            "{}",
                            "NaN",
                            "[" * 40 + "]" * 40,
                            '{"user":{"name":"Root"}}',
                            orjson.dumps(mutator.json()).decode(),
                        )
                    ),
                )
                for _ in range(rng.choice((1, 1, 2, 6)))
            ]
            update = encode_awareness(entries)
            return [
                f'451-{namespace},["awareness-update",{PLACEHOLDER}]',
                mutator.bytes(update) if rng.random() < 0.5 else update,
            ]

        return await self._eventful(rng, make, 300)

    async def vectors(self, rng: random.Random, mutator: Mutator) -> int:
        """The sync messages of y-protocols: state vectors, and answers to the server's."""

        def make(namespace: str) -> list[str | bytes]:
            vector = write_state_vector(
                {rng.choice(Mutator._NUMBERS[:10]): rng.choice(Mutator._NUMBERS[:10]) for _ in range(rng.randrange(5))}
            )
            vector = mutator.bytes(vector)
            if rng.random() < 0.3:
                return [f"461-{namespace},{rng.choice((0, 1, 7))}[{PLACEHOLDER}]", vector]
            return [f'451-{namespace},{rng.choice(("", 4))}["sync-step-1",{PLACEHOLDER}]', vector]

        return await self._eventful(rng, make, 30)

    async def corpus(self, rng: random.Random, mutator: Mutator) -> int:
        """Updates that once hurt, and what is almost one."""

        def make(namespace: str) -> list[str | bytes]:
            sample = rng.choice(HOSTILE)
            sample = sample if rng.random() < 0.2 else mutator.bytes(sample)
            return [
                f'451-{namespace},3["{rng.choice(("sync-update", "sync-update", "sync-step-1"))}",{PLACEHOLDER}]',
                sample,
            ]

        return await self._eventful(rng, make, 60)

    async def y_websocket(self, rng: random.Random, mutator: Mutator) -> int:
        """Messages at ``/ws/``."""
        path = f"/ws/{rng.choice((DOCUMENT, DOCUMENT, DOCUMENT, 'a,b', ''))}"
        return await self._messages(rng, path, [write_sync(0, b"\0")], lambda: y_message(rng, mutator))

    async def hocuspocus(self, rng: random.Random, mutator: Mutator) -> int:
        """Messages at ``/hocuspocus``, with and without a token before."""
        address = write_address(DOCUMENT)
        first = rng.choice(([], [address + b"\2\0\0"], [address + b"\2\0\0", address + write_sync(0, b"\0")]))
        return await self._messages(rng, "/hocuspocus", first, lambda: hocuspocus_message(rng, mutator))

    async def _messages(
        self, rng: random.Random, path: str, first: list[bytes], make: Callable[[], bytes], most: int = 20
    ) -> int:
        connection = await Connection.open(self.port)
        await connection.send(upgrade(self.port, path).encode() + packets(*first))
        count = 0
        while not connection.closed and count < most and not asyncio.current_task().cancelling():  # type: ignore[union-attr]
            message = make()
            await connection.send(packets(message if rng.random() < 0.98 else message.decode("latin-1")))
            count += 1
            await asyncio.sleep(0.001)
        await connection.end(rng)
        return count

    async def updates(self, rng: random.Random, mutator: Mutator) -> int:
        """Updates that look like updates, as events and as answers to the server's step 1."""
        wild = WildUpdates(rng)
        client = Client(WebSocketWire(self.server.url, self.http), NAMESPACES[0])
        await client.connect()
        state = await client.call("sync-step-1", write_state_vector({}))
        clocks = await self._clocks(client)
        await client.close()
        assert isinstance(state, bytes)

        def make(namespace: str) -> list[str | bytes]:
            update = wild.update({client: clock for client, clock in clocks.items() if client < 10})
            if rng.random() < 0.1:
                return [f'451-{namespace},["sync-step-1",{PLACEHOLDER}]', mutator.bytes(write_state_vector(clocks))]
            if rng.random() < 0.2:
                return [f"461-{namespace},{rng.randrange(3)}[{PLACEHOLDER}]", update]
            return [
                f'451-{namespace},3["sync-update",{PLACEHOLDER}]',
                mutator.bytes(update) if rng.random() < 0.2 else update,
            ]

        return await self._eventful(rng, make, 60)

    @staticmethod
    async def _clocks(client: Client) -> dict[int, int]:
        step = await client.event("sync-step-1")
        return read_state_vector(step)


# -- honest people ----------------------------------------------------------------------------------


class Honest:
    """Types all the while, blind to what the others do to the document."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.typed = ""
        self.seconds: list[float] = []

    @classmethod
    async def join(cls, server: CollabServer, http: aiohttp.ClientSession, document: str) -> Honest:
        client = Client(WebSocketWire(server.url, http), f"/doc/{document}")
        await client.connect({"user": {"name": "Honest"}})
        editor = Editor(client, root="honest")
        await editor.sync()
        return cls(editor)

    async def run(self) -> None:
        number = 0
        while True:
            began = time.perf_counter()
            ack = await self.editor.type(str(number % 10))
            self.seconds.append(time.perf_counter() - began)
            assert ack["ok"] and ack["durable"], ack
            self.typed += str(number % 10)
            number += 1
            # What it was sent is of no interest, and would fill the memory of a long run.
            del self.editor.client.received[:-50]
            await asyncio.sleep(0.02)


def tracebacks(logged: str) -> Counter[str]:
    """The kinds of tracebacks in a log: the innermost line of ours, and the exception."""
    kinds: Counter[str] = Counter()
    for block in logged.split("Traceback (most recent call last):")[1:]:
        ours = [line.strip() for line in block.splitlines() if "/collab/" in line and line.strip().startswith("File")]
        ends = [line for line in block.splitlines() if line[:1].isalpha()]
        kinds[f"{ours[-1] if ours else 'not ours'}: {ends[0] if ends else '?'}"] += 1
    return kinds


# -- the run ----------------------------------------------------------------------------------------


class Run:
    """What is known after a run."""

    def __init__(self, server: CollabServer) -> None:
        self.server = server
        self.counts: Counter[str] = Counter()
        self.honest: list[Honest] = []
        self.trouble: BaseException | None = None
        self.grown = 0
        self.present: set[str] = set()
        self.calm_text = ""
        self.clocks: dict[int, int] = {}
        self.health = 0
        self.seconds = 0.0
        self.probe: Probe
        self.logged = ""
        self.exit_code: int | None = None

    async def go(self) -> None:
        """Torment the server for so long, then look at what is left of it."""
        server = self.server
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            self.honest = [await Honest.join(server, http, document) for document in (DOCUMENT, "calm")]
            typing = [asyncio.create_task(person.run()) for person in self.honest]
            fuzzer = Fuzzer(server, SEED, time.monotonic() + SECONDS, http)
            fuzzing = asyncio.create_task(fuzzer.run())
            await asyncio.wait([fuzzing, *typing], timeout=max(5.0, SECONDS / 4), return_when=asyncio.FIRST_COMPLETED)
            began, warm = time.monotonic(), server.memory()
            await asyncio.wait([fuzzing, *typing], return_when=asyncio.FIRST_COMPLETED)
            self.trouble = next((task.exception() for task in (*typing, fuzzing) if task.done()), None)
            self.counts = fuzzer.counts
            self.grown = server.memory() - warm
            self.seconds = time.monotonic() - began
            for task in (fuzzing, *typing):
                task.cancel()
            await asyncio.wait([fuzzing, *typing])
            if self.trouble is None:
                await self._look_around(http)
        self.logged = server.stderr()
        self.exit_code = server.stop()

    async def _look_around(self, http: aiohttp.ClientSession) -> None:
        server = self.server
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):  # those who said nothing at the end are found out by the heartbeat
                while self.present != {"Honest", "Onlooker"}:
                    onlooker = Client(WebSocketWire(server.url, http), f"/doc/{DOCUMENT}")
                    await onlooker.connect({"presence": "json", "user": {"name": "Onlooker"}})
                    self.present = {entry["user"]["name"] for entry in (await onlooker.event("presence"))["joined"]}
                    self.clocks = read_state_vector(await onlooker.event("sync-step-1"))
                    await onlooker.close()
                    await asyncio.sleep(0.2)
        calm = Editor(Client(WebSocketWire(server.url, http), "/doc/calm"), root="honest")
        await calm.client.connect()
        await calm.sync()
        self.calm_text = str(calm.text)
        async with http.get(f"{server.url}/healthz") as response:
            self.health = response.status


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run, which the tests below look at from different sides."""
    rates = [
        "--rate-updates",
        "100000",
        "--rate-bytes",
        "1GiB",
        "--rate-awareness",
        "100000",
        "--max-connections-per-ip",
        "10000",
    ]
    heartbeat = ["--ping-interval", "2", "--ping-timeout", "2", "--connect-timeout", "2"]
    folder = tmp_path_factory.mktemp("fuzz")
    probe = Probe(folder)
    server = CollabServer(f"sqlite:///{folder}/fuzz.db", args=[*rates, *heartbeat], env=probe.env).start()
    run = Run(server)
    run.probe = probe
    try:
        print(f"seed {SEED}, {SECONDS:g} seconds")
        asyncio.run(run.go())
        slowest = [f"{max(person.seconds) * 1000:.0f} ms" for person in run.honest]
        print(
            dict(run.counts),
            f"memory {run.grown / MIB:+.1f} MiB, slowest acks {slowest}, longest stall {1000 * probe.longest():.0f} ms of CPU, logged {len(run.logged)} bytes in {run.seconds:.0f} s",
            *(() if run.trouble is None else (f"ended early by {run.trouble!r}",)),
        )
        yield run
    finally:
        server.kill()


pytestmark = pytest.mark.timeout(SECONDS + FRAMES / 5 + 120)


def test_the_process_lives_and_ends_as_it_should(run: Run) -> None:
    assert run.trouble is None, f"seed {SEED}: {run.trouble!r}"
    assert run.health == 200
    assert run.exit_code == 0
    # A session that polls takes dozens of turns of this process's loop, which all layers share.
    assert min(run.counts.values()) > 8 * SECONDS / 20, f"hardly anything was tried: {run.counts}"


def test_honest_people_notice_nothing(run: Run) -> None:
    """What they notice of a busy machine is not looked at here: the server says itself how long it stood still."""
    for person in run.honest:
        assert len(person.seconds) > 50 * SECONDS / 20
        assert max(person.seconds) < 5.0, f"seed {SEED}: {sorted(person.seconds)[-5:]}"


def test_the_event_loop_never_stands_still(run: Run) -> None:
    assert run.probe.longest() < 0.1, f"seed {SEED}: {run.probe.longest():.3f} s"


def test_everything_that_honest_people_typed_is_there(run: Run) -> None:
    fuzzed, calm = run.honest
    assert run.calm_text.startswith(calm.typed)
    assert run.clocks[fuzzed.editor.doc.client_id] >= len(fuzzed.typed)


def test_memory_stays_small(run: Run) -> None:
    assert run.grown < 20 * MIB, f"seed {SEED}: {run.grown / MIB:.1f} MiB more"


def test_those_who_left_have_left(run: Run) -> None:
    assert run.present == {"Honest", "Onlooker"}, f"seed {SEED}"


def test_nothing_raised_where_nobody_expected_it(run: Run) -> None:
    assert not tracebacks(run.logged), f"seed {SEED}: {tracebacks(run.logged)}"
    assert "Traceback" not in run.logged
    assert "never awaited" not in run.logged
    assert "never retrieved" not in run.logged


def test_the_log_cannot_be_filled(run: Run) -> None:
    assert len(run.logged) < 1000 * run.seconds + 100_000


# -- found by the run above -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quiet_server() -> Iterator[CollabServer]:
    server = CollabServer("memory://").start()
    yield server
    server.kill()


def exchange(server: CollabServer, request: bytes, *, reset: bool) -> tuple[bytes, str]:
    """Send raw bytes; returns the status line, and what the server logged because of them."""
    before = len(server.stderr())
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(request)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        status = b"" if reset else connection.recv(4096).partition(b"\r\n")[0]
    for _ in range(5):  # each round trip gives the loop a turn in which to log
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b" 200 " in connection.recv(4096)
    return status, server.stderr()[before:]


UPGRADE = upgrade(0).encode()
KEY = b"Sec-WebSocket-Key: "
POLL = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(UPGRADE, b"", id="reset-in-upgrade"),
        pytest.param(UPGRADE.replace(KEY, KEY + b"\xfc"), b" 400", id="key-not-ascii"),
        pytest.param(UPGRADE.replace(KEY, KEY + b"A"), b" 400", id="key-not-base64"),
        pytest.param(POLL + b"Origin: http://[\r\n\r\n", b" 403", id="origin-1"),
        pytest.param(POLL + b"Origin: http://]x[\r\n\r\n", b" 403", id="origin-2"),
        pytest.param(POLL + b"Origin: \xfc\r\n\r\n", b" 403", id="origin-3"),
        pytest.param(b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 404", id="null-in-path"),
        pytest.param(b"GET /../collab/app.py HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 404", id="parent-in-path"),
        pytest.param(b"GET /..%2fcollab%2fapp.py HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 404", id="hidden-parent-in-path"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: \xfc\r\n\r\n", b" 417", id="expect"),
        pytest.param(b"GET /api/v1/documents HTTP/1.1\r\nHost: localhost\r\nExpect: \xfc\r\n\r\n", b" 417", id="expect-api"),
        pytest.param(b"nonsense\r\n\r\n", b" 400", id="nonsense"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b" 400", id="tls"),
        pytest.param(POLL + b"Content-Length: -1\r\n\r\n", b" 400", id="length"),
        pytest.param(b"GET /ws/x?token=" + b"sesame" * 2000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 400", id="long-token"),
        pytest.param(UPGRADE.replace(KEY, b"Sec-WebSocket-Protocol: " + b"sesame" * 500 + b"\r\n" + KEY), b" 101", id="protocols"),
    ],
)  # fmt: skip
def test_requests_that_once_hurt(quiet_server: CollabServer, request_bytes: bytes, status: bytes) -> None:
    answered, logged = exchange(quiet_server, request_bytes, reset=not status)
    assert status in answered
    assert b" 500" not in answered
    assert "Traceback" not in logged
    assert "sesame" not in logged
    assert len(logged) < 1000
