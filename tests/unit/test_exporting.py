"""``collab docs export``: what is written where, what a document that is gone means, and that no file is left half."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pycrdt import Doc, Text

from collab.commands.docs.exporting import FORMATS
from collab.content.formats.archive import ArchiveError, read_archive
from tests.support.scripted_api import LISTED, Refusal, ScriptedApi, scripted_api


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


def listed(*names: str) -> dict[str, object]:
    return {"documents": [{"name": name, **LISTED} for name in names], "next": None}


def texts(archive: bytes) -> dict[str, str]:
    """The texts at /body in an archive, by document."""
    found = {}
    for name, content in read_archive(io.BytesIO(archive)):
        doc: Doc = Doc()
        doc.apply_update(content.read())
        found[name] = str(doc.get("body", type=Text))
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["a", "--all"], ["--all", "--prefix", "x"], ["--all", "--format", "json"], ["a", "b", "--path", "/body"],
        ["a", "b", "--format", "text"], ["--prefix", "", "--format", "text"], ["a", "--format", "pdf"],
    ],
)  # fmt: skip
def test_wrong_usage_asks_nothing(api: ScriptedApi, arguments: list[str]) -> None:
    assert api.run("export", *arguments).exit_code == 2
    assert api.asked == []


def test_a_prefix_may_be_empty_and_a_name_twice(api: ScriptedApi) -> None:
    api.holding(a="one", b="two").answers = {
        "GET ?limit=1000": listed("a", "b"), "GET ?prefix=b&limit=1000": listed("b"),
    }  # fmt: skip
    assert texts(api.run("export", "--prefix", "").stdout_bytes) == {"a": "one", "b": "two"}
    assert texts(api.run("export", "--prefix", "b").stdout_bytes) == {"b": "two"}
    assert texts(api.run("export", "a", "a").stdout_bytes) == {"a": "one"}


@pytest.mark.parametrize("code", ["not_found", "document_deleted"])
def test_what_was_deleted_since_it_was_listed_is_left_out(api: ScriptedApi, code: str) -> None:
    api.holding(a="one", c="three").answers = {
        "GET ?limit=1000": listed("a", "b", "c"), "GET /b/content?format=update": Refusal(code, 404),
    }  # fmt: skip
    assert texts(api.run("export", "--all").stdout_bytes) == {"a": "one", "c": "three"}


@pytest.mark.parametrize("named", [True, False])
def test_what_is_missing_otherwise_leaves_no_file(api: ScriptedApi, tmp_path: Path, named: bool) -> None:
    file = tmp_path / "all.tar"
    api.holding(a="one").answers = {"GET ?limit=1000": listed("a", "b")}
    if named:
        assert api.failure("export", "a", "b", "-o", str(file)) == "No."  # somebody asked for it
    else:
        api.answers["GET /b/content?format=update"] = Refusal("forbidden", detail="You may not.")
        assert api.failure("export", "--all", "-o", str(file)) == "You may not."
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_breaks_off_says_so_to_whoever_reads_it(api: ScriptedApi) -> None:
    api.holding(a="one").answers["GET /b/content?format=update"] = Refusal("forbidden")
    result = api.run("export", "a", "b")
    assert result.exit_code == 1
    with pytest.raises(ArchiveError, match=r"ends too early|no collab export"):
        texts(result.stdout_bytes)


def test_an_older_file_stays_if_the_new_one_fails(api: ScriptedApi, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("older")
    api.answers["GET /a/content?format=text"] = Refusal("not_found", 404)
    assert api.failure("export", "a", "-o", str(file)) == "No."
    assert (file.read_text(), [each.name for each in tmp_path.iterdir()]) == ("older", ["notes.txt"])


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("x.md", "markdown"),
        ("x.TXT", "text"),
        ("x.json", "json"),
        ("x.HTML", "html"),
        ("x.yjs", "update"),
        ("x", "json"),
    ],
)
def test_the_name_of_the_file_says_the_format(api: ScriptedApi, tmp_path: Path, name: str, format: str) -> None:
    assert format in FORMATS
    api.holding(a="one").answers[f"GET /a/content?format={format}"] = b'{"b":1,"a":2}'
    assert api.run("export", "a", "-o", str(tmp_path / name)).exit_code == 0
    assert api.asked == [f"GET /a/content?format={format}"]
    # The option counts more.
    api.answers["GET /a/content?format=text"] = b"plain"
    assert api.run("export", "a", "--format", "text", "-o", str(tmp_path / name)).exit_code == 0
    assert (tmp_path / name).read_bytes() == b"plain"


def test_equal_content_makes_equal_json(api: ScriptedApi) -> None:
    outputs = []
    for content in (b'{"b":1,"a":{"d":"\xc3\xa9","c":[]}}', b'{"a":{"c":[],"d":"\xc3\xa9"},"b":1}'):
        api.answers["GET /a/content?format=json&path=%2Fmap"] = content
        outputs.append(api.run("export", "a", "--path", "/map").stdout)
    assert outputs[0] == outputs[1]
    assert outputs[0].endswith("}\n")
    assert json.loads(outputs[0])["a"]["d"] == "é"


def test_html_is_a_page_in_a_file_and_a_part_in_a_pipe(api: ScriptedApi, tmp_path: Path) -> None:
    api.answers["GET /team%2F%3Cb%3E/content?format=html"] = b"<p>x</p>"
    assert api.run("export", "team/<b>", "--format", "html").stdout == "<p>x</p>"
    file = tmp_path / "x.html"
    assert api.run("export", "team/<b>", "-o", str(file)).exit_code == 0
    page = file.read_text()
    assert page.startswith("<!doctype html>") and page.endswith("<p>x</p>")
    assert "<title>&lt;b&gt;</title>" in page


def test_a_board_is_drawn_from_its_shapes_unless_a_path_says_otherwise(api: ScriptedApi) -> None:
    api.answers = {
        "GET /a/content?format=json&path=%2Fboard%2Fshapes": {}, "GET /a/content?format=json&path=%2Fother": {},
    }  # fmt: skip
    assert api.run("export", "a", "--format", "svg").stdout.startswith("<svg")
    assert api.run("export", "a", "--format", "svg", "--path", "/other").stdout.startswith("<svg")
    assert api.asked == list(api.answers)


def test_an_update_comes_as_it_is(api: ScriptedApi) -> None:
    api.holding(a="one")
    doc: Doc = Doc()
    doc.apply_update(api.run("export", "a", "--format", "update").stdout_bytes)
    assert str(doc.get("body", type=Text)) == "one"
