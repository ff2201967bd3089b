"""The names that ``collab docs import --from`` knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.commands.others.kinds import KINDS


def test_the_names() -> None:
    assert list(KINDS) == [
        "hocuspocus-sqlite", "y-websocket-leveldb", "pycrdt-store-sqlite", "y-sweet-dir", "yjs-updates",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_not_there_is_no_traceback(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no |plyvel"):
        list(KINDS[kind](tmp_path / "none"))
