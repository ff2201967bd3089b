"""What a soak says of its samples: what stays, by how much a figure grows, and a drawing of it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.repository import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from soaking.chart import slope, write_csv, write_svg
from soaking.run import Soak
from soaking.watch import descriptors, stayed


def test_what_grows_each_time_stays_and_what_is_made_once_does_not() -> None:
    looks = [
        {"tasks": Counter(chore=1), "timers": {}},
        {"tasks": Counter(chore=1, leak=2, lazy=1), "timers": {"leak": 1}},
        {"tasks": Counter(chore=1, leak=5, lazy=1), "timers": {"leak": 3}},
    ]
    assert stayed(looks) == {"tasks leak": 5, "timers leak": 3}


def test_growth_in_an_hour_comes_with_how_sure_it_is() -> None:
    flat = [{"seconds": at, "memory": 100.0} for at in range(101)]
    assert slope(flat, "memory") == (0.0, 0.0)
    assert slope([{"seconds": at, "memory": 7.0 + at} for at in range(101)], "memory") == pytest.approx((3600, 0))
    grown, error = slope([{"seconds": at, "memory": 7.0 + at % 2} for at in range(101)], "memory")
    assert error > 10 > abs(grown)
    assert slope(flat[:2], "memory") == (0.0, 0.0)


def test_it_is_that_of_the_undisturbed_time(tmp_path: Path) -> None:
    soak = Soak(tmp_path, shared=False, seconds=100.0, seed=1, people=1, documents=1)
    soak.rows = [{"seconds": float(at), "node": "a", "memory": 9.0 if 55 <= at <= 100 else at} for at in range(120)]
    assert soak.growth("memory") == {"a": (0.0, 0.0)}


def test_samples_are_written_and_drawn_where_some_are_missing(tmp_path: Path) -> None:
    rows = [
        {"seconds": 1.0, "node": "a<", "memory": 5e6, "sessions": None},
        {"seconds": 2.0, "node": "b", "memory": 6e6},
    ]
    write_csv(tmp_path / "soak.csv", rows)
    assert (tmp_path / "soak.csv").read_text().splitlines()[1].startswith("1.0,a<,5000000.0")
    write_svg(tmp_path / "soak.svg", rows, [1.5], "a & b")
    lines = [each for each in ElementTree.parse(tmp_path / "soak.svg").iter() if each.tag.endswith("polyline")]
    assert len(lines) == 2


async def test_descriptors_are_told_apart() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()  # from Python 3.12 on, a server waits for that

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        before = descriptors(os.getpid(), port)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with tempfile.TemporaryFile() as gone:
            gone.write(b"x")
            found = descriptors(os.getpid(), port)
        writer.close()
    assert found["socket to Redis"] - before["socket to Redis"] == 1
    assert found["deleted file"] - before["deleted file"] == 1
