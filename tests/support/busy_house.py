"""People in many documents, some of whom type, and one who reads slowly: something for operators to look at.

``python -m tests.support.busy_house URL`` prints ``ready`` once they are all there, and goes on until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from contextlib import AsyncExitStack

from pycrdt import Text

from collab.client import Session, connect
from tests.support.attack import Line, frame

DOCUMENTS = 50
#: a document of a long name, and where the slow reader is
LONG, SLOW = "handbook/" + "a chapter of a very long name; " * 5 + "the end", "figures/live"
NAMES = ("Ann", "Ben", "Çelik", "Dorothea von und zu Hohenstein-Weißenfels", "Eve", "فاطمة", "Gō", "Hal")
#: bytes of an edit in the document of the slow reader, and seconds between two of them
CHUNK, PAUSE = 128 * 1024, 0.1
#: bytes that the slow reader takes, and seconds between two times
SIP, REST = 8 * 1024, 0.1


async def read_slowly(url: str, document: str) -> None:
    """Joins, and takes less than comes; comes back where that is too little."""
    hello = f'40/doc/{document},{{"user":{{"name":"Sloe"}}}}'.encode()
    while True:
        reader = Line(url)
        with contextlib.suppress(OSError, TimeoutError, AssertionError):  # it is cut, or not let in
            await reader.open_websocket("/socket.io/?EIO=4&transport=websocket")
            await reader.send(frame(0x81, hello))
            while await reader.read(SIP):
                await asyncio.sleep(REST)
        reader.close()
        await asyncio.sleep(REST)


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
    async with AsyncExitStack() as people:
        tasks = []
        for number, name in enumerate(names):
            for person in range(1 + number % 3):
                user = {"name": NAMES[(number + person) % len(NAMES)], "color": f"hsl({37 * number % 360} 65% 45%)"}
                session = await people.enter_async_context(connect(url, name, user=user))
                text = session.doc.get("body", type=Text)
                text += "x" * (number * 400)
                if number % 5 == 0:
                    tasks.append(asyncio.create_task(keep_typing(session, "word ", 0.3)))
        writer = await people.enter_async_context(connect(url, SLOW, user={"name": "Figures"}))
        tasks.append(asyncio.create_task(keep_typing(writer, "x" * CHUNK, PAUSE)))
        tasks.append(asyncio.create_task(read_slowly(url, SLOW)))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
