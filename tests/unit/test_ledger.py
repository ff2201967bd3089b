"""Copies that follow one log: whatever happens to the bells and to the log, each holds what its position says."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import pytest

from collab.documents.ledger import Ledger, Verdict, continues
from collab.protocol.bells import Bell

SEEDS = int(os.environ.get("COLLAB_TEST_SEEDS", "300"))
Edit = tuple[int, int]


@dataclass
class Log:
    """The log as Redis keeps it: entries by position behind a snapshot; each entry is a set of edits."""

    epoch: str = ""
    position: int = 0
    snapshot: set[Edit] = field(default_factory=set)
    snapshot_position: int = 0
    entries: dict[int, set[Edit]] = field(default_factory=dict)
    epochs: int = 0

    def renew(self) -> None:
        self.epochs += 1
        self.epoch = f"e{self.epochs}"

    def holds(self, position: int) -> set[Edit]:
        """Everything up to ``position``."""
        return self.snapshot.union(*(edits for at, edits in self.entries.items() if at <= position))


@dataclass
class Copy:
    """One node's copy; the same steps as :class:`collab.hub.follower.Follower`, without waiting."""

    name: str
    log: Log
    world: World
    ledger: Ledger = field(default_factory=Ledger)
    edits: set[Edit] = field(default_factory=set)
    waiting: list[Edit] = field(default_factory=list)

    def edit(self, edit: Edit) -> None:
        self.edits.add(edit)
        self.waiting.append(edit)

    def append(self) -> None:
        """What the script does, and what is done about its refusals."""
        if not self.waiting:
            return
        log, expected = self.log, self.ledger.log
        if expected and (log.epoch != expected or log.position < self.ledger.floor):
            self.read()
            return
        if not log.epoch:
            log.renew()
            log.position = max(log.position, self.ledger.floor)
        first = log.position + 1
        for edit in self.waiting:
            log.position += 1
            log.entries[log.position] = {edit}
        small = self.world.rng.random() < 0.8
        updates = tuple(b"%d.%d" % edit for edit in self.waiting) if small else ()
        self.world.ring(Bell(self.name, log.epoch, first, log.position, updates))
        self.ledger.was_logged(log.epoch, log.position)
        self.waiting = []

    def hear(self, bell: Bell) -> None:
        before = self.ledger.epoch, self.ledger.position
        verdict = self.ledger.hear(bell, own=bell.node == self.name)
        if verdict is Verdict.APPLY:
            assert bell.first <= (before[1] if before[0] else bell.first) + 1, "over a gap"
            if bell.node != self.name:
                assert bell.updates
                self.edits.update((int(a), int(b)) for a, b in (update.split(b".") for update in bell.updates))
        elif verdict is Verdict.READ:
            self.read()
        else:
            assert (self.ledger.epoch, self.ledger.position) == before

    def read(self) -> None:
        log, ledger = self.log, self.ledger
        if not continues(ledger.mark, log.epoch, log.position):
            if log.epoch == ledger.log:
                log.renew()
                log.position = max(log.position, ledger.floor)
            self.edits |= log.holds(log.position)
            missing = self.edits - log.holds(log.position)
            if not log.epoch:
                log.renew()
                log.position = max(log.position, ledger.floor)
            ledger.begin_anew()
            if missing:
                log.position += 1
                log.entries[log.position] = missing
                self.world.ring(Bell(self.name, log.epoch, log.position, log.position, ()))
        elif not log.epoch:
            return
        self.edits |= log.holds(log.position)
        ledger.has_read(log.epoch, log.position)

    def compare(self) -> None:
        """After a reconnect content is compared: positions may have been used anew before we looked."""
        self.check()
        self.edits |= self.log.holds(self.log.position)
        missing = self.edits - self.log.holds(self.log.position) - set(self.waiting)
        if missing:
            self.waiting = [*missing, *self.waiting]
            self.append()

    def check(self) -> None:
        """The timer."""
        if self.log.epoch != self.ledger.epoch or self.log.position != self.ledger.position:
            self.read()


