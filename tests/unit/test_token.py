"""``collab token``: what a token opens is what its maker meant."""

from __future__ import annotations

import jwt
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from collab.commands.main import main
from collab.types import Grant, Role

SECRET = "0123456789abcdef0123456789abcdef"


def minted(*arguments: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(main, ["token", "create", "--sub", "ada", "--jwt-secret", SECRET, *arguments])
    assert result.exit_code == 0, result.output
    grants: list[dict[str, str]] = jwt.decode(result.stdout.strip(), SECRET, algorithms=["HS256"])["grants"]
    return grants


def test_a_name_is_a_name() -> None:
    assert minted("--document", "*=viewer") == [{"documents": "[*]", "role": "viewer"}]
    assert minted("--document", "a=b=editor", "--grant", "team/*=viewer") == [
        {"documents": "team/*", "role": "viewer"}, {"documents": "a=b", "role": "editor"},
    ]  # fmt: skip
    (grant,) = minted("--document", "what[is]this*=viewer")
    assert grant["documents"] == "what[[]is]this[*]"


def test_a_token_for_an_agent_says_so_with_each_grant() -> None:
    assert minted("--agent", "--document", "a=viewer", "--grant", "b/*=editor") == [
        {"documents": "b/*", "role": "editor", "agent": True}, {"documents": "a", "role": "viewer", "agent": True},
    ]  # fmt: skip


@given(st.text(st.sampled_from("*?[]!-ab/\\"), max_size=8), st.text(st.sampled_from("*?[]!-ab/\\"), max_size=8))
def test_the_pattern_of_a_name_matches_it_and_nothing_else(name: str, other: str) -> None:
    grant = Grant(Grant.pattern_for(name), Role.VIEWER)
    assert grant.covers(name)
    assert grant.covers(other) == (other == name)
    assert grant.head == name, "a listing reads one name, not all"


@pytest.mark.parametrize(
    ("pattern", "head"),
    [("*", ""), ("a/*", "a/"), ("a[*]b*", "a*b"), ("a[bc]", "a"), ("a?[*]", "a"), ("[!a]", ""), ("abc", "abc")],
)
def test_what_all_names_begin_with(pattern: str, head: str) -> None:
    assert Grant(pattern, Role.VIEWER).head == head


@pytest.mark.parametrize(
    "arguments", [[], ["--document", "viewer"], ["--document", "a,b=viewer"], ["--document", "a=owner"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["token", "create", "--sub", "ada", "--jwt-secret", SECRET, *arguments])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_whoever_mints_for_a_pattern_hears_what_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from collab.commands import token

    shown = Console(force_terminal=True, color_system=None, stderr=True, width=300, markup=False)
    monkeypatch.setattr(token, "ERR", shown)
    for pattern, words in [
        ("*=viewer", "every document;"),
        ("a[1]=viewer", "that it matches"),
        ("team/*=viewer", ""),
        ("a=viewer", ""),
    ]:
        result = CliRunner().invoke(
            main, ["token", "create", "--sub", "ada", "--jwt-secret", SECRET, "--grant", pattern]
        )
        assert words in result.stderr
        assert bool(words) == ("--document" in result.stderr)
