"""Whoever hears of commits hears of each, with the edits in it, whichever writer makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from collab.protocol.bells import decode
from collab.stores.commits import Commits, Trace
from collab.stores.sqlite import SqliteStore
from tests.unit.test_redis_writer import FLOOR, House, all_of


class Noting:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.now: Trace = None
        self.heard: list[tuple[list[Trace], str | None]] = []

    def current(self) -> Trace:
        return self.now

    def carried(self, traces: Sequence[Trace]) -> str:
        return ",".join(str(trace) for trace in traces if trace is not None)

    def committed(self, traces: Sequence[Trace], seconds: float, error: str | None) -> None:
        assert seconds >= 0
        self.heard.append((list(traces), error))


async def test_sqlite_tells_of_each_batch(tmp_path: Path) -> None:
    store, noting = SqliteStore(str(tmp_path / "a.db")), Noting()
    commits: Commits = noting
    store.commits = commits
    await store.open()
    noting.now = "first"
    await store.append("a", b"1")
    noting.now = None
    await store.append("a", b"2")
    assert noting.heard == [(["first"], None), ([None], None)]
    await store.close()


async def test_redis_tells_of_each_pipeline_and_carries_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    house, noting = House(monkeypatch), Noting()
    house.writer._commits = noting
    house.pipe.lost_answers = 1
    noting.now = "first"
    future = house.append(b"1")
    noting.now = None
    others = [house.append(b"2", "b")]
    await all_of([future, *others])
    assert noting.heard[0] == (["first", None], "lost")
    assert noting.heard[1] == (["first", None], None)
    node = [words[FLOOR + 2] for words in house.pipe.runs[-1]]
    assert node == ["node+first", "node"]
    await house.writer.close(0.1)
    await asyncio.sleep(0)


def test_a_bell_with_traces_is_of_the_same_node() -> None:
    bell = decode(b"B node+00-1-2-01,00-3-4-01 e1 5 6\n")
    assert (bell.node, bell.traces) == ("node", "00-1-2-01,00-3-4-01")  # type: ignore[union-attr]
    assert decode(b"B node e1 5 6\n").traces == ""  # type: ignore[union-attr]
