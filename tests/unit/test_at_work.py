"""Which document is being worked on stands where another process can read it."""

from __future__ import annotations

import pytest

from collab.hub.at_work import NOTHING, ROOM, NoQuarantine, mark, read


@pytest.mark.parametrize("name", ["notes", "ä" * 255, "😀" * 512])
def test_what_begins_is_read_until_it_ends(name: str) -> None:
    room = bytearray(ROOM)
    assert read(bytes(room)) is None
    for each in (name, "b"):
        room[: len(mark(each))] = mark(each)
        assert read(bytes(room)) == each
    room[:2] = NOTHING
    assert read(bytes(room)) is None


@pytest.mark.parametrize("room", [b"", b"\0", b"\0\5abc", b"\xff\xff" + b"a" * 100, b"\0\1\xff"])
def test_what_is_no_name_is_none(room: bytes) -> None:
    assert read(room) is None


def test_without_a_place_nothing_is_in_quarantine() -> None:
    nothing = NoQuarantine()
    assert (len(nothing), list(nothing), "notes" in nothing, nothing.release("notes")) == (0, [], False, False)
