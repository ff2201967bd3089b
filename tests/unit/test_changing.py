"""``collab docs apply``, ``delete``, ``undelete``: what is sent, and what a failure in the middle says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.commands.docs import changing
from collab.content.operations import MAX_OPERATIONS
from tests.support.scripted_api import Refusal, ScriptedApi, scripted_api

INSERT = {"op": "text.insert", "path": "/body", "index": 0, "text": "x"}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


@pytest.mark.parametrize("form", ["list", "object", "option", "file"])
def test_operations_come_in_every_form(api: ScriptedApi, form: str, tmp_path: Path) -> None:
    api.holding(notes="yz")
    if form == "option":
        result = api.run("apply", "notes", "--op", json.dumps(INSERT), "--op", json.dumps(INSERT), stdin="not read")
    else:
        given = json.dumps({"operations": [INSERT] * 2} if form == "object" else [INSERT] * 2)
        file = tmp_path / "operations.json"
        file.write_text(given)
        result = api.run("apply", "notes", *([str(file)] if form == "file" else []), stdin=given)
    assert (result.exit_code, result.output) == (0, ""), result.output
    assert api.text("notes") == "xxyz"
    assert len(api.updates) == 1, "one batch is one edit"


def test_more_operations_than_one_request_may_have_are_applied(api: ScriptedApi) -> None:
    result = api.run("apply", "notes", "--json", stdin=json.dumps([INSERT] * (MAX_OPERATIONS + 1)))
    assert result.exit_code == 0, result.output
    assert api.text("notes") == "x" * (MAX_OPERATIONS + 1)
    assert json.loads(result.output) == {"name": "notes", "position": len(api.updates)}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{", "cannot be read"), ("", "cannot be read"), ("3", ""), ("null", ""), ("{}", ""), ('{"operations": 3}', ""),
        (json.dumps([INSERT, {**INSERT, "index": 99}]), "1"), (json.dumps([INSERT, {"op": "text.eat"}]), ""),
        ('[{"op": "map.set", "path": "/m/k", "value": ' + "[" * 5000 + "]" * 5000 + "}]", ""),
    ],
)  # fmt: skip
def test_what_is_no_batch_sends_nothing(api: ScriptedApi, given: str, words: str) -> None:
    api.holding(notes="yz")
    assert words in api.failure("apply", "notes", stdin=given)
    assert (api.updates, api.text("notes")) == ([], "yz")


def test_a_file_that_is_not_there_is_named(api: ScriptedApi, tmp_path: Path) -> None:
    assert "nowhere.json" in api.failure("apply", "notes", str(tmp_path / "nowhere.json"))
    assert api.asked == []


def test_deleting_without_somebody_to_ask_needs_a_yes(api: ScriptedApi) -> None:
    result = api.run("delete", "notes")
    assert (result.exit_code, api.asked) == (2, [])
    assert "--yes" in result.stderr


@pytest.mark.parametrize("answer", ["n\n", "y\n"])
def test_somebody_is_asked_what_exactly(api: ScriptedApi, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers = {"DELETE /a?forever=true": {}, "DELETE /b?forever=true": {}}
    monkeypatch.setattr(changing, "sys", type("Terminal", (), {"stdin": type("In", (), {"isatty": lambda: True})}))
    result = api.run("delete", "a", "b", "--forever", stdin=answer)
    assert "Delete a, b for good?" in result.stderr
    assert len(api.asked) == (2 if answer == "y\n" else 0)
    assert result.exit_code == (0 if answer == "y\n" else 1)


def test_names_are_one_segment_each(api: ScriptedApi) -> None:
    api.answers = {"DELETE /team%2Fnotes": {}, "DELETE /b": {}}
    result = api.run("delete", "team/notes", "b", "--yes", "--json")
    assert json.loads(result.output) == {"deleted": ["team/notes", "b"]}
    assert api.asked == ["DELETE /team%2Fnotes", "DELETE /b"]


@pytest.mark.parametrize(("command", "words"), [("delete", "DELETE /{}"), ("undelete", "POST /{}/undelete")])
def test_the_first_that_fails_is_named_and_is_the_last(api: ScriptedApi, command: str, words: str) -> None:
    api.answers = {words.format("a"): {}, words.format("b"): Refusal("forbidden", detail="You may not.")}
    yes = ["--yes"] if command == "delete" else []
    assert api.failure(command, "a", "b", "c", *yes) == "b: You may not."
    assert api.asked == [words.format("a"), words.format("b")]


@pytest.mark.parametrize(("command", "words"), [("delete", "DELETE /a"), ("undelete", "POST /a/undelete")])
def test_what_may_have_been_done_is_not_done_again(api: ScriptedApi, command: str, words: str) -> None:
    busy = Refusal("storage_unavailable", 503, "Later.", {"retryable": True, "retry_after": 0, "kept": True})
    api.answers = {words: busy}
    assert api.failure(command, "a", *(["--yes"] if command == "delete" else [])) == "a: Later."
    assert api.asked == [words]


def test_what_is_back_is_told(api: ScriptedApi) -> None:
    api.answers = {"POST /a/undelete": {}}
    assert json.loads(api.run("undelete", "a", "--json").output) == {"undeleted": ["a"]}
    result = api.run("undelete", "a")
    assert (result.exit_code, result.stdout) == (0, ""), "a pipe gets what was asked for, and nothing was"
