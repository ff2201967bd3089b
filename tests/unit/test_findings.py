"""What was found in an update has every field that the document asks for, and takes the same ids everywhere."""

from __future__ import annotations

from dataclasses import fields

from collab.protocol.findings import Scan
from collab.protocol.scan import scan


def test_an_empty_update_holds_nothing() -> None:
    found = scan(b"\0\0", {})
    empty = {field.name: getattr(found, field.name) for field in fields(Scan)}
    assert not any(empty.values()), empty


def test_ids_are_those_of_the_update() -> None:
    of_a_map = b"\x01\x02\x05\x07\x28\x01\x01m\x01k\x01\x7d\x01\x27\x01\x01m\x01l\x01\0"
    found = scan(of_a_map, {5: 7}, lambda _client, _clock: False, know_all=True)
    assert (found.ends, found.structs, found.new) == ({5: 9}, 2, True)
    assert found.keyed == [(5, 7, 1), (5, 8, 1)]
    assert found.containers == [(5, 8, 1)]
