"""``collab docs import``: one document that cannot be had does not cost the others, and what is said of each."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.commands.docs.importing import FORMATS
from collab.commands.others.kinds import KINDS
from collab.content.formats.archive import ArchiveWriter
from tests.support.documents import typed
from tests.support.scripted_api import Refusal, ScriptedApi, scripted_api

EMPTY = b"\0\0"


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of another server: two documents, one with nothing in it, one that is none, one that can have no name."""
    (tmp_path / "a.bin").write_bytes(typed("one")[0])
    (tmp_path / "b.bin").write_bytes(typed("two")[0])
    (tmp_path / "empty.bin").write_bytes(EMPTY)
    (tmp_path / "photo.bin").write_bytes(b"\x89PNG\r\n\x1a\n" * 9)
    (tmp_path / "what?.bin").write_bytes(typed("x")[0])
    return tmp_path


def archive(**documents: bytes) -> bytes:
    file = io.BytesIO()
    with ArchiveWriter(file, "http://there") as writer:
        for name, state in documents.items():
            writer.add(name, io.BytesIO(state), len(state))
    return file.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "text"], ["--path", "/body"], ["--from", "yjs-updates"], ["--from", "paper", "x"],
        ["x", "--from", "yjs-updates", "--format", "text"], ["x", "--from", "yjs-updates", "--path", "/body"],
        ["x", "--from", "yjs-updates", "-i", "file"], ["a", "--format", "html"],
    ],
)  # fmt: skip
def test_wrong_usage_asks_nothing(api: ScriptedApi, arguments: list[str]) -> None:
    assert api.run("import", *arguments, stdin="x").exit_code == 2
    assert api.asked == []


def test_the_formats_and_kinds_that_are_offered() -> None:
    assert FORMATS == ("json", "text", "markdown", "update")
    assert "yjs-updates" in KINDS


def test_what_can_be_had_of_another_server_comes_and_the_rest_is_named(api: ScriptedApi, folder: Path) -> None:
    result = api.run("import", "--from", "yjs-updates", str(folder), "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert {each["name"] for each in told["documents"]} == {"a", "b", "empty"}
    assert {each["name"] for each in told["problems"]} == {"photo", "what?"}
    assert (api.text("a"), api.text("b")) == ("one", "two")
    assert "PUT /empty" in api.asked, "an empty document is a document"
    assert "PUT /a" not in api.asked
    assert not any("photo" in words or "what" in words for words in api.asked)


def test_people_read_a_line_for_each_problem(api: ScriptedApi, folder: Path) -> None:
    result = api.run("import", "--from", "yjs-updates", str(folder))
    lines = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["photo", "what?", "collab"]
    assert lines[-1] == "collab: 2 document(s) could not be read, or not completely"


def test_one_that_is_refused_does_not_cost_the_others(api: ScriptedApi, folder: Path) -> None:
    api.answers["POST /a/update"] = Refusal("document_too_large", 413, "Too large.")
    told = json.loads(api.run("import", "--from", "yjs-updates", str(folder), "--json").stdout)
    assert {"name": "a", "problem": "Too large."} in told["problems"]
    assert api.text("b") == "two"


@pytest.mark.parametrize("code", ["unauthorized", "token_expired", "storage_unavailable", "store_full"])
def test_what_is_no_documents_fault_is_said_once(api: ScriptedApi, folder: Path, code: str) -> None:
    api.answers["POST /a/update"] = Refusal(code, 401, "Not you.")
    assert api.failure("import", "--from", "yjs-updates", str(folder)) == "Not you."
    assert api.asked == ["POST /a/update"]


def test_nothing_found_is_a_failure(api: ScriptedApi, tmp_path: Path) -> None:
    assert "no files" in api.failure("import", "--from", "yjs-updates", str(tmp_path))
    assert "nowhere" in api.failure("import", "--from", "hocuspocus-sqlite", str(tmp_path / "nowhere"))


def test_an_archive_is_read_to_where_it_is_whole(api: ScriptedApi) -> None:
    whole = archive(a=typed("one")[0], b=EMPTY, c=typed("three")[0])
    result = api.run("import", "--json", stdin=whole)
    assert [each["name"] for each in json.loads(result.stdout)["documents"]] == ["a", "b", "c"]
    assert api.asked == ["POST /a/update", "PUT /b", "POST /b/update", "POST /c/update"]
    api.asked.clear()
    assert "ends too early" in api.failure("import", stdin=whole[: whole.index(b"collab-export-end")])
    assert api.asked == ["POST /a/update", "PUT /b", "POST /b/update", "POST /c/update"], "what came before is good"


def test_what_is_no_archive_asks_for_a_name(api: ScriptedApi) -> None:
    assert api.failure("import", stdin=b"plain text") == (
        "this is no collab export; to import one document, say its NAME"
    )
    assert "leave out NAME" in api.failure("import", "notes", stdin=archive(a=EMPTY))
    assert api.asked == []


@pytest.mark.parametrize(
    ("format", "given", "text"),
    [("text", b"# one\n", "# one\n"), ("update", typed("state")[0], "state"), ("json", b'{"body": "j"}', "")],
    ids=["text", "update", "json"],
)
def test_a_format_that_is_said_is_not_guessed(api: ScriptedApi, format: str, given: bytes, text: str) -> None:
    assert api.run("import", "notes", "--format", format, stdin=given).exit_code == 0
    assert api.text("notes") == text or format == "json"


@pytest.mark.parametrize(
    ("format", "given"),
    [("json", b"{"), ("json", b"3"), ("text", b"\xff\xfe"), ("markdown", b"\xff"), (None, b"**bold**")],
)
def test_what_cannot_be_read_sends_nothing(api: ScriptedApi, format: str | None, given: bytes) -> None:
    words = ["--format", format] if format else []
    api.failure("import", "notes", *words, stdin=given)
    assert api.updates == []


def test_json_has_no_path(api: ScriptedApi) -> None:
    result = api.run("import", "notes", "--format", "json", "--path", "/body", stdin=b"{}")
    assert (result.exit_code, api.updates) == (2, [])
