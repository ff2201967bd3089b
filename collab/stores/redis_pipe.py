"""Many commands in one go, over a connection of their own to each node that has some of their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, TryAgainError

from collab.stores.redis_inbox_scripts import INBOX_SCRIPTS
from collab.stores.redis_nodes import ANSWER_TIMEOUT, FAILURES, REDIRECTIONS, Address, Command, Nodes, exchange
from collab.stores.redis_outbox_scripts import OUTBOX_SCRIPTS
from collab.stores.redis_scripts import SCRIPTS, Script

#: bytes a second that are allowed for on top of the usual time: large values take longer
SLOWEST = 4 * 2**20


class Unanswered(Exception):
    """In the place of an answer that did not come: the command may have been carried out all the same.

    Args:
        fault: why.
    """

    def __init__(self, fault: BaseException) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Pipe:
    """Carries a list of commands at a time. Reconnects when it is used again.

    Callers take turns by themselves: one :meth:`run` at a time.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._lines: dict[Address, _Line] = {}

    async def run(self, commands: Sequence[Command | tuple[Script, Command]]) -> list[Any]:
        """Send ``commands``; returns their answers, an exception in place of one that was refused.

        Nodes of a Redis Cluster go their own ways: only commands on keys of one slot are carried out in their order.

        Raises:
            RedisError, OSError, TimeoutError: a connection broke or no answer came; the commands
                may have been carried out all the same.
        """
        answers = await self.run_what_goes(commands)
        if self._nodes.divided:
            for answer in answers:
                if isinstance(answer, Unanswered):
                    raise answer.fault
        return answers

    async def run_what_goes(self, commands: Sequence[Command | tuple[Script, Command]]) -> list[Any]:
        """As :meth:`run`, but what one node of several did not answer is :class:`Unanswered`, and the rest counts."""
        plain = [_plain(command) for command in commands]
        nodes = self._nodes
        if not nodes.met:
            await nodes.meet()
        if not nodes.divided:
            return await self._line(None).run(plain)
        if not nodes.settled:
            with suppress(*FAILURES):  # as it was known before, then
                await nodes.meet()
        return await self._divide(plain)

    async def _divide(self, plain: Sequence[Command]) -> list[Any]:
        nodes = self._nodes
        answers: list[Any] = [None] * len(plain)
        left: dict[Address, list[int]] = {}
        for at, command in enumerate(plain):
            try:
                left.setdefault(nodes.of_command(command), []).append(at)
            except ClusterDownError as error:
                answers[at] = Unanswered(error)
        for _ in range(REDIRECTIONS):
            if not left:
                break
            ways = list(left.items())
            left = {}
            results = await asyncio.gather(
                *(self._try(address, [plain[at] for at in places]) for address, places in ways)
            )
            for (address, places), result in zip(ways, results, strict=True):
                for at, answer in zip(places, result, strict=True):
                    answers[at] = answer
                    if isinstance(answer, MovedError):
                        left.setdefault(nodes.moved(answer, address), []).append(at)
                    elif isinstance(answer, AskError):
                        answers[at] = await self._ask(nodes.moved_for_once(answer, address), plain[at])
                    elif isinstance(answer, ClusterDownError | TryAgainError):
                        nodes.asked_in_vain(address)
                        answers[at] = Unanswered(answer)
        for places in left.values():
            for at in places:
                answers[at] = Unanswered(answers[at])
        return answers

    async def _try(self, address: Address, commands: Sequence[Command]) -> list[Any]:
        try:
            return await self._line(address).run(commands)
        except FAILURES as error:
            self._nodes.asked_in_vain(address)
            return [Unanswered(error)] * len(commands)

    async def _ask(self, address: Address, command: Command) -> Any:
        """A key that is on its way to another node may be there already."""
        answer = (await self._try(address, [[b"ASKING"], command]))[-1]
        return Unanswered(answer) if isinstance(answer, AskError | TryAgainError) else answer

    def _line(self, address: Address) -> _Line:
        line = self._lines.get(address)
        if line is None:
            line = self._lines[address] = _Line(self._nodes, address)
        return line

    async def drop(self) -> None:
        """Close the connections."""
        lines = list(self._lines.values())
        self._lines.clear()
        for line in lines:
            await line.drop()


class _Line:
    """The connection to one node."""

    def __init__(self, nodes: Nodes, address: Address) -> None:
        self._nodes = nodes
        self._address = address
        self._connection: Any = None

    async def run(self, plain: Sequence[Command]) -> list[Any]:
        """See :meth:`Pipe.run`."""
        size = sum(len(word) for command in plain for word in command if isinstance(word, bytes))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT + size / SLOWEST):
                connection = await self._connected()
                answers = await exchange(connection, plain)
                unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
                if unknown:
                    await _load_scripts(connection)
                    again = await exchange(connection, [plain[at] for at in unknown])
                    for at, answer in zip(unknown, again, strict=True):
                        answers[at] = answer
                return answers
        except BaseException:
            await self.drop()
            raise

    async def _connected(self) -> Any:
        if self._connection is None:
            connection = self._nodes.connection(self._address)
            try:
                await connection.connect()
                await _load_scripts(connection)
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            self._connection = connection
        return self._connection

    async def drop(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _plain(command: Command | tuple[Script, Command]) -> Command:
    first = command[0]
    if isinstance(first, Script):
        return [b"EVALSHA", first.sha, *command[1]]  # type: ignore[misc]
    return command  # type: ignore[return-value]


async def _load_scripts(connection: Any) -> None:
    scripts = *SCRIPTS, *INBOX_SCRIPTS, *OUTBOX_SCRIPTS
    await exchange(connection, [[b"SCRIPT", b"LOAD", script.source] for script in scripts])