class World:
    """A log, copies of it, and bells on their way."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.log = Log()
        self.copies = [Copy(name, self.log, self) for name in ("a", "b", "c")]
        self.bells: dict[str, list[Bell]] = {copy.name: [] for copy in self.copies}
        self.number = 0
        self.trimmed: dict[int, set[Edit]] = {}

    def ring(self, bell: Bell) -> None:
        for queue in self.bells.values():
            if self.rng.random() > 0.15:
                queue.append(bell)
                if self.rng.random() < 0.1:
                    queue.append(bell)

    def step(self) -> None:
        rng, copy = self.rng, self.rng.choice(self.copies)
        queue = self.bells[copy.name]
        choice = rng.random()
        if choice < 0.35:
            self.number += 1
            copy.edit((self.copies.index(copy), self.number))
        elif choice < 0.6:
            copy.append()
        elif choice < 0.9 and queue:
            copy.hear(queue.pop(0 if rng.random() < 0.8 else rng.randrange(len(queue))))
        elif choice < 0.93:
            copy.check()
        elif choice < 0.96 and self.log.epoch:
            at = rng.randint(self.log.snapshot_position, self.log.position)
            self.log.snapshot = self.log.holds(at)
            self.log.snapshot_position = at
            self.trimmed |= {position: edits for position, edits in self.log.entries.items() if position <= at}
            self.log.entries = {position: edits for position, edits in self.log.entries.items() if position > at}
        elif choice < 0.97:
            self.flush()
        elif choice < 0.98:
            self.fall_back()

    def flush(self) -> None:
        self.log.epoch, self.log.position, self.log.snapshot_position = "", 0, 0
        self.log.snapshot, self.log.entries = set(), {}
        self.trimmed = {}

    def fall_back(self) -> None:
        """Lose the last entries, as a backup does; the nodes notice before they write, or by the timer."""
        if self.log.epoch and self.log.position > self.log.snapshot_position:
            self.log.position -= self.rng.randint(1, self.log.position - self.log.snapshot_position)
            self.log.entries = {at: edits for at, edits in self.log.entries.items() if at <= self.log.position}
            for copy in self.copies:  # a restart of Redis cuts every connection, after which all compare
                self.bells[copy.name].clear()
            for copy in self.copies:
                copy.compare()

    def hold_true(self) -> None:
        for copy in self.copies:
            at, log = copy.ledger.position, self.log
            if copy.ledger.epoch and copy.ledger.epoch == log.epoch:
                entries = {**self.trimmed, **log.entries}
                missing = set().union(*(edits for position, edits in entries.items() if position <= at)) - copy.edits
                assert not missing, f"{copy.name} is at {copy.ledger.position} and lacks {missing}"


@pytest.mark.parametrize("block", range(10))
@pytest.mark.slow
def test_copies_hold_what_their_position_says_and_converge(block: int) -> None:
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        world = World(seed)
        try:
            for _ in range(200):
                world.step()
                world.hold_true()
            for _ in range(4):
                for copy in world.copies:
                    copy.append()
                    copy.check()
            everything = set().union(*(copy.edits for copy in world.copies))
            for copy in world.copies:
                assert copy.edits == everything
                assert not copy.waiting
            assert world.log.holds(world.log.position) == everything
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def bell(first: int, last: int, epoch: str = "e", *, whole: bool = True) -> Bell:
    return Bell("other", epoch, first, last, (b"x",) * (last - first + 1) if whole else ())


@pytest.mark.parametrize(
    ("at", "heard", "verdict", "position"),
    [
        (5, bell(6, 6), Verdict.APPLY, 6), (5, bell(6, 9), Verdict.APPLY, 9), (5, bell(4, 7), Verdict.APPLY, 7),
        (5, bell(5, 5), Verdict.KNOWN, 5), (5, bell(1, 3), Verdict.KNOWN, 5), (5, bell(7, 7), Verdict.READ, 5),
        (5, bell(6, 6, whole=False), Verdict.READ, 5), (5, bell(6, 6, "f"), Verdict.READ, 5),
    ],
)  # fmt: skip
def test_verdicts(at: int, heard: Bell, verdict: Verdict, position: int) -> None:
    ledger = Ledger("e", at)
    assert ledger.hear(heard, own=False) is verdict
    assert (ledger.epoch, ledger.position) == ("e", position)


def test_the_first_entry_of_all_needs_no_reading() -> None:
    ledger = Ledger()
    assert ledger.hear(bell(1, 2), own=False) is Verdict.APPLY
    assert (ledger.epoch, ledger.position) == ("e", 2)
    late = Ledger()
    assert late.hear(bell(2, 2), own=False) is Verdict.READ
    assert Ledger().hear(bell(1, 1, whole=False), own=True) is Verdict.APPLY


def test_an_emptied_replaced_or_older_log_does_not_continue() -> None:
    mark = Ledger("e", 5).mark
    assert continues(mark, "e", 5)
    assert continues(mark, "e", 9)
    assert not continues(mark, "e", 4)
    assert not continues(mark, "f", 9)
    assert not continues(mark, "", 0)
    assert continues(Ledger().mark, "f", 9)
