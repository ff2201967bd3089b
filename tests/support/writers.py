"""People who type all the time with the Python client, and notice when they are away."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress

from pycrdt import Text

from collab.client import Session, Status, connect
from collab.client.engineio import TransportName
from collab.protocol.codec import read_state_vector


class Writer:
    """Somebody who writes words that name who wrote them and when, whatever happens to the connection.

    Nothing here reconnects: that is the client's own affair.

    Attributes:
        session: the client.
        written: words so far; ``acknowledged`` of them, the first ones, were said to be durable.
        away: seconds of each time without a live connection.
    """

    def __init__(self, number: int, url: str, document: str, transports: Sequence[TransportName], seed: int) -> None:
        self.number = number
        self.session: Session = connect(
            url, document, user={"name": f"writer {number}"}, transports=tuple(transports), open_timeout=60.0
        )
        self.written: list[str] = []
        self.acknowledged = 0
        self.away: list[float] = []
        self._rng = random.Random(seed * 7919 + number)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def body(self) -> Text:
        """What everybody writes in."""
        text: Text = self.session.doc.get("body", type=Text)
        return text

    @property
    def node(self) -> str | None:
        """The node-name where it is connected."""
        node: str | None = self.session.info.get("server", {}).get("node")
        return node

    async def arrive(self) -> None:
        """Connect and sync."""
        await self.session.__aenter__()
        self.session.presence.set({"cursor": self.number})
        self._tasks = [asyncio.create_task(work) for work in (self._watch(), self._count())]

    def write(self, per_second: float) -> None:
        """Begin to write."""
        self._tasks.append(asyncio.create_task(self._write(per_second)))

    async def rest(self) -> None:
        """Write no more, and wait until everything is saved."""
        if len(self._tasks) > 2:
            self._tasks.pop().cancel()
        await self.session.saved(30.0)
        self.acknowledged = len(self.written)

    async def leave(self) -> None:
        """Go for good."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.session.close()

    async def _write(self, per_second: float) -> None:
        while True:
            word = f"<{self.number}.{len(self.written)}>"
            # Between words, so that none is taken apart.
            text, body = str(self.body), self.body
            ends = [at + 1 for at, letter in enumerate(text) if letter == ">"]
            body.insert(self._rng.choice([0, *ends[-20:]]), word)
            self.written.append(word)
            await asyncio.sleep(self._rng.expovariate(per_second))

    async def _count(self) -> None:
        while True:
            written = len(self.written)
            await self.session.saved()
            self.acknowledged = max(self.acknowledged, written)
            await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        while True:
            await self.session.reached(Status.OFFLINE, Status.CONNECTING, Status.SYNCING)
            began = time.monotonic()
            await self.session.reached(Status.LIVE)
            self.away.append(time.monotonic() - began)


class Writers:
    """Several of them in one document; every second one polls.

    Use it as an asynchronous context manager: everybody leaves in the end.
    """

    def __init__(self, url: str, document: str, people: int, seed: int) -> None:
        self.document = document
        self.writers = [
            Writer(number, url, document, ("polling",) if number % 2 else ("websocket",), seed)
            for number in range(people)
        ]

    async def __aenter__(self) -> Writers:
        await asyncio.gather(*(writer.arrive() for writer in self.writers))
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await asyncio.gather(*(writer.leave() for writer in self.writers), return_exceptions=True)

    def write(self, per_second: float) -> None:
        """Everybody begins to write, ``per_second`` words each."""
        for writer in self.writers:
            writer.write(per_second)

    async def rest(self) -> None:
        """Everybody stops, and has everything saved."""
        await asyncio.gather(*(writer.rest() for writer in self.writers))

    @property
    def words(self) -> list[str]:
        """Every word that was acknowledged."""
        return [word for writer in self.writers for word in writer.written[: writer.acknowledged]]

    @property
    def away(self) -> list[float]:
        """Seconds of each time that somebody was away, the shortest first."""
        return sorted(seconds for writer in self.writers for seconds in writer.away)

    async def agree(self, timeout: float = 30.0) -> str:
        """Wait until all have the same state and the same text; returns the text."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while len(self._states()) > 1:
                    await asyncio.sleep(0.05)
        assert len(self._states()) == 1, f"{len(self._states())} different states after {timeout} s"
        texts = {str(writer.body) for writer in self.writers}
        assert len(texts) == 1
        return texts.pop()

    def _states(self) -> set[bytes]:
        return {_canonical(writer.session.doc.get_state()) for writer in self.writers}

    async def see_everybody(self, timeout: float = 30.0) -> set[str]:
        """Wait until everybody sees everybody; returns the ids of their sessions."""

        def seen() -> list[set[str]]:
            return [{entry["session"] for entry in writer.session.presence.everybody} for writer in self.writers]

        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while any(each != seen()[0] or len(each) != len(self.writers) for each in seen()):
                    await asyncio.sleep(0.05)
        sizes = sorted(len(each) for each in seen())
        assert sizes[0] == sizes[-1] == len(self.writers), f"people seen: {sizes}"
        return seen()[0]

    @staticmethod
    def missing(words: Sequence[str], text: str) -> list[str]:
        """Those of ``words`` that are not in ``text`` exactly once."""
        return [word for word in words if text.count(word) != 1]


def _canonical(state_vector: bytes) -> bytes:
    return repr(sorted(read_state_vector(state_vector).items())).encode()
