"""Attacks of every kind at once, one after another and beside each other, as a seed has it.

``python -m tests.attack.mixed URL SEED SECONDS`` with two tokens in ``EVIL_EDITOR`` and ``EVIL_VIEWER``: the first may
edit ``evil/*``, the second may read ``honest-*``. Prints what it did as JSON: how often each attack ran.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import quote

import aiohttp
from pycrdt import Doc, Text

from collab.protocol.codec import write_var_bytes, write_var_uint
from tests.support.attack import Line, frame

PING, TEXT, BINARY = 0x89, 0x81, 0x82
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
API = "/api/v1/documents/"
#: attacks that go on side by side
AT_ONCE = 4
#: seconds after which one of them is over, whatever it was doing
MOST = 6.0
KIB = 1024


class Attacker:
    """Knows the way in, and has what a seed gives it.

    Args:
        url: of the server.
        chance: decides everything.
        editor, viewer: tokens.
    """

    def __init__(self, url: str, chance: random.Random, editor: str, viewer: str) -> None:
        self.url, self.chance, self.editor, self.viewer = url, chance, editor, viewer
        self._lines: set[Line] = set()

    async def line(self, path: str = "") -> Line:
        """A connection; with ``path`` a WebSocket."""
        line = Line(self.url)
        self._lines.add(line)
        return await (line.open_websocket(path) if path else line.open())

    async def seat(self, document: str, token: str) -> Line:
        """A Socket.IO connection that was let in."""
        line = await self.line(SOCKETIO)
        await line.send(frame(TEXT, f"40/doc/{document},{json.dumps({'token': token})}".encode()))
        seen = b""
        while b'"session"' not in seen and b"44/doc" not in seen:
            more = await line.read()
            if not more:
                break
            seen += more
        return line

    async def request(self, method: str, path: str, body: bytes = b"", token: str | None = None) -> bytes:
        """One request on a connection of its own; the first bytes of the answer."""
        line = await self.line()
        sent = token or self.editor
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sent}\r\nContent-Length: {len(body)}\r\n\r\n"
        if not await line.send_within(head.encode() + body, 3.0):
            return b""
        return await line.read(1024)

    def evil(self) -> str:
        """The name of a document of its own, as it stands in a path."""
        return quote(f"evil/{self.chance.randrange(8)}", safe="")

    def size(self, most: int) -> int:
        """Mostly small, at times as large as may be."""
        return int(most ** self.chance.random())

    def hang_up(self) -> None:
        """End all connections."""
        for line in self._lines:
            line.close()
        self._lines.clear()


Attack = Callable[[Attacker], Awaitable[None]]


async def pings(it: Attacker) -> None:
    line = await it.line(it.chance.choice([SOCKETIO, "/ws/notes", "/hocuspocus"]))
    await line.send_within(frame(PING, b"x" * it.chance.randrange(126)) * 100_000, 2.0)


async def silence(it: Attacker) -> None:
    for _ in range(it.chance.randrange(200)):
        await it.line()
    await asyncio.sleep(it.chance.random() * 3)


async def heads(it: Attacker) -> None:
    for _ in range(it.chance.randrange(30)):
        line = await it.line()
        await line.send_within(b"GET / HTTP/1.1\r\n" + b"X: %b\r\n" % (b"x" * it.size(60_000)) * it.size(100), 1.0)


async def handshakes(it: Attacker) -> None:
    line = await it.line()
    ask = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
    await line.send_within(ask * it.size(2000), 2.0)


async def unfinished_messages(it: Attacker) -> None:
    for _ in range(it.chance.randrange(12)):
        line = await it.line(it.chance.choice([SOCKETIO, "/ws/notes", "/hocuspocus"]))
        size = it.size(16 * KIB * KIB - 2)
        await line.send_within(frame(BINARY, bytes(size), length=size + 1), 2.0)
    await asyncio.sleep(it.chance.random() * 3)


async def unfinished_bodies(it: Attacker) -> None:
    for _ in range(it.chance.randrange(12)):
        line = await it.line()
        size = it.size(4 * KIB * KIB)
        head = f"POST {API}{it.evil()}/update HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {it.editor}\r\nContent-Length: {size + 1}\r\n\r\n"
        await line.send_within(head.encode() + bytes(size), 2.0)
    await asyncio.sleep(it.chance.random() * 3)


def _keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%x":1' % number for number in range(count)) + b"}"


async def costly_messages(it: Attacker) -> None:
    name = f"evil/{it.chance.randrange(8)}"
    line = await it.seat(name, it.editor)
    count = it.size(400_000)
    head = f"451-/doc/{name},0".encode()
    step, presence = (
        head + b'["%b",{"_placeholder":true,"num":0}]' % kind for kind in (b"sync-step-1", b"awareness-update")
    )
    clients = write_var_uint(count) + b"".join(write_var_uint(2**31 + number) + b"\1" for number in range(count))
    states = write_var_uint(count // 1000) + b"".join(
        write_var_uint(number + 1) + b"\1" + write_var_bytes(b"[" + b",".join([b"[]"] * 500) + b"]")
        for number in range(count // 1000)
    )
    for message in it.chance.sample(
        [
            frame(TEXT, b"40/doc/other," + _keys(count)),
            frame(TEXT, f'42/doc/{name},0["presence",'.encode() + _keys(count) + b"]"),
            frame(TEXT, f'42/doc/{name},0["operations",{{"operations":['.encode() + b"[[]]," * count + b"[]]}]"),
            frame(TEXT, step) + frame(BINARY, clients),
            frame(TEXT, presence) + frame(BINARY, states),
        ],
        2,
    ):
        await line.send_within(message, 2.0)


async def noise(it: Attacker) -> None:
    line = await it.line(it.chance.choice([SOCKETIO, "/ws/notes", "/hocuspocus"]))
    for _ in range(50):
        opcode = it.chance.choice([TEXT, BINARY, PING, 0x8A, 0x01, 0x80, 0xF1])
        if not await line.send_within(frame(opcode, it.chance.randbytes(it.size(4000))), 1.0):
            return


async def costly_bodies(it: Attacker) -> None:
    count = it.size(200_000)
    body = it.chance.choice([b'{"operations":[' + b"[[]]," * count + b"[]]}", _keys(count), it.chance.randbytes(count)])
    method, path = it.chance.choice([("PATCH", "/content"), ("POST", "/versions"), ("POST", "/update")])
    await it.request(method, API + it.evil() + path, body)


async def versions(it: Attacker) -> None:
    name = it.evil()
    for number in range(30):
        text = "x" * it.size(100_000)
        insert = {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": text}]}
        await it.request("PATCH", f"{API}{name}/content", json.dumps(insert).encode())
        answer = await it.request("POST", f"{API}{name}/versions", json.dumps({"name": str(number)}).encode())
        _, _, body = answer.partition(b"\r\n\r\n")
        with suppress(ValueError, KeyError, TypeError):
            await it.request("POST", f"{API}{name}/versions/{json.loads(body)['id']}/restore")


async def documents(it: Attacker) -> None:
    for _ in range(it.chance.randrange(100)):
        insert = {"operations": [{"op": "map.set", "path": "/m", "key": "k", "value": 1}]}
        name = quote(f"evil/of/{it.chance.randrange(10**9)}", safe="")
        await it.request("PATCH", f"{API}{name}/content", json.dumps(insert).encode())


async def deletions(it: Attacker) -> None:
    name = it.evil()
    for _ in range(10):
        await asyncio.gather(
            it.request("DELETE", API + name), it.request("POST", f"{API}{name}/versions", b'{"name":"v"}'), edits(it)
        )


async def edits(it: Attacker) -> None:
    name = f"evil/{it.chance.randrange(8)}"
    line = await it.seat(name, it.editor)
    doc: Doc = Doc()
    text = doc.get("body", type=Text)
    head = frame(TEXT, f'451-/doc/{name},0["sync-update",{{"_placeholder":true,"num":0}}]'.encode())
    for _ in range(it.size(3000)):
        before = doc.get_state()
        text += "x"
        if not await line.send_within(head + frame(BINARY, doc.get_update(before)), 1.0):
            return


async def deaf_readers(it: Attacker) -> None:
    for _ in range(it.chance.randrange(30)):
        await it.seat(f"honest-{it.chance.randrange(4)}", it.viewer)
    for _ in range(it.chance.randrange(30)):
        line = await it.line()
        path = it.chance.choice(
            ["/openapi.json", f"{API}honest-0/content?format=text&path=/body", f"{API}honest-0/events"]
        )
        ask = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {it.viewer}\r\n\r\n".encode()
        await line.send_within(ask * it.size(100), 1.0)
    await asyncio.sleep(it.chance.random() * 4)


async def stolen_names(it: Attacker) -> None:
    for _ in range(50):
        await it.request("GET", f"{API}honest-0/content", token=it.chance.choice(["x", "", it.viewer[:-4] + "AAAA"]))


ATTACKS: dict[str, Attack] = {
    each.__name__: each
    for each in (
        pings, silence, heads, handshakes, unfinished_messages, unfinished_bodies, costly_messages, noise, costly_bodies,
        versions, documents, deletions, edits, deaf_readers, stolen_names,
    )
}  # fmt: skip


async def attack(url: str, seed: int, seconds: float, editor: str, viewer: str) -> Counter[str]:
    """Attack for so many seconds; how often each kind ran."""
    done: Counter[str] = Counter()
    until = time.monotonic() + seconds

    async def one_after_another(chance: random.Random) -> None:
        # Every kind in turn, in an order that the seed has: a short run has seen as much as can be.
        while True:
            for name in chance.sample(sorted(ATTACKS), len(ATTACKS)):
                if time.monotonic() > until:
                    return
                attacker = Attacker(url, chance, editor, viewer)
                with suppress(OSError, TimeoutError, AssertionError, aiohttp.ClientError):
                    async with asyncio.timeout(MOST):
                        await ATTACKS[name](attacker)
                attacker.hang_up()
                done[name] += 1

    await asyncio.gather(*(one_after_another(random.Random(f"{seed} {number}")) for number in range(AT_ONCE)))
    return done


if __name__ == "__main__":
    where, seed, seconds = sys.argv[1:]
    tokens = os.environ["EVIL_EDITOR"], os.environ["EVIL_VIEWER"]
    print(json.dumps(asyncio.run(attack(where, int(seed), float(seconds), *tokens))))
