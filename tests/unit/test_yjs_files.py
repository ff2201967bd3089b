"""Files with Yjs updates as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycrdt import Doc, Text

from collab.commands.others.yjs_files import yjs_files
from collab.content.reading import read


def test_files_and_folders(tmp_path: Path) -> None:
    doc: Doc[Text] = Doc()
    doc["body"] = Text("one")
    first, before = doc.get_update(), doc.get_state()
    doc["body"] += " two"
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "notes.bin").write_bytes(doc.get_update())
    (tmp_path / "parts.2.bin").write_bytes(doc.get_update(before))
    (tmp_path / "parts.1.bin").write_bytes(first)
    (tmp_path / "v1.0.yjs").write_bytes(first)
    (tmp_path / ".hidden").write_bytes(b"x")
    (tmp_path / "readme.txt").write_text("no update")
    found = {one.name: one for one in yjs_files(tmp_path)}
    assert list(found) == ["parts", "readme", "team/notes", "v1"]
    assert read(found["team/notes"].state or b"") == read(found["parts"].state or b"") == {"body": "one two"}
    assert found["readme"].state is None
    (alone,) = yjs_files(tmp_path / "team" / "notes.bin")
    assert alone.name == "notes"


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no files"):
        list(yjs_files(tmp_path))
