"""``collab init`` writes a start into an empty folder, and nothing over what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collab.commands.init import STARTS
from collab.commands.main import main


def ran(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["init", *arguments])
    return result.exit_code, result.output


def written(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", STARTS)
def test_every_start_is_written_and_says_how_it_is_run(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "start"
    code, output = ran(kind, str(folder), "--url", "https://collab.example.com/")
    assert code == 0, output
    found = written(folder)
    assert set(found) == {name.removeprefix(f"{kind}/") for name in STARTS[kind].files}
    assert any("https://collab.example.com" in text for text in found.values())
    # Comments that say how a server of one's own is started are about this machine.
    assert f"cd {folder}" in output
    for line in STARTS[kind].run:
        assert line in output.replace("\n", " ") or line in output
    assert f"Then open {STARTS[kind].page} in two windows." in output


def test_react_is_installed_from_the_server(tmp_path: Path) -> None:
    assert ran("react", str(tmp_path))[0] == 0
    package = json.loads((tmp_path / "package.json").read_text())
    assert package["dependencies"]["collab-client"] == "http://127.0.0.1:8080/client/collab-client.tgz"
    assert set(package["scripts"]) == {"dev", "build"}


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    code, output = ran("vanilla", str(tmp_path))
    assert (code, "is not empty; allowed: a folder that is empty" in output) == (1, True)
    code, output = ran("vanilla", str(tmp_path / "mine"))
    assert (code, "is not empty" in output) == (1, True)
    assert written(tmp_path) == {"mine": "x"}


def test_a_kind_that_there_is_not_is_named(tmp_path: Path) -> None:
    code, output = ran("angular", str(tmp_path))
    assert code != 0
    assert "'react', 'vanilla', 'fastapi', 'django'" in output
