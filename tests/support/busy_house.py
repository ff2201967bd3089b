"""People in many documents, some of whom type, and one who reads slowly: something for operators to look at.

``python -m tests.support.busy_house URL`` prints ``ready`` once they are all there, and goes on until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
import threading
import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from pycrdt import Text

from collab.client import Session, connect

DOCUMENTS = 50
#: a document of a long name, and where the slow reader is
LONG, SLOW = "handbook/" + "a chapter of a very long name; " * 5 + "the end", "figures/live"
NAMES = ("Ann", "Ben", "Çelik", "Dorothea von und zu Hohenstein-Weißenfels", "Eve", "فاطمة", "Gō", "Hal")
#: bytes of an edit in the document of the slow reader, and seconds between two of them
CHUNK, PAUSE = 128 * 1024, 0.1
#: bytes that the slow reader takes, and seconds between two times
SIP, REST = 8 * 1024, 0.1


def slow_reader(host: str, port: int, namespace: str) -> None:
    """Joins by hand, and takes less than comes; comes back where that is too little."""
    while True:
        read_slowly(host, port, namespace)
        time.sleep(REST)


def read_slowly(host: str, port: int, namespace: str) -> None:
    """Until it is cut."""
    with socket.socket() as wire, contextlib.suppress(OSError):
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.connect((host, port))
        head = (
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
        )
        wire.sendall(head.encode())
        hello = f'40{namespace},{{"user":{{"name":"Sloe"}}}}'.encode()
        wire.recv(4096)
        wire.sendall(bytes((0x81, 0x80 | len(hello))) + bytes(4) + hello)
        while wire.recv(SIP):
            time.sleep(REST)


async def keep_typing(session: Session, words: str, pause: float) -> None:
    """Somebody types."""
    text = session.doc.get("body", type=Text)
    while True:
        if len(text) > 50 * len(words):
            text.clear()
        text += words
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))


async def main(url: str) -> None:
    """See above."""
    names = [LONG, SLOW, *(f"team/{NAMES[n % 7].lower()}/notes-{n}" for n in range(DOCUMENTS - 2))]
    where = urlsplit(url)
    async with AsyncExitStack() as people:
        typists = []
        for number, name in enumerate(names):
            for person in range(1 + number % 3):
                user = {"name": NAMES[(number + person) % len(NAMES)], "color": f"hsl({37 * number % 360} 65% 45%)"}
                session = await people.enter_async_context(connect(url, name, user=user))
                text = session.doc.get("body", type=Text)
                text += "x" * (number * 400)
                if number % 5 == 0:
                    typists.append(asyncio.create_task(keep_typing(session, "word ", 0.3)))
        writer = await people.enter_async_context(connect(url, SLOW, user={"name": "Figures"}))
        typists.append(asyncio.create_task(keep_typing(writer, "x" * CHUNK, PAUSE)))
        host, port = where.hostname or "127.0.0.1", where.port or 80
        threading.Thread(target=slow_reader, args=(host, port, f"/doc/{SLOW}"), daemon=True).start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in typists:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
