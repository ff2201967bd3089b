"""The folder of a Y-Sweet server: its files are written here as ``sync_kv.rs`` and yrs-kvstore do, with real updates in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycrdt import Doc, Text

from collab.commands.others.y_sweet import read_map, y_sweet
from collab.content.reading import read


def bincode(entries: dict[bytes, bytes]) -> bytes:
    parts = [len(entries).to_bytes(8, "little")]
    for key, value in sorted(entries.items()):
        parts += [len(key).to_bytes(8, "little"), key, len(value).to_bytes(8, "little"), value]
    return b"".join(parts)


def document() -> bytes:
    doc: Doc[Text] = Doc()
    doc["body"] = Text("one")
    first, before = doc.get_update(), doc.get_state()
    doc["body"] += " two"
    number = (7).to_bytes(4, "big")
    return bincode(
        {
            b"\0\0doc\0": number,
            b"\0\1" + number + b"\0": first,
            b"\0\1" + number + b"\1": before,
            b"\0\1" + number + b"\2\0\0\0\1\0": doc.get_update(before),
            b"\0\1" + number + b"\3name\0": b"meta",
        }
    )


def test_states_and_the_updates_behind_them(tmp_path: Path) -> None:
    for name in ("notes", "team/more"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "data.ysweet").write_bytes(document())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "data.ysweet").write_bytes(document()[:-1])
    found = {one.name: one for one in y_sweet(tmp_path)}
    assert list(found) == ["bad", "notes", "team/more"]
    assert read(found["notes"].state or b"") == read(found["team/more"].state or b"") == {"body": "one two"}
    assert found["bad"].problem == "data.ysweet cannot be read: it ends too early"
    (alone,) = y_sweet(tmp_path / "notes")
    assert alone.name == "notes"


@pytest.mark.parametrize("data", [b"", b"\1", bincode({b"a": b"b"}) + b"x", b"\xff" * 8 + b"x" * 30])
def test_what_is_no_map(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"it ends too early|there is more than a map|it is no map"):
        read_map(data)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no data\.ysweet"):
        list(y_sweet(tmp_path))
