"""A store is copied whole while people write to it, and is a store again elsewhere (``collab backup``, ``collab restore``)."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.server import CollabServer
from tests.support.typists import Typist, read

Start = Callable[..., CollabServer]


def collab(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collab", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


async def test_what_was_acknowledged_before_a_backup_is_in_it(
    start_server: Start, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/store.db", args=["--compact-every", "30"])
    typists = [Typist(number, "/doc/busy", random.Random(number)) for number in range(4)]
    for typist in typists:
        await typist.connect(server, http)
    typing = [asyncio.create_task(typist.type(100)) for typist in typists]
    async with asyncio.timeout(20):
        while sum(len(typist.acknowledged) for typist in typists) < 100:
            await asyncio.sleep(0.01)
    before = [word for typist in typists for word in typist.acknowledged]
    ran = await asyncio.to_thread(collab, "backup", f"{tmp_path}/one.backup", "--store", server.store)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert "1 document(s)" in ran.stderr and "verified" in ran.stderr
    server.kill()
    await asyncio.gather(*typing)

    ran = await asyncio.to_thread(
        collab, "restore", f"{tmp_path}/one.backup", "--store", f"sqlite:///{tmp_path}/again.db"
    )
    assert ran.returncode == 0, ran.stderr
    again = start_server(f"sqlite:///{tmp_path}/again.db")
    text = await read(again, http, "/doc/busy")
    assert [word for word in before if word not in text] == []
    # It goes on: what is written now stands behind what was.
    late = Typist(9, "/doc/busy", random.Random(9))
    await late.connect(again, http)
    assert late.editor is not None
    assert (await late.editor.type("later"))["durable"]
    await asyncio.to_thread(again.restart)
    assert await read(again, http, "/doc/busy") == text + "later"


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_versions_and_history_come_along_from_a_server_that_is(
    start_server: Start, http: aiohttp.ClientSession, tmp_path: Path, how: str
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/a ?#%.db")
    documents = f"{server.url}/api/v1/documents"
    for name in ("one", "two"):
        operations = {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": f"in {name}"}]}
        async with http.patch(f"{documents}/{name}/content", json=operations) as answer:
            assert answer.status == 200
    async with http.post(f"{documents}/one/versions", json={"name": "first"}) as answer:
        assert answer.status == 201

    async def told(server: CollabServer) -> list[object]:
        found = []
        for path in ("one/versions", "one/history", "two/history", "one/content", "two/content"):
            async with http.get(f"{server.url}/api/v1/documents/{path}") as answer:
                assert answer.status == 200
                found.append(await answer.json())
        return found

    wanted = await told(server)
    await asyncio.to_thread(server.stop if how == "stopped" else server.kill)
    for arguments in (("backup", f"{tmp_path}/b"), ("restore", f"{tmp_path}/b")):
        store = server.store if arguments[0] == "backup" else f"sqlite:///{tmp_path}/c.db"
        ran = await asyncio.to_thread(collab, *arguments, "--store", store)
        assert ran.returncode == 0, ran.stderr
    assert [path.name for path in sorted(tmp_path.glob("[bc]*"))] == ["b", "c.db"]
    assert ((tmp_path / "b").stat().st_mode & 0o777, (tmp_path / "c.db").stat().st_mode & 0o777) == (0o600, 0o600)
    assert await told(start_server(f"sqlite:///{tmp_path}/c.db")) == wanted


def test_what_cannot_be_copied_is_said_and_nothing_is_touched(start_server: Start, tmp_path: Path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/store.db")
    file = tmp_path / "file"

    def refused(*arguments: str) -> str:
        ran = collab(*arguments)
        assert (ran.returncode, ran.stdout) == (1, "") and ran.stderr.count("\n") == 1
        assert "Traceback" not in ran.stderr
        return ran.stderr

    file.write_text("mine")
    assert "exists" in refused("backup", str(file), "--store", server.store)
    assert "is not there" in refused("backup", f"{tmp_path}/new", "--store", f"sqlite:///{tmp_path}/none.db")
    assert "cannot be written" in refused("backup", f"{tmp_path}/no/new", "--store", server.store)
    assert "only sqlite" in refused("backup", f"{tmp_path}/new", "--store", "memory://")
    assert "not a database" in refused("restore", str(file), "--store", f"sqlite:///{tmp_path}/new.db")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE x (y)")
    assert "another application" in refused("restore", f"{tmp_path}/other.db", "--store", f"sqlite:///{tmp_path}/n.db")
    assert file.read_text() == "mine"
    assert collab("backup", str(file), "--force", "--store", server.store).returncode == 0
    assert "exists" in refused("restore", str(file), "--store", server.store), "a server has it open"
    (tmp_path / "cut").write_bytes(file.read_bytes()[:-4096])
    assert "malformed" in refused("restore", f"{tmp_path}/cut", "--store", f"sqlite:///{tmp_path}/new.db")
    assert sorted(path.name for path in tmp_path.iterdir() if "store" not in path.name) == ["cut", "file", "other.db"]
