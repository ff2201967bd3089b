"""Of an update that builds on something unknown, what can be integrated is taken (D10)."""

from __future__ import annotations

import pytest

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.protocol.codec import write_var_uint
from collab.protocol.dependencies import MOST_NAMED, TakenInPart, what_integrates
from collab.stores.memory import MemoryStore

#: the first letter of a text, one behind the struct at an id, and clocks that somebody left out
FIRST = b"\x04\x01\x01t\x01a"
SKIP = b"\x0a"


def behind(client: int, clock: int, text: bytes = b"b") -> bytes:
    """A struct of one letter."""
    return b"\x84" + bytes((client, clock, len(text))) + text


def of(*sections: tuple[int, int, list[bytes]], deletes: bytes = b"\0") -> bytes:
    """An update: per section client, first clock and structs."""
    parts = [write_var_uint(len(sections))]
    for client, clock, structs in sections:
        parts += [write_var_uint(len(structs)), bytes((client, clock)), *structs]
    return b"".join([*parts, deletes])


KNOWN = of((1, 0, [FIRST, behind(1, 0), behind(1, 1)]))


def known() -> Document:
    """A document with three letters of client 1."""
    document = Document()
    document.apply(KNOWN)
    return document


@pytest.mark.parametrize(
    ("update", "missing", "clocks", "behind_gaps"),
    [
        (of((1, 5, [behind(1, 4)])), {1: (3, 5)}, {1: 3}, {}),
        (of((1, 5, [behind(1, 2)])), {}, {1: 3}, {1: [(5, 6)]}),
        (of((1, 5, [behind(1, 4)]), (2, 0, [behind(1, 0)])), {1: (3, 5)}, {1: 3, 2: 1}, {}),
        (of((2, 0, [behind(1, 0), behind(9, 4), behind(2, 0)])), {9: (0, 5)}, {1: 3, 2: 1}, {2: [(2, 3)]}),
        (of((2, 0, [behind(3, 0)]), (3, 0, [behind(9, 0)])), {9: (0, 1)}, {1: 3}, {}),
        (of((2, 0, [behind(3, 0)]), (3, 0, [behind(1, 2), behind(9, 0)])), {9: (0, 1)}, {1: 3, 2: 1, 3: 1}, {}),
        (of((1, 3, [behind(1, 2), SKIP + b"\x04", behind(1, 3)])), {}, {1: 4}, {1: [(8, 9)]}),
        (of((1, 3, [behind(1, 2), SKIP + b"\x04", behind(1, 7)])), {1: (4, 8)}, {1: 4}, {}),
        (of((1, 0, [SKIP + b"\x03", behind(1, 2)])), {}, {1: 4}, {}),
        (of((1, 0, [FIRST, SKIP + b"\x01", behind(1, 1), behind(1, 2)])), {}, {1: 4}, {}),
        (of((1, 0, [SKIP + b"\x07"])), {}, {1: 3}, {}),
        (of((2, 7, [behind(1, 0)]), (3, 0, [behind(2, 7), behind(2, 6)])), {2: (0, 7)}, {1: 3, 3: 1}, {2: [(7, 8)]}),
        (of((2, 0, [behind(2, 0)]), (3, 0, [behind(1, 0)])), {2: (0, 1)}, {1: 3, 3: 1}, {}),
        (of((2, 0, [behind(2, 1), behind(1, 0)])), {2: (0, 1)}, {1: 3}, {2: [(1, 2)]}),
        (of((1, 3, [behind(1, 2)]), deletes=b"\x01\x02\x01\x00\x02"), {2: (0, 2)}, {1: 4}, {}),
        (of(deletes=b"\x01\x01\x01\x01\x09"), {1: (3, 10)}, {1: 3}, {}),
        (of((1, 5, [behind(1, 2)]), deletes=b"\x01\x01\x01\x02\x04"), {1: (3, 5)}, {1: 3}, {1: [(5, 6)]}),
    ],
    ids=["behind what is missing", "a gap", "another client", "behind something", "in a chain", "half a chain", "a skip",
         "a skip and behind it", "a skip of what is known", "a skip inside what is known", "nothing but a skip",
         "behind and in the gap of another", "behind itself", "behind its own later", "a deletion", "half a deletion",
         "a deletion over a gap"],
)  # fmt: skip
def test_what_is_taken_and_what_is_missing(
    update: bytes,
    missing: dict[int, tuple[int, int]],
    clocks: dict[int, int],
    behind_gaps: dict[int, list[tuple[int, int]]],
) -> None:
    document = known()
    part, found = what_integrates(update, document.known)
    assert found == missing
    if missing:
        with pytest.raises(CollabError) as caught:
            document.apply(update, in_part=True)
        assert caught.value.code == "missing_dependencies"
    else:
        assert document.apply(update) is (part != b"\0\0")
    assert document.clocks == clocks
    assert document.known.behind == behind_gaps
    assert not document.poisoned
    again = Document.load(KNOWN, [document.taken] if document.taken else [])
    assert again.content_hash() == document.content_hash(), "what the log gets is what was taken"
    assert again.known == document.known
    assert Document.load(document.snapshot(), []).known == document.known
    again = known()
    if part != b"\0\0":
        again.apply(part)
    assert again.content_hash() == document.content_hash()


