"""``collab mcp``: what it refuses before it begins. What it does is in tests/wire/test_mcp.py."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from collab.commands import mcp as module
from collab.commands.main import main


@pytest.mark.parametrize("place", ["8090", "0.0.0.0:8090", "[::]:1", "example.com:80", "127.0.0.1:", "127.0.0.1:99999"])
def test_it_serves_this_machine_only(place: str) -> None:
    ran = CliRunner().invoke(main, ["mcp", "--http", place])
    assert ran.exit_code == 2
    assert len(ran.output.splitlines()) == 1
    assert repr(place) in ran.output


def test_without_the_extra_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    ran = CliRunner().invoke(main, ["mcp"])
    assert (ran.exit_code, "collab-server[mcp]" in ran.output) == (1, True)
