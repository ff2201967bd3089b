"""A look at one document costs the same however many there are; a list costs what it shows, and is bounded (rule Q4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from collab.doors.http import documents as module
from collab.stores.sqlite import SqliteStore
from tests.support.api import JWT, mint, where
from tests.wire.conftest import Serve

MANY = 50_000
LOOKS: dict[str, Callable[[SqliteStore], Awaitable[Any]]] = {
    "info": lambda store: store.info("team/notes"),
    "missing": lambda store: store.info("nobody/has/it"),
    "names of a prefix": lambda store: store.names("team/", 10),
    "names behind one": lambda store: store.names("", 10, "team/"),
    "trash": lambda store: store.trash("team/", 10),
    "versions": lambda store: store.versions("team/notes", 1),
    "load": lambda store: store.load("team/notes"),
}


def fill(path: Path, count: int) -> None:
    with sqlite3.connect(path) as connection:
        rows = [(10 + number, f"crowd/{number:07}") for number in range(count)]
        connection.executemany("INSERT INTO documents VALUES (?, ?, 1, 1, 'e')", rows)
        connection.execute("UPDATE last_ids SET value = ?", (10 + count,))
        connection.executemany("INSERT INTO trash VALUES (?, ?, 1, 1, 1, 1)", [(-id, name) for id, name in rows])


async def steps(store: SqliteStore, look: Callable[[SqliteStore], Awaitable[Any]]) -> int:
    """How many steps of SQLite's machine a look takes, in tens."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connections = [connection for connection in (store._reader, store._browser) if connection is not None]
    for connection in connections:
        connection.set_progress_handler(step, 10)
    await look(store)
    for connection in connections:
        connection.set_progress_handler(None, 10)
    return count


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_a_look_does_not_cost_more_the_more_there_is(
    tmp_path: Path, look: Callable[[SqliteStore], Awaitable[Any]]
) -> None:
    costs = []
    for count in (10, MANY):
        path = tmp_path / f"{count}.db"
        store = SqliteStore(str(path))
        await store.open()
        await store.append("team/notes", b"text")
        fill(path, count)
        costs.append(await steps(store, look))
        await store.close()
    assert costs[1] <= costs[0] + 20, "tens of steps"


async def test_a_page_looks_at_a_bounded_number_of_names(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCAN", 10)
    monkeypatch.setattr(module, "SCANNED", 30)
    api = await serve({**JWT, "rate_updates": 10**6})
    admin = api.as_(mint("*=admin"))
    for number in range(100):
        await admin("PUT", where(f"doc {number:03}"))
    await admin("PUT", where("zoo"))
    looker, after, pages, found = api.as_(mint("*oo=viewer")), "", 0, []
    while True:
        page = (await looker("GET", f"/documents?limit=5{after}")).json
        pages += 1
        found += [each["name"] for each in page["documents"]]
        if page["next"] is None:
            break
        after = f"&after={page['next'].replace(' ', '%20')}"
    assert (found, pages) == (["zoo"], 4)
    page = (await admin("GET", "/documents?limit=1000")).json
    assert (len(page["documents"]), page["next"]) == (30, "doc 029")
