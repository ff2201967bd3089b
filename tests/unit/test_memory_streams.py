"""What one read of a stream in memory gives; the rest is in tests/contract/test_streams.py."""

from __future__ import annotations

import time
from unittest import mock

import pytest

from collab.stores.memory import MemoryStore
from collab.stores.memory_streams import within
from collab.stores.streams import REMEMBER_KEYS, StreamEvent


@pytest.mark.parametrize(("most", "count"), [(0, 1), (9, 1), (20, 2), (29, 2), (30, 3), (99, 3)])
def test_so_many_bytes_but_always_one(most: int, count: int) -> None:
    events = [StreamEvent(offset, 0.0, b"x" * 10) for offset in (1, 2, 3)]
    assert within(events, most) == events[:count]
    assert within([], most) == []


async def test_keys_are_forgotten_after_a_day() -> None:
    log = MemoryStore().streams
    assert (await log.publish("a", "chat", b"1", key="k")).offset == 1
    later = time.time() + REMEMBER_KEYS + 1
    with mock.patch("collab.stores.memory_streams.time.time", return_value=later):
        assert (await log.publish("a", "chat", b"1", key="k")).offset == 2
