"""An update written again, with some of its structs changed, and the others byte for byte as they were."""

from __future__ import annotations

import pytest

from collab.protocol.codec import write_var_uint
from collab.protocol.rewriting import rewritten, write_id
from collab.protocol.yjs_structs import Id, StructReader
from tests.support.honest_updates import HonestCase, honest_cases

#: three structs of client 5, one of client 300, and a deletion
FIRST, SECOND, THIRD = b"\x04\x01\x01a\x02xy", b"\x84\x05\x01\x01z", b"\x84\x05\x02\x01w"
OTHER = b"\x04\x01\x01b\x01v"
DELETIONS = b"\x01\x05\x01\x00\x01"
UPDATE = b"\x02" + b"\x03\x05\x00" + FIRST + SECOND + THIRD + b"\x01\xac\x02\x07" + OTHER + DELETIONS


@pytest.mark.parametrize("case", honest_cases(), ids=lambda case: case.name)
def test_nothing_changed_is_the_same(case: HonestCase) -> None:
    for update in case.updates:
        assert rewritten(update, lambda reader, id, begin: None) == update


def test_every_struct_is_asked_for_with_its_id_and_place() -> None:
    seen: list[tuple[Id, bytes, int]] = []

    def change(reader: StructReader, id: Id, begin: int) -> None:
        seen.append((id, reader.data[begin : reader.at], reader.info))
        reader.at = 0  # where it is left does not matter

    assert rewritten(UPDATE, change) == UPDATE
    assert seen == [
        ((5, 0), FIRST, 0x04), ((5, 2), SECOND, 0x84), ((5, 3), THIRD, 0x84), ((300, 7), OTHER, 0x04),
    ]  # fmt: skip


def test_one_struct_may_become_several_and_they_are_counted() -> None:
    pieces = [b"\x04\x01\x01a\x01x", b"\x84\x05\x00\x01y"]
    changes = {(5, 0): pieces, (300, 7): [b"\x01\x01\x01b\x01"]}
    written = rewritten(UPDATE, lambda reader, id, begin: changes.get(id))
    assert written == (
        b"\x02"
        + b"\x04\x05\x00"
        + b"".join(pieces)
        + SECOND
        + THIRD
        + b"\x01\xac\x02\x07"
        + b"\x01\x01\x01b\x01"
        + DELETIONS
    )


@pytest.mark.parametrize("size", range(len(UPDATE) - len(DELETIONS)))
def test_what_ends_too_early_is_no_update(size: int) -> None:
    with pytest.raises((ValueError, IndexError)):
        rewritten(UPDATE[:size], lambda reader, id, begin: None)


def test_an_id_is_two_numbers() -> None:
    assert write_id((5, 300)) == b"\x05" + write_var_uint(300)
