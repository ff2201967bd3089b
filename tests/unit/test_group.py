"""What all of ``collab docs`` has in common: which server, as whom, and names that a document can have."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from collab.commands.api_client import ApiClient, ApiError
from collab.commands.docs import group
from collab.commands.docs.group import DEFAULT_URL, Target, command, docs, document_name, document_names, report
from collab.commands.main import main

SEEN: list[tuple[str, str | None, bool, str]] = []


@pytest.fixture
def look() -> Iterator[list[tuple[str, str | None, bool, str]]]:
    """A command that notes with which client it was called, for the time of a test."""

    @command("look-for-a-test")
    @click.argument("name", callback=document_name)
    async def look(client: ApiClient, target: Target, *, name: str) -> None:
        SEEN.append((client.url, client._token, target.json, name))
        if name == "refused":
            raise ApiError("forbidden", "You may not.")

    SEEN.clear()
    yield SEEN
    del docs.commands["look-for-a-test"]


def run(*arguments: str, **variables: str) -> tuple[int, str]:
    nothing: dict[str, str | None] = {"COLLAB_URL": None, "COLLAB_TOKEN": None}
    result = CliRunner(env=nothing | variables).invoke(main, ["docs", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("arguments", "variables", "wanted"),
    [
        ([], {}, (DEFAULT_URL, None, False)),
        (["--url", "http://a:1", "--token", "t", "--json"], {}, ("http://a:1", "t", True)),
        ([], {"COLLAB_URL": "http://b:2/", "COLLAB_TOKEN": "v"}, ("http://b:2", "v", False)),
        (["--url", "http://a:1"], {"COLLAB_URL": "http://b:2", "COLLAB_TOKEN": "v"}, ("http://a:1", "v", False)),
        ([], {"COLLAB_URL": "", "COLLAB_TOKEN": ""}, (DEFAULT_URL, None, False)),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["in front of the command", "behind it"])
def test_which_server_and_as_whom(
    look: list[tuple[str, str | None, bool, str]],
    arguments: list[str], variables: dict[str, str], wanted: tuple[str, str | None, bool], before: bool,
) -> None:  # fmt: skip
    words = [*arguments, "look-for-a-test", "notes"] if before else ["look-for-a-test", "notes", *arguments]
    code, output = run(*words, **variables)
    assert (code, output) == (0, "")
    assert look == [(*wanted, "notes")]


def test_what_stands_behind_the_command_counts_more(look: list[tuple[str, str | None, bool, str]]) -> None:
    run("--url", "http://a:1", "--token", "t", "look-for-a-test", "notes", "--url", "http://c:3")
    assert look == [("http://c:3", "t", False, "notes")]


@pytest.mark.parametrize("url", ["host:80", "ftp://host", "http://", "/x"])
def test_what_is_no_address_of_a_server_is_wrong_usage(look: list[tuple[str, str | None, bool, str]], url: str) -> None:
    for arguments, variables in ((["--url", url], {}), ([], {"COLLAB_URL": url})):
        code, output = run(*arguments, "look-for-a-test", "notes", **variables)
        assert code == 2
        assert url in output
    assert look == []


@pytest.mark.parametrize("name", ["a,b", "../x", "", " a", "x" * 201])
def test_names_that_no_document_can_have_are_wrong_usage(
    look: list[tuple[str, str | None, bool, str]], name: str
) -> None:
    code, output = run("look-for-a-test", name)
    assert code == 2
    assert "not a valid document name" in output
    assert look == []


def test_names_are_looked_at_one_by_one() -> None:
    context = click.Context(docs)
    parameter = click.Argument(["names"])
    assert document_names(context, parameter, ("a", "b/c")) == ("a", "b/c")
    assert document_name(context, parameter, None) is None
    with pytest.raises(click.BadParameter):
        document_names(context, parameter, ("a", "b?"))


def test_what_goes_wrong_is_a_line_and_code_1(
    look: list[tuple[str, str | None, bool, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        docs.main(["look-for-a-test", "refused"], prog_name="collab docs")
    assert ended.value.code == 1
    assert capfd.readouterr().err == "collab: You may not.\n"


@pytest.mark.parametrize("count", [1, 2])
def test_what_was_saved_is_told_to_people_and_programs(
    count: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(group, "say", said.append)
    changed = [{"name": name, "position": 3} for name in "ab"[:count]]
    report(Target(json=True), changed)
    assert json.loads(capfd.readouterr().out) == (changed[0] if count == 1 else {"documents": changed})
    assert said == []
    report(Target(), changed)
    assert capfd.readouterr().out == "", "a pipe gets what was asked for, and nothing was"
    assert said == [["a saved", "2 document(s) saved"][count - 1]]
