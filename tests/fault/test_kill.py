"""kill -9 in the middle of everything (rule D1). Longer by hand: COLLAB_TEST_ROUNDS=100."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from tests.support.api import http_session
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer
from tests.support.typists import Typist, converge, read

ROUNDS = int(os.environ.get("COLLAB_TEST_ROUNDS", "8"))
TYPISTS = 20
PER_SECOND = 10.0
FAILPOINTS = [
    "append.before_commit", "append.after_commit", "fold.before_commit", "fold.after_commit", "compact.history", "compact.snapshot",
    "compact.before_commit", "compact.after_commit", "compact.vacuumed",
]  # fmt: skip


async def _until_dead(server: CollabServer, seconds: float) -> str:
    """Wait for the failpoint to end the process; after ``seconds`` end it by hand."""
    assert server.process is not None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            return "failpoint"
        await asyncio.sleep(0.005)
    server.kill()
    return "kill -9"


@pytest.mark.timeout(60 + 10 * ROUNDS)
async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    seed = chosen_seed()
    rng = random.Random(seed)
    server = CollabServer(f"sqlite:///{tmp_path}/store.db", args=["--compact-every", "40"])
    typists = [Typist(number, "/doc/killed", random.Random(rng.random())) for number in range(TYPISTS)]
    ends: dict[str, int] = {}
    async with http_session() as http:
        try:
            for round in range(ROUNDS):
                point = rng.choice([*FAILPOINTS, None, None])
                nth = rng.randint(1, 60 if point and point.startswith("append") else 2)
                print(f"seed {seed} round {round}: {point or 'kill -9'} {nth}")
                server.env = {"COLLAB_FAILPOINT": f"{point}:{nth}"} if point else {}
                server.start()
                await asyncio.gather(*(typist.connect(server, http) for typist in typists), return_exceptions=True)
                alive = [typist for typist in typists if typist.editor and not typist.editor.client.closed]
                typing = [asyncio.create_task(typist.type(PER_SECOND)) for typist in alive]
                end = await _until_dead(server, rng.uniform(0.2, 1.5))
                ends[end] = ends.get(end, 0) + 1
                await asyncio.gather(*typing)
                server.env = {}
                server.start()
                text = await read(server, http, "/doc/killed")
                lost = [word for typist in typists for word in typist.acknowledged if word not in text]
                assert not lost, f"seed {seed} round {round}: acknowledged, then lost: {lost}"
                await asyncio.gather(*(typist.connect(server, http) for typist in typists))
                await converge(typists)
                for typist in typists:
                    await typist.close()
                server.kill()
        finally:
            server.kill()
    acknowledged = sum(len(typist.acknowledged) for typist in typists)
    print(f"seed {seed}: {acknowledged} acknowledged edits, 0 lost; ended by {ends}")
    assert acknowledged > 20 * ROUNDS, "too few edits: the test tests nothing"


@pytest.mark.parametrize("point", ["recover.before_commit", "recover.after_commit"])
async def test_a_start_that_is_killed_leaves_everything_to_the_next_one(tmp_path: Path, point: str) -> None:
    server = CollabServer(f"sqlite:///{tmp_path}/store.db").start()
    typist = Typist(0, "/doc/recovered", random.Random(1))
    async with http_session() as http:
        try:
            await typist.connect(server, http)
            typing = asyncio.create_task(typist.type(200.0))
            while len(typist.acknowledged) < 20:
                await asyncio.sleep(0.01)
            server.kill()
            await typing
            assert (tmp_path / "store.db-segment").stat().st_size > 0, "nothing to take over: the test tests nothing"
            server.env = {"COLLAB_FAILPOINT": point}
            with pytest.raises(RuntimeError):
                server.start()
            server.env = {}
            server.start()
            text = await read(server, http, "/doc/recovered")
            assert not [word for word in typist.acknowledged if word not in text]
        finally:
            await typist.close()
            server.kill()
