"""A copy follows its log: bell by bell where there is no gap, by reading where there is, and by writing what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
from pycrdt import Doc, Text

from collab.cluster.local import LocalCluster
from collab.documents.document import Document
from collab.documents.ledger import Ledger
from collab.errors import CollabError
from collab.hub import follower as module
from collab.hub.follower import Follower
from collab.protocol.bells import Bell, Compacted, Deleted, Renewed
from collab.stores.base import LogSlice, Mark, StoredDocument

OURS, THEIRS = "our-node", "their-node"


class Log:
    """The log that nodes share, as far as a follower asks for it."""

    def __init__(self) -> None:
        self.epoch = "one"
        self.entries: list[bytes] = []
        self.deleted: tuple[str, ...] = ()
        self.resumed: list[bytes | None] = []
        self.renewed: list[tuple[str, int]] = []
        self.reads = 0
        self.broken = False
        self.followed = False

    def follow(self, document: str, ledger: Ledger, on_stray: Callable[[], None]) -> None:
        self.followed = True

    def unfollow(self, document: str, *, deleted: bool = False) -> None:
        self.followed = False

    def resume(self, document: str, seed: bytes | None) -> None:
        self.resumed.append(seed)
        if seed is not None:
            self.entries.append(seed)

    async def read(self, document: str, after: int) -> LogSlice:
        self.reads += 1
        if self.broken:
            raise CollabError("cluster_degraded")
        entries, position = self.entries[after:], len(self.entries)
        epoch = self.epoch if self.entries else ""
        return LogSlice(epoch, position, None, 0, entries, True, self.deleted, 0.0, 0.0)

    async def load(self, document: str) -> StoredDocument | None:
        if not self.entries:
            return None
        return StoredDocument(None, 0, list(self.entries), len(self.entries), 0.0, 0.0, epoch=self.epoch)

    async def renew(self, document: str, epoch: str, floor: int) -> None:
        self.renewed.append((epoch, floor))
        self.epoch = "two"

    async def probe(self, documents: Sequence[str]) -> list[Mark]:
        raise NotImplementedError


class Node(LocalCluster):
    """One of several."""

    def __init__(self) -> None:
        super().__init__()
        self.node = OURS


class Copy:
    """An open document, as far as a follower needs it; takes what is logged, notes how often it was loaded again."""

    def __init__(self) -> None:
        self.name = "notes"
        self.document = Document()
        self.journal = SimpleNamespace(position=0)
        self.journal.reached = lambda position: setattr(self.journal, "position", max(self.journal.position, position))
        self.people = SimpleNamespace(neighbours=None)
        self.streams = SimpleNamespace(counted=lambda _events: None)
        self.ledger: Ledger | None = None
        self.logged_since_snapshot = 0
        self.settled = True
        self.deleted = False
        self.logged_bytes = 0

    def take_logged(self, snapshot: bytes | None, updates: Sequence[bytes]) -> bool:
        for update in ([] if snapshot is None else [snapshot]) + list(updates):
            self.document.apply(update)
        return True

    @property
    def text(self) -> str:
        doc: Doc[Text] = Doc()
        text = doc.get("body", type=Text)
        doc.apply_update(self.document.diff(b"\0"))
        return str(text)


class World:
    """A log, somebody elsewhere who writes to it, and our copy with its follower."""

    def __init__(self) -> None:
        self.log, self.copy, self.cluster = Log(), Copy(), Node()
        self.deleted: list[str] = []
        self.follower = Follower("notes", self.log, self.cluster, self.deleted.append)  # type: ignore[arg-type]
        self.doc: Doc[Text] = Doc()
        self.body = self.doc.get("body", type=Text)

    def write(self, letters: str, *, small: bool = True) -> Bell:
        """Somebody elsewhere logs an edit; returns its bell."""
        before = self.doc.get_state()
        self.body.insert(len(self.body), letters)
        update = self.doc.get_update(before)
        self.log.entries.append(update)
        position = len(self.log.entries)
        return Bell(THEIRS, self.log.epoch, position, position, (update,) if small else ())

    def start(self) -> None:
        self.follower.start(self.copy, None)  # type: ignore[arg-type]

    async def in_line(self) -> None:
        async with asyncio.timeout(10):
            while not self.follower.in_line:
                await asyncio.sleep(0.001)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "FIRST_RETRY", 0.001)
    return World()


async def test_bells_without_a_gap_bring_it_forward_without_reading(world: World) -> None:
    world.start()
    for letter in "abc":
        world.follower.hear(world.write(letter))
    assert (world.copy.text, world.log.reads, world.copy.journal.position) == ("abc", 0, 3)


async def test_what_was_heard_before_the_copy_was_made_counts(world: World) -> None:
    bell = world.write("a")
    world.follower.hear(bell)
    world.start()
    assert world.copy.text == "a"


@pytest.mark.parametrize("late", ["a lost bell", "a bell without its updates"])
async def test_a_gap_is_read(world: World, late: str) -> None:
    world.start()
    world.follower.hear(world.write("a"))
    bell = world.write("b", small=late == "a lost bell")
    if late == "a lost bell":
        bell = world.write("c")
    world.follower.hear(bell)
    assert not world.follower.in_line
    await world.in_line()
    assert world.copy.text == str(world.body)
    assert world.log.reads == 1
    world.follower.hear(bell)
    assert world.log.reads == 1, "it knows that one"


async def test_our_own_bells_are_not_applied_again(world: World) -> None:
    world.start()
    bell = world.write("a")
    world.copy.take_logged(None, world.log.entries)
    world.follower.hear(Bell(OURS, bell.epoch, bell.first, bell.last))
    assert (world.copy.text, world.log.reads, world.follower.ledger.position) == ("a", 0, 1)


async def test_what_is_heard_while_the_log_is_read_comes_after_it(world: World) -> None:
    world.start()
    world.write("a")
    world.follower.catch_up()
    for letter in "bc":
        world.follower.hear(world.write(letter))
    await world.in_line()
    assert world.copy.text == "abc"


async def test_a_log_out_of_reach_is_read_when_it_is_back(world: World) -> None:
    world.start()
    world.write("a")
    world.log.broken = True
    world.follower.catch_up()
    async with asyncio.timeout(10):
        while world.log.reads < 3:
            await asyncio.sleep(0.001)
    world.log.broken = False
    await world.in_line()
    assert world.copy.text == "a"


async def test_what_it_lacks_is_counted_even_where_it_cannot_be_read(world: World) -> None:
    world.start()
    world.follower.hear(world.write("a"))
    world.write("b", small=False)
    world.log.broken = True
    world.follower.catch_up()
    world.follower.check(Mark("one", 2, ()), world.follower.ledger.mark)
    assert world.follower.ledger.lag == 1
    world.log.broken = False
    await world.in_line()
    world.follower.check(Mark("one", 2, ()), world.follower.ledger.mark)
    assert world.follower.ledger.lag == 0


async def test_a_log_that_was_emptied_is_written_again(world: World) -> None:
    """N8."""
    world.start()
    for letter in "ab":
        world.follower.hear(world.write(letter))
    world.log.entries.clear()
    world.follower.catch_up()
    await world.in_line()
    assert len(seeds := [seed for seed in world.log.resumed if seed is not None]) == 1
    assert world.log.entries == seeds
    other = Copy()
    other.take_logged(None, world.log.entries)
    assert other.text == "ab"


async def test_a_log_that_fell_back_gets_a_new_epoch_and_what_it_lacks(world: World) -> None:
    """N8."""
    world.start()
    for letter in "abc":
        world.follower.hear(world.write(letter))
    del world.log.entries[1:]
    world.follower.catch_up()
    await world.in_line()
    assert world.log.renewed == [("one", 3)]
    other = Copy()
    other.take_logged(None, world.log.entries)
    assert other.text == "abc"


async def test_a_new_epoch_of_the_log_is_looked_at(world: World) -> None:
    world.start()
    world.follower.hear(world.write("a"))
    world.log.epoch = "two"
    world.write("b")
    world.follower.hear(Renewed(THEIRS, "two"))
    await world.in_line()
    assert (world.copy.text, world.follower.ledger.epoch) == ("ab", "two")


async def test_a_deletion_elsewhere_is_told_once_it_concerns_this_document(world: World) -> None:
    world.start()
    world.follower.hear(world.write("a"))
    world.follower.hear(Deleted(THEIRS, "another incarnation"))
    assert world.deleted == []
    world.follower.hear(Deleted(THEIRS, "one"))
    assert world.deleted == ["notes"]


async def test_a_deletion_that_was_not_heard_is_found_by_reading(world: World) -> None:
    world.start()
    world.follower.hear(world.write("a"))
    world.log.entries.clear()
    world.log.deleted = ("one",)
    world.follower.catch_up()
    await world.in_line()
    assert (world.deleted, world.log.entries) == (["notes"], []), "and nobody brings it back"


async def test_compaction_elsewhere_spares_ours(world: World) -> None:
    world.start()
    for letter in "abc":
        world.follower.hear(world.write(letter))
    world.copy.logged_since_snapshot = 3
    world.follower.hear(Compacted(THEIRS, "one", 2))
    assert world.copy.logged_since_snapshot == 1


async def test_after_the_end_nothing_is_heard(world: World) -> None:
    world.start()
    world.follower.stop()
    world.follower.stop()
    world.follower.hear(world.write("a"))
    world.follower.catch_up()
    assert (world.copy.text, world.follower.in_line, world.log.followed) == ("", True, False)
