"""People at work: who is where, who types, at which pace."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from benchmarks.client import Client
from benchmarks.ledger import Ledger
from benchmarks.process import HOST
from benchmarks.updates import cursor_move, keystroke, presence
from benchmarks.wires import Wire

#: people who connect at the same time
_JOINING = 16
#: seconds between two looks at the clock; timers are no finer, and looking all the time costs a core
_TICK = 0.001
_FIRST_YJS_ID = 1_000_000_007


class Actor(Protocol):
    """Somebody who does something again and again."""

    def act(self, now: float) -> bool:
        """Do it once; True where :meth:`flush` has to be called afterwards."""

    def flush(self) -> None:
        """Write what piled up."""


class _Writer:
    """Collects what one person sends in one turn."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self.client = client
        self.sent: list[float] = ledger.sent.setdefault(client.yjs_id, [])
        self._out: list[bytes] = []

    def _put(self, frame: bytes, now: float) -> bool:
        self.sent.append(now)
        self._out.append(frame)
        return len(self._out) == 1

    def flush(self) -> None:
        """Write what piled up."""
        self.client.write(b"".join(self._out) if len(self._out) > 1 else self._out[0])
        self._out.clear()


class Typist(_Writer):
    """Types one character at a time behind its last one."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        super().__init__(client, ledger)
        self._ready: list[bytes] = []

    @property
    def typed(self) -> int:
        """Keystrokes so far."""
        return len(self.sent)

    def prepare(self, keystrokes: int) -> None:
        """Make the frames of so many keystrokes ahead of time."""
        for clock in range(len(self._ready), self.typed + keystrokes):
            self._ready.append(self._frame(clock))

    def _frame(self, clock: int) -> bytes:
        client = self.client
        return client.wire.edit(client.document, keystroke(client.yjs_id, clock), clock)

    def act(self, now: float) -> bool:
        """Type a character."""
        clock = len(self.sent)
        return self._put(self._ready[clock] if clock < len(self._ready) else self._frame(clock), now)


class Pointer(_Writer):
    """Moves a cursor."""

    def act(self, now: float) -> bool:
        """Move it."""
        client = self.client
        update = cursor_move(client.yjs_id, len(self.sent))
        return self._put(client.wire.cursor(client.document, update), now)


class Present:
    """Is there, and says so again and again; nobody counts it.

    Args:
        moves: with the cursor somewhere else each time.
    """

    def __init__(self, client: Client, *, moves: bool) -> None:
        self._client = client
        self._moves = moves
        self._clock = 0

    def act(self, _now: float) -> bool:
        """Say it."""
        client = self._client
        self._clock += 1
        client.write(
            client.wire.cursor(client.document, presence(client.yjs_id, self._clock, self._clock if self._moves else 0))
        )
        return False

    def flush(self) -> None:
        """Nothing piles up."""


class Metronome:
    """Makes every actor act ``rate`` times a second, each at a phase of its own.

    Open loop: nobody waits for the server. What is late is done at once, several acts of one
    person then leave in one write.
    """

    def __init__(self, actors: Sequence[Actor], rate: float, seed: int = 1) -> None:
        dice = random.Random(seed)
        self._period = 1 / rate
        phases = sorted((dice.random() * self._period, index) for index in range(len(actors)))
        self._turns = [(phase, actors[index]) for phase, index in phases]
        self._round = 0
        self._turn = 0
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin."""
        self._began = time.perf_counter()
        self._tick()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        turns, period, began = self._turns, self._period, self._began
        round, turn = self._round, self._turn
        now = time.perf_counter()
        waiting: list[Actor] = []
        while (due := began + round * period + turns[turn][0]) <= now:
            actor = turns[turn][1]
            if actor.act(now):
                waiting.append(actor)
            turn += 1
            if turn == len(turns):
                turn = 0
                round += 1
        self._round, self._turn = round, turn
        for actor in waiting:
            actor.flush()
        self._timer = asyncio.get_running_loop().call_later(max(_TICK, due - now), self._tick)


async def admit(
    wire: Wire,
    port: int,
    documents: Sequence[str],
    ledger: Ledger,
    *,
    at_once: int = _JOINING,
    first_yjs_id: int = _FIRST_YJS_ID,
) -> list[Client]:
    """Let one person join per name in ``documents``; a name may stand there many times.

    Args:
        at_once: how many may be on their way at the same time; below the number of people,
            whoever opens a document goes before those who follow.
        first_yjs_id: client id of the first of them; the others have the next ones.

    Raises:
        JoinError: somebody was not let in.
    """
    clients = [Client(wire, document, ledger, first_yjs_id + index) for index, document in enumerate(documents)]
    if at_once < len(clients):
        # pycrdt-websocket never answers the second of two who open a new document at once.
        first = {client.document: client for client in reversed(clients)}
        await _join_all([client for client in clients if first[client.document] is client], port, at_once)
        await _join_all([client for client in clients if first[client.document] is not client], port, at_once)
    else:
        await _join_all(clients, port, at_once)
    return clients


async def _join_all(clients: Sequence[Client], port: int, at_once: int) -> None:
    waiting = iter(clients)

    async def usher() -> None:
        for client in waiting:
            await client.join(HOST, port)

    async with asyncio.TaskGroup() as ushers:
        for _ in range(min(at_once, len(clients))):
            ushers.create_task(usher())


async def until(condition: Callable[[], bool], timeout: float, pause: float = 0.02) -> bool:
    """Wait until ``condition()`` is true; False where it took longer than ``timeout`` seconds."""
    end = time.perf_counter() + timeout
    while not condition():
        if time.perf_counter() > end:
            return False
        await asyncio.sleep(pause)
    return True
