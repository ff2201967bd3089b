"""Waiting for conditions, and streams that several may listen to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class Changes:
    """Wakes everybody who waits for a condition, whenever something has changed."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        """Something has changed."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as ``condition`` holds; it may raise to end the wait."""
        while not condition():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)


class Stream(Generic[T]):
    """Gives every item to every listener.

    Args:
        join: makes one item of two for a listener that falls more than ``backlog`` items behind;
            without it the oldest are dropped.
    """

    def __init__(self, *, backlog: int = 256, join: Callable[[T, T], T] | None = None) -> None:
        self._backlog = backlog
        self._join = join
        # An iteration that is given up takes its listener with it.
        self._listeners: WeakSet[_Listener[T]] = WeakSet()
        self._ended = False
        self._error: Exception | None = None

    def put(self, item: T) -> None:
        """Give ``item`` to all listeners."""
        for listener in self._listeners:
            waiting = listener.waiting
            if len(waiting) < self._backlog:
                waiting.append(item)
            elif self._join is not None:
                waiting[-1] = self._join(waiting[-1], item)
            else:
                waiting.popleft()
                waiting.append(item)
            listener.wake.set()

    def end(self, error: Exception | None = None) -> None:
        """End all iterations, with ``error`` if there is one."""
        self._ended, self._error = True, error
        for listener in self._listeners:
            listener.wake.set()

    def listen(self) -> AsyncIterator[T]:
        """Items from now on."""
        listener: _Listener[T] = _Listener()
        self._listeners.add(listener)
        return self._items(listener)

    async def _items(self, listener: _Listener[T]) -> AsyncIterator[T]:
        try:
            while True:
                while listener.waiting:
                    yield listener.waiting.popleft()
                if self._ended:
                    break
                listener.wake.clear()
                await listener.wake.wait()
            if self._error is not None:
                raise self._error
        finally:
            self._listeners.discard(listener)


class _Listener(Generic[T]):
    def __init__(self) -> None:
        self.waiting: deque[T] = deque()
        self.wake = asyncio.Event()
