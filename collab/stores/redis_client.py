"""redis-py's client, whose commands go to the node that has their key."""

from __future__ import annotations

from typing import Any, cast

from redis import exceptions as faults
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import AskError, MovedError

from collab.stores.redis_nodes import OPTIONS, REDIRECTIONS, Address, Nodes, never

#: raised by a node that cannot do its work: another may have its place by now
NOT_THERE = (faults.ConnectionError, faults.TimeoutError, faults.ClusterDownError, OSError, EOFError)


class Client(Redis):
    """A client for the Redis of ``nodes``, once that was met. What belongs together is on one slot: it looks at the
    first key only, and repeats nothing that may have been carried out."""

    nodes: Nodes
    _others: dict[Address, Any]

    @classmethod
    def to(cls, url: str, nodes: Nodes) -> Client:
        """A client for ``url``, whose nodes are ``nodes``."""
        client: Any = cls.from_url(url, **OPTIONS, retry=never())
        client.nodes = nodes
        client._others = {}
        return cast("Client", client)

    def masters(self) -> list[Any]:
        """A client for each master, for what is asked of all of them."""
        return [self.at(address) for address in self.nodes.masters]

    def at(self, address: Address) -> Any:
        """A client for one node."""
        if address is None:
            return self
        if address not in self._others:
            self._others[address] = Redis(connection_pool=self.nodes.pool(address))
        return self._others[address]

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """See redis-py."""
        nodes = self.nodes
        if not nodes.divided:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        address = nodes.of_command(args)
        for left in range(REDIRECTIONS, -1, -1):
            try:
                return await self.at(address).execute_command(*args, **options)
            except AskError as error:  # MOVED is one of its kind
                if not left:
                    raise
                if isinstance(error, MovedError):
                    address = nodes.moved(error, address)
                    continue
                async with self.at(nodes.moved_for_once(error, address)).pipeline(transaction=False) as pipeline:
                    pipeline.execute_command("ASKING")
                    pipeline.execute_command(*args, **options)
                    return (await pipeline.execute())[1]
            except NOT_THERE:
                nodes.asked_in_vain(address)
                raise
        raise AssertionError("the last turn of the loop returns or raises")

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:
        """See redis-py; a transaction is of one slot."""
        if not self.nodes.divided:
            return super().pipeline(transaction, shard_hint)
        return _Pipeline(self, transaction)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """See redis-py."""
        others, self._others = self._others, {}
        for client in others.values():
            await client.connection_pool.disconnect()
        await super().aclose(close_connection_pool)


class _Pipeline(Pipeline):
    """Commands for several nodes; each node gets its own in one go.

    Args:
        client: whose.
        transaction: whether they are one, on one node.
    """

    def __init__(self, client: Client, transaction: bool) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, None)
        self._client = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """See redis-py."""
        stack, self.command_stack = self.command_stack, []
        nodes = self._client.nodes
        answers: list[Any] = [None] * len(stack)
        left: dict[Address, list[int]] = {}
        for at, (args, _) in enumerate(stack):
            left.setdefault(nodes.of_command(args), []).append(at)
        for _ in range(REDIRECTIONS):
            ways, left = left, {}
            for address, places in ways.items():
                for at, answer in zip(places, await self._run(address, [stack[at] for at in places]), strict=True):
                    answers[at] = answer
                    if isinstance(answer, MovedError):
                        left.setdefault(nodes.moved(answer, address), []).append(at)
                    elif isinstance(answer, NOT_THERE):
                        nodes.asked_in_vain(address)
            if not left:
                break
        if raise_on_error:
            self.raise_first_error(stack, answers)
        return answers

    async def _run(self, address: Address, commands: Any) -> list[Any]:
        try:
            async with self._client.at(address).pipeline(transaction=self.is_transaction) as pipeline:
                for args, options in commands:
                    pipeline.execute_command(*args, **options)
                found: list[Any] = await pipeline.execute(raise_on_error=False)
                return found
        except MovedError as error:  # a transaction that was refused as a whole
            return [error] * len(commands)
        except NOT_THERE:
            self._client.nodes.asked_in_vain(address)
            raise
