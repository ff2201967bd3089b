"""A link for unit tests of the client: what is called is noted, and the test gives the answers."""

from __future__ import annotations

import asyncio
from typing import Any

from collab.client.unreachable import Disconnected


class NotedLink:
    """A connection whose server is the test.

    Attributes:
        calls: event, arguments, and the future of the answer, in order.
        dropped: whether this side ended it.
    """

    kind = "test"

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], asyncio.Future[Any]]] = []
        self.emitted: list[tuple[str, tuple[Any, ...]]] = []
        self.dropped = False

    async def receive(self) -> Any:
        raise Disconnected("nothing comes")

    def emit(self, event: str, *args: Any) -> None:
        self.emitted.append((event, args))

    def call(self, event: str, *args: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.calls.append((event, args, future))
        return future

    def answer(self, id: int, *args: Any) -> None:
        self.emitted.append(("answer", (id, *args)))

    async def drop(self) -> None:
        self.dropped = True

    async def close(self, *, politely: bool = True) -> None:
        self.dropped = True

    # -- for the test ---------------------------------------------------------------------------

    def sent(self, event: str = "sync-update") -> list[bytes]:
        """What was sent with one event."""
        return [args[0] for name, args, _ in self.calls if name == event]

    async def reply(self, answer: Any) -> None:
        """Answer the oldest call that waits, and let it be heard."""
        waiting = next(future for _, _, future in self.calls if not future.done())
        waiting.set_result(answer)
        for _ in range(3):
            await asyncio.sleep(0)

    async def accept(self, position: int = 1) -> None:
        """Say that the oldest edit is on disk."""
        await self.reply({"ok": True, "durable": True, "position": position})

    async def refuse(self, code: str, **more: Any) -> None:
        """Say that the oldest edit is not taken."""
        await self.reply({"ok": False, "error": {"code": code, "message": "no", **more}})
