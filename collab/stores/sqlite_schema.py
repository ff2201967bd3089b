"""The tables of a SQLite store, and how a connection is set up."""

from __future__ import annotations

import os
import sqlite3
from urllib.parse import quote

APPLICATION_ID = 0x636F6C62  # "colb"
SCHEMA_VERSION = 6
#: the first schema with a segment
SEGMENT_SINCE = 5
#: the first schema that says whether a server has the file open
MARK_SINCE = 6

_TABLES = """
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    epoch TEXT NOT NULL DEFAULT ''
) STRICT;

-- the log: one row per update, clustered by document, so that loading reads neighbours
CREATE TABLE log (
    document INTEGER NOT NULL,
    position INTEGER NOT NULL,
    participant TEXT,
    time REAL NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    document INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    time REAL NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

-- what compaction keeps of the log: who changed how much, when
CREATE TABLE history (
    document INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    participant TEXT,
    updates INTEGER NOT NULL,
    size INTEGER NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL NOT NULL,
    PRIMARY KEY (document, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL,
    name TEXT,
    participant TEXT,
    position INTEGER NOT NULL,
    created_at REAL NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL,
    state INTEGER,
    size INTEGER
) STRICT;
CREATE INDEX versions_of_document ON versions (document);

-- log rows that were damaged or stand behind a damaged one: kept for people to look at
CREATE TABLE quarantine (
    document INTEGER NOT NULL,
    position INTEGER NOT NULL,
    found_at REAL NOT NULL,
    reason TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (document, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE probe (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;
"""

_SINCE_2 = """
-- deleted documents: their rows in the other tables stay until the trash is emptied
CREATE TABLE trash (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    deleted_at REAL NOT NULL,
    size INTEGER NOT NULL
) STRICT;
CREATE INDEX trash_by_name ON trash (name, deleted_at);
CREATE INDEX trash_by_time ON trash (deleted_at);

-- states that versions have; a version of schema 1 has its own in `data`
CREATE TABLE states (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL,
    digest BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (document, digest)
) STRICT;
CREATE INDEX versions_by_state ON versions (state);

-- ids of documents are given once: rows of one that is gone may be told from those of the next
CREATE TABLE last_ids (kind TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO last_ids VALUES ('document', coalesce((SELECT max(d) FROM (
    SELECT max(id) d FROM documents UNION ALL SELECT max(document) FROM log UNION ALL SELECT max(document) FROM versions
    UNION ALL SELECT max(document) FROM snapshots UNION ALL SELECT max(document) FROM history
    UNION ALL SELECT max(document) FROM quarantine)), 0));
"""

_SINCE_3 = """
-- streams of a document; `last` is the offset of the newest event there ever was
CREATE TABLE streams (
    document INTEGER NOT NULL,
    name TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (document, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_events (
    document INTEGER NOT NULL,
    stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    time REAL NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (document, stream, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX stream_events_by_time ON stream_events (time);

-- keys under which events were published, so that a repetition is none
CREATE TABLE stream_keys (
    document INTEGER NOT NULL,
    stream TEXT NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    time REAL NOT NULL,
    PRIMARY KEY (document, stream, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX stream_keys_by_time ON stream_keys (time);
"""

_SINCE_4 = """
-- what participants were named in, or answered; `position` is of the event, `data` its sender and an excerpt
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    participant TEXT NOT NULL,
    type TEXT NOT NULL,
    document INTEGER NOT NULL,
    stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    time REAL NOT NULL,
    read INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX inbox_by_participant ON inbox (participant, id);
CREATE INDEX inbox_by_document ON inbox (document);
CREATE INDEX inbox_by_time ON inbox (time);
"""

_SINCE_5 = """
-- which records of the segment beside the file are newer than these tables, see stores/segment.py
CREATE TABLE segment (salt BLOB NOT NULL, generation INTEGER NOT NULL) STRICT;
INSERT INTO segment VALUES (randomblob(16), 1);
"""

_SINCE_6 = """
-- 1: a segment stands beside the file, see stores/sqlite_mark.py
ALTER TABLE segment ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
"""

_FROM_1_TO_2 = """
ALTER TABLE documents ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
UPDATE documents SET epoch = lower(hex(randomblob(8)));
ALTER TABLE versions ADD COLUMN state INTEGER;
ALTER TABLE versions ADD COLUMN size INTEGER;
"""


class SchemaError(Exception):
    """The file is not a store of this version."""


def connect(path: str, *, read_only: bool = False, busy_seconds: float = 2.0) -> sqlite3.Connection:
    """Open the file with the settings that the promise rests on (WAL, fsync at every commit)."""
    connection = sqlite3.connect(
        uri(path, "ro" if read_only else "rw"),
        uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False,
    )  # fmt: skip
    if read_only:
        connection.execute("PRAGMA query_only = 1")
        return connection
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = FAST")  # what is deleted is overwritten where that costs no write
    connection.execute("PRAGMA journal_size_limit = 4194304")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    return connection


def uri(path: str, mode: str, more: str = "") -> str:
    """How SQLite is told to open ``path``, whatever characters are in it; it creates no file."""
    return f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode={mode}{more}"


def check_is_ours(path: str, *, alone: bool = False) -> None:
    """Look at an existing file before anything in it is touched.

    Args:
        alone: leave out what is beside it, which may belong to another file.

    Raises:
        SchemaError: another application's file, or a newer version's.
    """
    connection = sqlite3.connect(uri(path, "ro", "&immutable=1" if alone else ""), uri=True)
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        connection.close()
    if tables and application != APPLICATION_ID:
        raise SchemaError("the file belongs to another application")
    if version > SCHEMA_VERSION:
        raise SchemaError(f"the file has schema {version}, this version of collab knows {SCHEMA_VERSION}")


def check_is_recent(connection: sqlite3.Connection) -> None:
    """Raise SchemaError for an older version's file, which only a server brings up to date."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if 0 < version < SCHEMA_VERSION:
        raise SchemaError(f"the file has schema {version}; a start of the server brings it to {SCHEMA_VERSION}")


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables where there are none, and bring those of an older version up to date."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; {_TABLES} {_SINCE_2} {_SINCE_3} {_SINCE_4} {_SINCE_5} {_SINCE_6}"
            "COMMIT;"
        )
    elif version < SCHEMA_VERSION:
        steps = f"{_FROM_1_TO_2} {_SINCE_2}" if version == 1 else ""
        for since, more in ((3, _SINCE_3), (4, _SINCE_4), (SEGMENT_SINCE, _SINCE_5), (MARK_SINCE, _SINCE_6)):
            if version < since:
                steps += more
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
