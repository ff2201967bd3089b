"""The tables of a SQLite store, and how a connection is set up."""

from __future__ import annotations

import sqlite3
import zlib

APPLICATION_ID = 0x636F6C62  # "colb"
SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
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
    data BLOB NOT NULL
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


class SchemaError(Exception):
    """The file is not a store of this version."""


def checksum(document: int, position: int, data: bytes) -> int:
    """CRC-32 over what a row says and where it stands."""
    return zlib.crc32(data, zlib.crc32(b"%d:%d" % (document, position)))


def connect(path: str, *, read_only: bool = False, busy_seconds: float = 2.0) -> sqlite3.Connection:
    """Open the file with the settings that the promise rests on (WAL, fsync at every commit)."""
    if read_only:
        connection = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = 1")
        return connection
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    return connection


def check_is_ours(path: str) -> None:
    """Look at an existing file before anything in it is touched.

    Raises:
        SchemaError: another application's file, or a newer version's.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
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


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables where there are none."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; {_TABLES} COMMIT;"
        )
