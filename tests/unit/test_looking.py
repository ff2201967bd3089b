"""``collab docs list``, ``show``, ``watch``: pages, pipes, answers that are none, and a stream that breaks off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scripted_api import LISTED, Refusal, ScriptedApi, scripted_api

FACTS = {"name": "a", **LISTED}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


def page(*names: str, after: str | None = None, **more: Any) -> dict[str, Any]:
    return {"documents": [{"name": name, **LISTED, **more} for name in names], "next": after}


def test_every_page_is_listed_up_to_the_limit(api: ScriptedApi) -> None:
    api.answers = {
        "GET ?limit=1000": page("a", "b", after="b"), "GET ?limit=1000&after=b": page(after="c"),
        "GET ?limit=1000&after=c": page("d"), "GET ?limit=2": page("a", "b", after="b"),
    }  # fmt: skip
    names = [each["name"] for each in json.loads(api.run("list", "--json").stdout)["documents"]]
    assert names == ["a", "b", "d"], "a page may be empty and have a next"
    api.asked.clear()
    assert len(json.loads(api.run("list", "--limit", "2", "--json").stdout)["documents"]) == 2
    assert api.asked == ["GET ?limit=2"], "nobody asks for more than is wanted"
    assert api.run("list", "--limit", "0").exit_code == 2


def test_a_pipe_gets_plain_columns(api: ScriptedApi) -> None:
    api.answers["GET ?prefix=a&limit=1000"] = page("a", participants=3, size=2048)
    assert api.run("list", "--prefix", "a").stdout == f"a\t2048\t{LISTED['updated_at']}\t3\n"
    api.answers["GET ?limit=1000"] = page("a")
    assert api.run("list").stdout == f"a\t2\t{LISTED['updated_at']}\t\n", "nobody is no number"


def test_the_trash_says_until_when(api: ScriptedApi) -> None:
    more = {"deleted_at": "2026-02-01T00:00:00Z", "expires_at": "2026-03-01T00:00:00Z"}
    api.answers["GET ?limit=1000&deleted=true"] = page("a", **more)
    assert api.run("list", "--deleted").stdout == "a\t2\t2026-02-01T00:00:00Z\t2026-03-01T00:00:00Z\n"
    api.answers["GET ?limit=1000&deleted=true"] = page("a")
    assert "not a collab server" in api.failure("list", "--deleted"), "documents are no trash"


@pytest.mark.parametrize(
    "answer", [[], {}, b"<html>", page("a,b"), page("../x"), {"documents": [FACTS]}, {**page(), "next": 3}]
)
def test_lists_that_are_none(api: ScriptedApi, answer: Any) -> None:
    api.answers["GET ?limit=1000"] = answer
    assert "not a collab server" in api.failure("list")


def shown(api: ScriptedApi, content: Any, query: str = "format=json") -> ScriptedApi:
    people = {"participants": [{"session": "s", "user": {"name": "Ann"}, "role": "viewer"}]}
    api.answers = {"GET /a": FACTS, "GET /a/participants": people, f"GET /a/content?{query}": content}
    return api


def test_programs_get_all_that_is_known(api: ScriptedApi) -> None:
    told = json.loads(shown(api, {"body": "x"}).run("show", "a", "--json").stdout)
    assert told["content"] == {"body": "x"}
    assert told["participants"][0]["role"] == "viewer"
    assert {key: told[key] for key in ("name", "size", "updated_at")} == {
        key: FACTS[key] for key in ("name", "size", "updated_at")
    }


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_a_text_comes_as_it_is(api: ScriptedApi, format: str) -> None:
    result = shown(api, b'"x"\x1b[2J', f"format={format}&path=%2Fbody").run(
        "show", "a", "--format", format, "--path", "/body"
    )
    assert result.stdout == '"x"\x1b[2J\n', "a pipe is no terminal that could be steered"


@pytest.mark.parametrize("content", ["x", 3, None, [1, {"b": 1, "a": 2}]])
def test_json_is_shown_as_json_whatever_it_is(api: ScriptedApi, content: Any) -> None:
    result = shown(api, json.dumps(content).encode()).run("show", "a")
    assert result.exit_code == 0, result.output
    if not isinstance(content, str):
        assert json.loads(result.stdout) == content
        result = shown(api, json.dumps(content).encode()).run("show", "a", "--format", "json")
        assert json.loads(result.stdout) == content


@pytest.mark.parametrize("missing", ["GET /a", "GET /a/participants", "GET /a/content?format=json"])
def test_a_part_that_is_missing_shows_nothing(api: ScriptedApi, missing: str) -> None:
    shown(api, {}).answers[missing] = Refusal("not_found", 404, "There is none.")
    assert api.failure("show", "a") == "There is none."
    assert api.run("show", "a").stdout == ""


EVENTS = b'id: 1\nevent: presence\ndata: {"joined": [{"session": "s", "user": {"name": "Ann"}}], "updated": [], "left": []}\n\n'


def gone(code: str) -> bytes:
    return (
        f"event: notice\ndata: {json.dumps({'code': code, 'message': 'It is over.', 'retryable': False})}\n\n".encode()
    )


def test_programs_watch_by_the_line_until_it_is_over(api: ScriptedApi) -> None:
    answers = iter([EVENTS, EVENTS + gone("document_deleted")])
    api.answers["GET /a/events?name=bot"] = lambda: next(answers)
    result = api.run("watch", "a", "--as", "bot", "--json")
    assert result.exit_code == 1
    assert [json.loads(line)["event"] for line in result.stdout.splitlines()] == ["presence", "presence", "notice"]
    words = result.stderr.splitlines()
    assert words[-1] == "collab: It is over."
    assert "ended the stream. Trying again." in words[0], "that the connection broke off goes to the other stream"


def test_people_watch_in_words(api: ScriptedApi) -> None:
    api.answers["GET /a/events?name=collab+docs+watch"] = EVENTS + gone("forbidden")
    result = api.run("watch", "a")
    assert (result.exit_code, "Ann" in result.stdout) == (1, True)
    assert "{" not in result.stdout
