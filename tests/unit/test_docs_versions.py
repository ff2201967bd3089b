"""``collab docs versions`` and ``restore``: all pages of a list, but not for ever; nothing is kept or deleted twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from collab.commands.docs import versions
from tests.support.scripted_api import Refusal, ScriptedApi, scripted_api


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


def version(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "name": None, "created_at": "2026-01-02T03:04:05Z", "participant": None, "size": 9, **more,
    }  # fmt: skip


def page(*numbers: int, after: int | None) -> dict[str, Any]:
    return {"versions": [version(each) for each in numbers], "next": after}


def test_every_page_is_listed(api: ScriptedApi) -> None:
    api.answers = {
        "GET /a/versions?limit=1000": page(9, 8, after=8),
        "GET /a/versions?limit=1000&after=8": page(7, after=7),
        "GET /a/versions?limit=1000&after=7": page(after=None),
    }
    found = json.loads(api.run("versions", "a", "--json").output)["versions"]
    assert [each["id"] for each in found] == [9, 8, 7]


def test_a_list_without_end_ends(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers = {"GET /a/versions?limit=1000": page(after=5), "GET /a/versions?limit=1000&after=5": page(after=5)}
    assert "without end" in api.failure("versions", "a")
    assert len(api.asked) == 1, "an empty page with a next leads nowhere"
    monkeypatch.setattr(versions, "_MOST", 6)
    api.answers = {"GET /a/versions?limit=1000": page(1, 2, after=5)}
    api.answers["GET /a/versions?limit=1000&after=5"] = page(1, 2, after=5)
    api.asked.clear()
    assert "without end" in api.failure("versions", "a")
    assert len(api.asked) == 4


def test_a_pipe_gets_columns_and_nothing_in_them_breaks_a_line(api: ScriptedApi) -> None:
    api.answers["GET /a/versions?limit=1000"] = {
        "versions": [version(3, name="first\tdraft\n", participant="ann"), version(1)], "next": None,
    }  # fmt: skip
    assert api.run("versions", "a").stdout == (
        "3\tfirst draft \t2026-01-02T03:04:05Z\tann\t9\n1\t\t2026-01-02T03:04:05Z\t\t9\n"
    )


def test_keeping_and_deleting_in_one_go_is_wrong_usage(api: ScriptedApi) -> None:
    assert api.run("versions", "a", "--save", "x", "--delete", "3").exit_code == 2
    assert api.run("versions", "a", "--delete", "0").exit_code == 2
    assert api.run("restore", "a", "0").exit_code == 2
    assert api.run("restore", "a", "first").exit_code == 2
    assert api.asked == []


def test_an_empty_name_is_a_name(api: ScriptedApi) -> None:
    api.answers["POST /a/versions"] = version(4, name="")
    assert json.loads(api.run("versions", "a", "--save", "", "--json").output)["id"] == 4
    assert api.asked == ["POST /a/versions"]


@pytest.mark.parametrize(("arguments", "words"), [(["--save", "x"], "POST /a/versions"), (["--delete", "3"], "DELETE /a/versions/3")])  # fmt: skip
def test_what_may_have_been_done_is_not_done_again(api: ScriptedApi, arguments: list[str], words: str) -> None:
    more = {"retryable": True, "retry_after": 0, "kept": True}
    api.answers = {words: Refusal("storage_unavailable", 503, "Later.", more)}
    assert api.failure("versions", "a", *arguments) == "Later."
    assert api.asked == [words]


def test_a_restore_may_be_repeated_and_says_where_it_is_saved(api: ScriptedApi) -> None:
    busy = Refusal("storage_unavailable", 503, "Later.", {"retryable": True, "retry_after": 0, "kept": True})
    answers = iter([busy, {"position": 12}])
    api.answers["POST /a/versions/3/restore"] = lambda: next(answers)
    result = api.run("restore", "a", "3", "--json")
    assert json.loads(result.output) == {"name": "a", "position": 12}
    assert api.asked == ["POST /a/versions/3/restore"] * 2


@pytest.mark.parametrize(
    "answer", [{}, {"versions": [{"id": 1}], "next": None}, b"<html>", {"versions": {}, "next": 1}]
)
def test_an_answer_of_something_else_is_a_line(api: ScriptedApi, answer: Any) -> None:
    api.answers["GET /a/versions?limit=1000"] = answer
    assert "not a collab server" in api.failure("versions", "a")
