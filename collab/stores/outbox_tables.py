"""The outbox in tables of SQLite, beside the documents or in memory.

The tables are made once somebody wants something. In a file of documents, triggers of the writing connection put
events aside, so that each is in the transaction of what it tells of, whatever that is; they are temporary, and another
connection, or a server without webhooks, knows nothing of them.

All functions take a connection; those that write run inside a transaction of the caller's.
"""

# ruff: noqa: S608 - no statement holds what others have said
from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from collab.stores.outbox import (
    COLLECTED_AT_ONCE,
    LANE_AT_ONCE,
    LONGEST,
    MOST_FAILED,
    MOST_PARTICIPANTS,
    QUIET,
    Delivery,
    EndpointState,
    Event,
    Match,
    Settled,
)
from collab.stores.sqlite_rows import Row

TABLES = """
CREATE TABLE IF NOT EXISTS webhook_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document TEXT NOT NULL,
    type TEXT NOT NULL,
    at REAL NOT NULL,
    data TEXT NOT NULL
) STRICT;

-- edits that are not told yet, summed up; by the id of their document, or in memory by its name
CREATE TABLE IF NOT EXISTS webhook_edits (
    document ANY PRIMARY KEY,
    first_at REAL NOT NULL,
    last_at REAL NOT NULL,
    position INTEGER NOT NULL,
    updates INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook_editors (
    document ANY NOT NULL,
    participant TEXT NOT NULL,
    updates INTEGER NOT NULL,
    PRIMARY KEY (document, participant)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    document TEXT NOT NULL,
    type TEXT NOT NULL,
    at REAL NOT NULL,
    data TEXT NOT NULL,
    failed_at REAL,
    reason TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS webhook_waiting ON webhook_deliveries (endpoint, document, number) WHERE failed_at IS NULL;
CREATE INDEX IF NOT EXISTS webhook_failed ON webhook_deliveries (endpoint, failed_at) WHERE failed_at IS NOT NULL;

-- of each document with something that waits for an endpoint: when it is tried, and how its first delivery has failed
CREATE TABLE IF NOT EXISTS webhook_lanes (
    endpoint TEXT NOT NULL,
    document TEXT NOT NULL,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    since REAL,
    reason TEXT,
    PRIMARY KEY (endpoint, document)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS webhook_due ON webhook_lanes (endpoint, due);
CREATE TABLE IF NOT EXISTS webhook_disabled (endpoint TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
"""

_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
_TELL = "INSERT INTO webhook_events (document, type, at, data)"
_PROMOTE = f"""{_TELL} SELECT {{name}}, 'document.changed', last_at, json_object(
    'position', position, 'updates', updates, 'bytes', bytes, 'first_at', first_at, 'authors', (
        SELECT json_group_array(json_array(participant, updates)) FROM (
            SELECT a.participant, a.updates FROM webhook_editors a WHERE a.document = c.document
            ORDER BY a.updates DESC LIMIT {MOST_PARTICIPANTS})))
  FROM webhook_edits c WHERE document = {{key}};
DELETE FROM webhook_editors WHERE document = {{key}};
DELETE FROM webhook_edits WHERE document = {{key}};"""
_PROMOTES = [each.rstrip(";") for each in _PROMOTE.format(key=":key", name=":name").split(";\n")]
_COUNTED = "ON CONFLICT DO UPDATE SET updates = updates + 1"
_NAME = "(SELECT name FROM documents WHERE id = NEW.document)"

