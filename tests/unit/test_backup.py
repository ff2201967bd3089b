"""The words of ``collab backup`` and ``collab restore``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from collab.commands.main import main


@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("flags", [["--store", "memory://"], ["--redis", "redis://127.0.0.1:1/0"]])
def test_only_a_file_can_be_copied(command: str, flags: list[str], tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, [command, str(tmp_path / "file"), *flags])
    assert ran.exit_code == 1
    assert "only sqlite:///PATH can be copied" in ran.output and "its own backup" in ran.output


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["backup", str(tmp_path / "file"), "--store", f"sqlite:///{tmp_path}/none.db"])
    assert ran.exit_code == 1
    assert "none.db is not there" in ran.output
    assert list(tmp_path.iterdir()) == []
