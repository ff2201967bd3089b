"""SQLite databases of Hocuspocus and pycrdt-store."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pycrdt import Doc, Text

from collab.commands.others.sqlite_tables import hocuspocus, pycrdt_store
from collab.content.reading import read
from tests.support.repository import ROOT

#: as @hocuspocus/extension-sqlite 4.7 makes it
HOCUSPOCUS = 'CREATE TABLE "documents" ("name" varchar(255) NOT NULL, "data" blob NOT NULL, UNIQUE(name))'


def state_of(words: str) -> bytes:
    doc: Doc[Text] = Doc()
    doc["body"] = Text(words)
    return doc.get_update()


def make(path: Path, schema: str, table: str, *rows: tuple[object, ...]) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(schema)
        for row in rows:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    return path


def test_hocuspocus(tmp_path: Path) -> None:
    rows = ("b", state_of("two")), ("a/c", state_of("one")), ("bad", b"\xff\xff")
    path = make(tmp_path / "db.sqlite", HOCUSPOCUS, "documents", *rows)
    before = path.read_bytes()
    found = {one.name: one for one in hocuspocus(path)}
    assert list(found) == ["a/c", "b", "bad"]
    assert [read(found[name].state or b"") for name in ("a/c", "b")] == [{"body": "one"}, {"body": "two"}]
    assert found["bad"].state is None
    assert path.read_bytes() == before


def test_what_pycrdt_store_has_written(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(gzip.decompress((ROOT / "tests/data/pycrdt-store.sqlite.gz").read_bytes()))
    found = {one.name: read(one.state or b"") for one in pycrdt_store(path)}
    assert found == {
        "other": {"body": "hello other", "m": {"k": 1}},
        "team/notes": {"body": "hello team/notes", "m": {"k": 1}},
    }


def test_a_clock_that_was_set_back_loses_nothing(tmp_path: Path) -> None:
    schema = "CREATE TABLE yupdates (path TEXT NOT NULL, yupdate BLOB, metadata BLOB, timestamp REAL NOT NULL)"
    doc: Doc[Text] = Doc()
    doc["body"] = Text("one")
    first = doc.get_update()
    before = doc.get_state()
    doc["body"] += " two"
    rows = ("n", first, None, 9.0), ("n", doc.get_update(before), None, 1.0)
    (found,) = pycrdt_store(make(tmp_path / "old.db", schema, "yupdates", *rows))
    assert read(found.state or b"") == {"body": "one two"}
    assert found.problem is None


def test_what_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no file"):
        list(hocuspocus(tmp_path / "none"))
    (tmp_path / "text").write_text("words " * 200)
    with pytest.raises(ValueError, match="is no SQLite database"):
        list(hocuspocus(tmp_path / "text"))
    other = make(tmp_path / "other.db", "CREATE TABLE x (y)", "x", (1,))
    for read_it, words in ((hocuspocus, "Hocuspocus has not made it"), (pycrdt_store, "pycrdt-store has not made it")):
        with pytest.raises(ValueError, match=words):
            list(read_it(other))
