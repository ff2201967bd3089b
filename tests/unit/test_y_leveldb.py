"""Databases of y-leveldb, where y-websocket keeps documents."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from collab.commands.others.y_leveldb import document_of, y_leveldb
from collab.content.reading import read
from tests.support.repository import ROOT


@pytest.fixture
def database(tmp_path: Path) -> Path:
    pytest.importorskip("plyvel")
    with tarfile.open(ROOT / "tests/data/y-leveldb.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "y-leveldb"


def test_what_y_leveldb_has_written(database: Path) -> None:
    before = {file.name: file.read_bytes() for file in database.iterdir()}
    found = {one.name: read(one.state or b"") for one in y_leveldb(database)}
    assert found == {
        "other": {"body": "x" * 20 + "hello other", "meta": {"title": "T"}},
        "team/notes": {"body": "x" * 20 + "hello team/notes", "meta": {"title": "T"}, "more": "later"},
    }
    assert {file.name: file.read_bytes() for file in database.iterdir()} == before, "nothing is written there"


def test_one_that_is_in_use_is_refused(database: Path) -> None:
    lock = database / "LOCK"
    lock.touch()
    holder = "import fcntl, sys; f = open(sys.argv[1], 'rb+'); fcntl.lockf(f, 2); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="is in use: stop its server first"):
            list(y_leveldb(database))
        process.communicate(b"\n")


def test_what_is_none_is_said(tmp_path: Path) -> None:
    pytest.importorskip("plyvel")
    with pytest.raises(ValueError, match="is no folder of LevelDB"):
        list(y_leveldb(tmp_path))


def test_without_plyvel_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(ValueError, match=r"collab-server\[leveldb\]"):
        list(y_leveldb(tmp_path))


@pytest.mark.parametrize(
    ("key", "document"),
    [
        (b"\0\x02v1\0\x01n\0\x06update\x01\0\0\0\x05", "n"),
        (b"\0\x02v1\0\x01n\0\x04meta\0\x01k", None),
        (b"\0\x05v1_sv\0\x01n", None),
        (b"\x07", None),
        (b"\0\x09x", None),
    ],
)
def test_keys(key: bytes, document: str | None) -> None:
    assert document_of(key) == document