#: type -> the trigger by which it is put aside
_TRIGGERS = {
    "document.created": f"""CREATE TEMP TRIGGER webhook_created AFTER INSERT ON main.documents BEGIN
    {_TELL} VALUES (NEW.name, 'document.created', {_NOW},
        json_object('undeleted', EXISTS (SELECT 1 FROM trash WHERE id = NEW.id)));
END;""",
    "document.changed": f"""CREATE TEMP TRIGGER webhook_changed AFTER INSERT ON main.log BEGIN
    INSERT INTO webhook_edits VALUES (NEW.document, NEW.time, NEW.time, NEW.position, 1, length(NEW.data))
        {_COUNTED}, last_at = excluded.last_at, position = excluded.position, bytes = bytes + excluded.bytes;
    INSERT INTO webhook_editors SELECT NEW.document, NEW.participant, 1 WHERE NEW.participant IS NOT NULL {_COUNTED};
END;""",
    "version.created": f"""CREATE TEMP TRIGGER webhook_version AFTER INSERT ON main.versions BEGIN
    {_TELL} VALUES ({_NAME}, 'version.created', NEW.created_at, json_object('version', NEW.id, 'name', NEW.name,
        'author', NEW.participant, 'position', NEW.position, 'bytes', NEW.size));
END;""",
    "stream.published": f"""CREATE TEMP TRIGGER webhook_published AFTER INSERT ON main.stream_events BEGIN
    {_TELL} VALUES ({_NAME}, 'stream.published', NEW.time,
        json_object('stream', NEW.stream, 'offset', NEW.position, 'body', CAST(NEW.data AS TEXT)));
END;""",
}  # fmt: skip
#: what was edited is told before the document is gone
_ENDED = f"""CREATE TEMP TRIGGER webhook_ended AFTER DELETE ON main.documents BEGIN
    {_PROMOTE.format(key="OLD.id", name="OLD.name")}
    {_TELL} VALUES (OLD.name, 'document.deleted', {_NOW},
        json_object('forever', NOT EXISTS (SELECT 1 FROM trash WHERE id = OLD.id)));
END;"""


def prepare(connection: sqlite3.Connection, wanted: frozenset[str] = frozenset()) -> None:
    """Make the tables, and the triggers for what is ``wanted``; in a transaction of its own."""
    connection.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")
    if wanted:
        connection.executescript("\n".join([_ENDED, *(words for type, words in _TRIGGERS.items() if type in wanted)]))


# -- events ---------------------------------------------------------------------------------------------


def put(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    connection.executemany(
        f"{_TELL} VALUES (?, ?, ?, ?)",
        [(each.document, each.type, each.at, orjson.dumps(each.data).decode()) for each in events],
    )


def note_edit(
    connection: sqlite3.Connection, document: str | int, at: float, position: int, size: int, author: str | None
) -> None:
    """An edit, where no trigger sees it; ``document``: its id, or in memory its name."""
    connection.execute(
        f"INSERT INTO webhook_edits VALUES (?, ?, ?, ?, 1, ?) {_COUNTED}, last_at = excluded.last_at,"
        " position = excluded.position, bytes = bytes + excluded.bytes",
        (document, at, at, position, size),
    )
    if author is not None:
        connection.execute(f"INSERT INTO webhook_editors VALUES (?, ?, 1) {_COUNTED}", (document, author))


def note_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Edits that come into the log before there are triggers; nothing where nobody ever asked for them."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'webhook_edits'").fetchone() is None:
        return
    for document, position, participant, at, update in rows:
        note_edit(connection, document, at, position, len(update), participant)


def promote(connection: sqlite3.Connection, key: int | str) -> None:
    """Make an event of the edits of a document; ``key``: its id, or in memory its name."""
    name: str | None = None if isinstance(key, int) else key
    if name is None:
        (name,) = connection.execute("SELECT name FROM documents WHERE id = ?", (key,)).fetchone() or (None,)
    for statement in _PROMOTES if name is not None else _PROMOTES[1:]:
        connection.execute(statement, {"key": key, "name": name})


# -- deliveries -----------------------------------------------------------------------------------------


def edited(connection: sqlite3.Connection, now: float) -> list[int | str]:
    """Documents whose edits are to be told; it looks at each that is being edited."""
    rows = connection.execute(
        "SELECT document FROM webhook_edits WHERE last_at <= ? OR first_at <= ? LIMIT ?",
        (now - QUIET, now - LONGEST, COLLECTED_AT_ONCE),
    )
    return [key for (key,) in rows]


def idle(connection: sqlite3.Connection) -> bool:
    """Whether there are no events to collect."""
    (busy,) = connection.execute("SELECT EXISTS (SELECT 1 FROM webhook_events)").fetchone()
    return not busy