def test_the_error_says_what_is_missing_and_whether_anything_was_taken() -> None:
    document = known()
    with pytest.raises(TakenInPart) as caught:
        document.apply(of((1, 5, [behind(1, 4)]), (2, 0, [behind(1, 0)])), in_part=True)
    error = caught.value.as_dict()
    assert error["missing"] == [{"client": 1, "from": 3, "to": 5}]
    assert error["taken"] is True
    with pytest.raises(TakenInPart) as caught:
        document.apply(of((1, 5, [behind(1, 4)]), (2, 0, [behind(1, 0)])), in_part=True)
    assert caught.value.as_dict()["taken"] is False, "it is known by now"
    many = of(
        *[(2, 1, [behind(100, 0)]), *[(client, 9, [behind(client, 8)]) for client in range(3, 123) if client != 100]]
    )
    with pytest.raises(TakenInPart) as caught:
        document.apply(many)
    error = caught.value.as_dict()
    assert (len(error["missing"]), error["missing_more"]) == (MOST_NAMED, 20)


def test_whoever_does_not_ask_for_it_gets_all_or_nothing() -> None:
    document = known()
    with pytest.raises(TakenInPart) as caught:
        document.apply(of((1, 5, [behind(1, 4)]), (2, 0, [behind(1, 0)])))
    assert caught.value.taken == b""
    assert document.clocks == {1: 3}


def test_a_damaged_update_is_not_taken_in_part() -> None:
    document = known()
    for damaged in (
        of((2, 0, [behind(1, 0)]), (1, 5, [b"\x1f\x00"])),
        of((2, 0, [behind(1, 0)]), (1, 5, [behind(1, 4)])) + b"\0",
        of((2, 0, [b"\x04\x00\x01\x00\x01x"]), (1, 5, [behind(1, 4)])),  # a child of a letter
    ):
        with pytest.raises(CollabError) as caught:
            document.apply(damaged, in_part=True)
        assert caught.value.code == "invalid_update"
        assert document.clocks == {1: 3}


async def test_what_was_taken_is_logged_and_no_ack_says_that_all_is() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    live.apply(KNOWN, nobody_waits, session=None, participant=None)
    said: list[object] = []
    with pytest.raises(CollabError) as caught:
        live.apply(of((1, 5, [behind(1, 4)]), (2, 0, [behind(1, 0)])), said.append, session=None, participant=None)
    assert caught.value.code == "missing_dependencies"
    assert await live.journal.drain(5.0)
    assert said == []
    stored = await hub.store.load("a")
    assert stored is not None
    assert Document.load(stored.snapshot, stored.tail).clocks == {1: 3, 2: 1}
    await hub.close()
