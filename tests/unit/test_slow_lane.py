"""Updates of very many changes cost their sender time, and nobody else (rule S5)."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from collab.documents.costs import MAX_SUBDOCUMENTS, MAX_TANGLE
from collab.documents.document import Document
from collab.documents.merging import merge
from collab.errors import CollabError
from collab.hub import slow_lane
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.slow_lane import MANY_CHANGES
from collab.protocol.codec import write_var_bytes, write_var_uint
from collab.protocol.scan import ManyChanges
from collab.stores.memory import MemoryStore
from tests.support.heavy_updates import map_of, update_of, values_of

MIB = 2**20


LETTERS = values_of(20_000, 4, write_var_bytes(b"a"))
VALUES = values_of(8_000, 8, b"\x01\x7e")
KEY = map_of(4_000)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture
async def live() -> AsyncIterator[LiveDocument]:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    yield await hub.live("a")
    await hub.close()


async def apply(live: LiveDocument, update: bytes) -> int:
    """Apply, and wait until it is durable; returns the position."""
    durable: asyncio.Future[int | CollabError] = asyncio.get_running_loop().create_future()
    under_way = live.apply(update, durable.set_result, session=None, participant=None)
    if under_way is not None:
        await under_way
    result = await asyncio.wait_for(durable, 30)
    if isinstance(result, CollabError):
        raise result
    return result


@pytest.mark.slow
@pytest.mark.parametrize("update", [LETTERS, VALUES, KEY], ids=["letters", "values", "key"])
async def test_many_changes_take_little_memory_and_hold_nobody_up(live: LiveDocument, update: bytes) -> None:
    longest = 0.0

    async def look() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()  # of the loop's thread, so that a machine under load does not count
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - began)

    before = resident()
    looking = asyncio.create_task(look())
    position = await apply(live, update)
    looking.cancel()
    assert position > 0
    assert longest < 0.1, f"the loop stood still for {longest:.3f} s"
    assert resident() - before < 40 * MIB
    # It is all there, and again after a restart.
    assert live.document.clocks[5] in (20_000, 8_000, 4_000)
    stored = await live.journal.store.load("a")
    assert stored is not None
    again = Document.load(stored.snapshot, stored.tail)
    assert again.clocks == live.document.clocks
    assert again.content_hash() == live.document.content_hash()


@pytest.mark.slow
async def test_a_day_offline_arrives_whole(live: LiveDocument) -> None:
    """Every kind of edit, many times, merged into one update without making one struct of them."""
    doc: Doc[Any] = Doc()
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    text, items, notes = doc.get("text", type=Text), doc.get("items", type=Array), doc.get("notes", type=Map)
    for number in range(400):
        text.insert(len(str(text)) // 2, "ab\U0001f600"[: 1 + number % 3])
        items.insert(number // 2, {"n": number} if number % 2 else Map({"n": number}))
        notes[f"note {number % 7}"] = Text(str(number))
        if number % 5 == 0:
            del text[0:1]
            del items[0]
    merged = merge(updates)
    with pytest.raises(ManyChanges):
        Document().apply(merged, most=MANY_CHANGES)
    await apply(live, merged)
    expected = Document()
    for update in updates:
        expected.apply(update)
    assert live.document.content_hash() == expected.content_hash()


@pytest.mark.slow
async def test_it_is_refused_as_a_whole(live: LiveDocument) -> None:
    for damaged, code in (
        (LETTERS[:-1] + b"\1", "invalid_update"),
        (LETTERS[:-9], "invalid_update"),
        (values_of(600, 4, write_var_bytes(b"a"))[:-1] + b"\1\x05\1\0\0", "invalid_update"),
    ):
        with pytest.raises(CollabError) as caught:
            await apply(live, damaged)
        assert caught.value.code == code
        assert live.document.clocks == {}
    assert live.settled


async def test_what_builds_on_nothing_unknown_is_taken(live: LiveDocument) -> None:
    with pytest.raises(CollabError) as caught:
        await apply(live, values_of(600, 4, write_var_bytes(b"a"))[:-1] + b"\1\x07\1\0\1")
    assert caught.value.as_dict()["missing"] == [{"client": 7, "from": 0, "to": 1}]
    assert live.document.clocks == {5: 600}
    assert live.settled


@pytest.mark.slow
async def test_not_everything_may_wait(live: LiveDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_lane, "MAX_WAITING_BYTES", len(VALUES) + 10)
    first = asyncio.create_task(apply(live, VALUES))
    await asyncio.sleep(0)
    with pytest.raises(CollabError) as caught:
        await apply(live, VALUES)
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 2)
    await first
    await apply(live, VALUES)


@pytest.mark.slow
async def test_a_document_stays_open_while_something_is_under_way(live: LiveDocument) -> None:
    applying = asyncio.create_task(apply(live, KEY))
    await asyncio.sleep(0)
    assert not live.settled
    await applying
    await asyncio.sleep(0)
    assert live.settled


def test_sub_documents_are_counted() -> None:
    """Each takes 1 KB of memory and 30 us, however few bytes it is written in."""
    one = write_var_bytes(b"g") + b"\x76\x00"
    document = Document()
    document.apply(values_of(MAX_SUBDOCUMENTS - 1, 9, one))
    again = Document.load(document.encode(), [])
    for each in (document, again):
        with pytest.raises(CollabError) as caught:
            each.apply(update_of(*[b"\x09\x01\x01x" + one] * 2, client=7))
        assert caught.value.code == "document_too_large"
        assert caught.value.detail == {"limit": MAX_SUBDOCUMENTS, "scope": "document"}
        each.apply(update_of(b"\x09\x01\x01x" + one, client=7))
        # What is there already is not counted again.
        assert not each.apply(update_of(b"\x09\x01\x01x" + one, client=7))


def tangled(kind: str) -> Document:
    """A document that somebody has made as costly as they may."""
    document = Document()
    document.apply(update_of(b"\x04\x01\x01x" + write_var_bytes(b"a" * 40_000)))
    # Behind a letter in the middle, without saying in front of what; or: one key, again and again.
    structs = {
        "place": lambda number: b"\x84\x05" + write_var_uint(number * 7919 % 40_000) + write_var_bytes(b"b"),
        "key": lambda _number: b"\x28\x01\x01m\x01k\x01\x7e",
    }
    for number in range(40_000):
        try:
            document.apply(update_of(structs[kind](number), client=6, clock=number))
        except CollabError as error:
            assert error.code == "document_too_large"
            return document
    raise AssertionError("never refused")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["place", "key"])
def test_what_a_document_costs_is_bounded(kind: str) -> None:
    """20,000 such edits, 400 KB, would take the better part of a minute to load."""
    document = tangled(kind)
    began = time.thread_time()
    again = Document.load(document.encode(), [])
    assert time.thread_time() - began < 4 * MAX_TANGLE
    for each in (document, again):
        # Ordinary edits go on: in the middle of a text, and behind what oneself has typed.
        each.apply(update_of(b"\xc4\x05\x00\x05\x01" + write_var_bytes(b"honest"), client=7))
        each.apply(update_of(b"\x84\x07\x05" + write_var_bytes(b"y"), client=7, clock=6))


def test_taking_turns_at_the_end_is_free() -> None:
    document, left = Document(), b"\x04\x01\x01x"
    for number in range(3000):
        client = 5 + number % 2
        document.apply(update_of(left + write_var_bytes(b"a"), client=client, clock=number // 2))
        left = b"\x84" + bytes((client,)) + write_var_uint(number // 2)
    assert document._costs.tangle < MAX_TANGLE / 10