def collect(
    connection: sqlite3.Connection, now: float, match: Match, most: int, keys: Sequence[int | str]
) -> tuple[int, dict[str, int]]:
    """Deliveries of the next events; before them the edits of these documents become events, the last ones."""
    for key in keys:
        promote(connection, key)
    rows = connection.execute(
        "SELECT id, document, type, at, data FROM webhook_events ORDER BY id LIMIT ?", (COLLECTED_AT_ONCE,)
    ).fetchall()
    room: dict[str, int] = {}
    dropped: Counter[str] = Counter()
    deliveries = []
    for _, document, type, at, data in rows:
        id = f"msg_{secrets.token_hex(12)}"
        for endpoint in match(type, document):
            if endpoint not in room:
                room[endpoint] = most - _waiting(connection, endpoint)
            if room[endpoint] <= 0:
                dropped[endpoint] += 1
                continue
            room[endpoint] -= 1
            deliveries.append((id, endpoint, document, type, at, data))
    connection.executemany(
        "INSERT INTO webhook_deliveries (id, endpoint, document, type, at, data) VALUES (?, ?, ?, ?, ?, ?)", deliveries
    )
    connection.executemany(
        "INSERT OR IGNORE INTO webhook_lanes (endpoint, document, due) VALUES (?, ?, ?)",
        [(endpoint, document, now) for _, endpoint, document, *_ in deliveries],
    )
    if rows:
        connection.execute("DELETE FROM webhook_events WHERE id <= ?", (rows[-1][0],))
    return len(rows), dropped


def _waiting(connection: sqlite3.Connection, endpoint: str) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM webhook_deliveries WHERE endpoint = ? AND failed_at IS NULL", (endpoint,)
    ).fetchone()
    return int(count)


_SOME_WAIT = "EXISTS (SELECT 1 FROM webhook_deliveries WHERE endpoint = ? AND document = ? AND failed_at IS NULL)"
_COLUMNS = "d.number, d.id, d.endpoint, d.document, d.type, d.at, d.data"


def due(
    connection: sqlite3.Connection, endpoint: str, now: float, limit: int, busy: frozenset[str]
) -> list[list[Delivery]]:
    lanes = connection.execute(
        "SELECT document, attempts, since FROM webhook_lanes WHERE endpoint = ? AND due <= ? ORDER BY due LIMIT ?",
        (endpoint, now, limit + len(busy)),
    ).fetchall()
    found = []
    for document, attempts, since in [lane for lane in lanes if lane[0] not in busy][:limit]:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM webhook_deliveries d"
            " WHERE endpoint = ? AND document = ? AND failed_at IS NULL ORDER BY number LIMIT ?",
            (endpoint, document, LANE_AT_ONCE),
        )
        lane = [_delivery(row) for row in rows]
        if lane:
            lane[0] = replace(lane[0], attempts=attempts, since=since)
            found.append(lane)
    return found


def _delivery(row: Sequence[Any]) -> Delivery:
    number, id, endpoint, document, type, at, data = row
    return Delivery(id, endpoint, Event(document, type, at, orjson.loads(data)), row=number)


def settle(connection: sqlite3.Connection, settled: Sequence[Settled]) -> None:
    arrived = [each for each in settled if each.result == "ok"]
    connection.executemany(
        "DELETE FROM webhook_deliveries WHERE number = ?", [(each.delivery.row,) for each in arrived]
    )
    for each in settled:
        if each.result == "failed":
            _fail(connection, each)
    # What comes next in a lane begins anew: before it, perhaps, fails in its turn.
    ended = {
        (each.delivery.endpoint, each.delivery.event.document): each.at for each in settled if each.result != "retry"
    }
    connection.executemany(
        f"DELETE FROM webhook_lanes WHERE endpoint = ? AND document = ? AND NOT {_SOME_WAIT}",
        [(*lane, *lane) for lane in ended],
    )
    connection.executemany(
        "UPDATE webhook_lanes SET due = ?, attempts = 0, since = NULL, reason = NULL"
        " WHERE endpoint = ? AND document = ?",
        [(at, *lane) for lane, at in ended.items()],
    )
    connection.executemany(
        "UPDATE webhook_lanes SET due = ?, attempts = attempts + 1, since = coalesce(since, ?), reason = ?"
        " WHERE endpoint = ? AND document = ?",
        [
            (each.due, each.at, each.reason, each.delivery.endpoint, each.delivery.event.document)
            for each in settled
            if each.result == "retry"
        ],
    )


