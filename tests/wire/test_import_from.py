"""``collab docs import --from``: documents of other servers, from files that those have made."""

from __future__ import annotations

import gzip
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.api import Api, where
from tests.support.repository import ROOT
from tests.unit.test_sqlite_tables import HOCUSPOCUS, make, state_of
from tests.wire.test_docs_cli import docs

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning"),
]


async def text(api: Api, document: str, root: str = "body") -> str:
    answer = await api("GET", f"{where(document)}/content?format=text&path=/{root}")
    assert answer.status == 200
    return answer.body.decode()


async def test_all_of_them(api: Api, tmp_path: Path) -> None:
    pytest.importorskip("plyvel")
    with tarfile.open(ROOT / "tests/data/y-leveldb.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    ended = await docs(api, "import", "--from", "y-websocket-leveldb", str(tmp_path / "y-leveldb"))
    assert ended.code == 0, ended.err
    assert await text(api, "team/notes", "more") == "later"
    store = tmp_path / "store.db"
    store.write_bytes(gzip.decompress((ROOT / "tests/data/pycrdt-store.sqlite.gz").read_bytes()))
    ended = await docs(api, "import", str(store), "--from", "pycrdt-store-sqlite", "--json")
    assert [one["name"] for one in ended.json["documents"]] == ["other", "team/notes"]
    assert ended.json["problems"] == []
    both = await text(api, "other")
    assert both.count("hello other") == 2, "what was there before is merged with it"
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "plain.bin").write_bytes(state_of("from a file"))
    assert (await docs(api, "import", "--from", "yjs-updates", str(tmp_path / "files"))).code == 0
    assert await text(api, "plain") == "from a file"


async def test_what_cannot_be_read_is_explained_and_the_rest_is_there(api: Api, tmp_path: Path) -> None:
    rows = ("good", state_of("words")), ("damaged", b"\xff\xff"), ("a,b", state_of("x")), ("empty", b"\0\0")
    database = make(tmp_path / "db.sqlite", HOCUSPOCUS, "documents", *rows)
    ended = await docs(api, "import", "--from", "hocuspocus-sqlite", str(database))
    assert ended.code == 1
    problems = ended.err.splitlines()
    assert [line.partition(":")[0] for line in problems] == ["a,b", "damaged", "collab"]
    assert "compressed or encrypted" in problems[1]
    assert problems[2] == "collab: 2 document(s) could not be read, or not completely"
    assert await text(api, "good") == "words"
    ended = await docs(api, "import", "--from", "hocuspocus-sqlite", str(tmp_path / "none"))
    assert ended.fault.endswith("none is no file")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other, other:
        other.execute("CREATE TABLE x (y)")
    ended = await docs(api, "import", "--from", "hocuspocus-sqlite", str(tmp_path / "other.db"))
    assert "Hocuspocus has not made it" in ended.fault
    assert (await docs(api, "import", "--from", "yjs-updates")).code == 2, "it takes a path"
    assert (await docs(api, "import", "--from", "nothing", "x")).code == 2