def _fail(connection: sqlite3.Connection, settled: Settled) -> None:
    connection.execute(
        "UPDATE webhook_deliveries SET failed_at = ?, reason = ? WHERE number = ?",
        (settled.at, settled.reason, settled.delivery.row),
    )
    connection.execute(
        "DELETE FROM webhook_deliveries WHERE number IN (SELECT number FROM webhook_deliveries"
        " WHERE endpoint = ? AND failed_at IS NOT NULL ORDER BY failed_at DESC LIMIT -1 OFFSET ?)",
        (settled.delivery.endpoint, MOST_FAILED),
    )


def hurry(connection: sqlite3.Connection, endpoint: str, now: float) -> None:
    connection.execute("UPDATE webhook_lanes SET due = ? WHERE endpoint = ? AND due > ?", (now, endpoint, now))


def disable(connection: sqlite3.Connection, endpoint: str, now: float) -> None:
    connection.execute("INSERT OR IGNORE INTO webhook_disabled VALUES (?, ?)", (endpoint, now))


def retry(connection: sqlite3.Connection, endpoint: str, now: float, ids: Sequence[str] | None) -> int:
    connection.execute("DELETE FROM webhook_disabled WHERE endpoint = ?", (endpoint,))
    wanted = "" if ids is None else " AND id IN (SELECT value FROM json_each(?))"
    words = (endpoint,) if ids is None else (endpoint, orjson.dumps(list(ids)).decode())
    failed = f"endpoint = ? AND failed_at IS NOT NULL{wanted}"
    connection.execute(
        "INSERT OR IGNORE INTO webhook_lanes (endpoint, document, due)"
        f" SELECT DISTINCT endpoint, document, {now!r} FROM webhook_deliveries WHERE {failed}",
        words,
    )
    # In front of what waits: they keep their numbers.
    count = connection.execute(
        f"UPDATE webhook_deliveries SET failed_at = NULL, reason = NULL WHERE {failed}",
        words,
    ).rowcount
    connection.execute(
        "UPDATE webhook_lanes SET due = ?, attempts = 0, since = NULL WHERE endpoint = ?", (now, endpoint)
    )
    return count


def deliveries(connection: sqlite3.Connection, endpoint: str, failed: bool, limit: int) -> list[Delivery]:
    rows = connection.execute(
        f"SELECT {_COLUMNS}, d.failed_at, d.reason, l.attempts, l.since, l.due, l.reason,"
        " (SELECT min(number) FROM webhook_deliveries h WHERE h.endpoint = d.endpoint AND h.document = d.document"
        "  AND h.failed_at IS NULL) = d.number"
        " FROM webhook_deliveries d LEFT JOIN webhook_lanes l ON l.endpoint = d.endpoint AND l.document = d.document"
        f" WHERE d.endpoint = ? AND d.failed_at IS {'NOT ' if failed else ''}NULL"
        f" ORDER BY {'d.failed_at DESC' if failed else 'd.number'} LIMIT ?",
        (endpoint, limit),
    )
    found = []
    for *row, failed_at, reason, attempts, since, due_at, last_reason, first in rows:
        delivery = _delivery(row)
        if failed_at is not None:
            delivery = replace(delivery, failed_at=failed_at, reason=reason)
        elif first:
            delivery = replace(delivery, attempts=attempts, since=since, due=due_at, reason=last_reason)
        found.append(delivery)
    return found


def states(connection: sqlite3.Connection, endpoints: Sequence[str]) -> dict[str, EndpointState]:
    found = {}
    for endpoint in endpoints:
        (failed,) = connection.execute(
            "SELECT count(*) FROM webhook_deliveries WHERE endpoint = ? AND failed_at IS NOT NULL", (endpoint,)
        ).fetchone()
        waiting, oldest = _waiting(connection, endpoint), None
        if waiting:  # in the order of the table, up to the first: no index has it
            (oldest,) = connection.execute(
                "SELECT at FROM webhook_deliveries WHERE +endpoint = ? AND +failed_at IS NULL ORDER BY number LIMIT 1",
                (endpoint,),
            ).fetchone()
        disabled = connection.execute("SELECT at FROM webhook_disabled WHERE endpoint = ?", (endpoint,)).fetchone()
        found[endpoint] = EndpointState(waiting, oldest, failed, None if disabled is None else disabled[0])
    return found
