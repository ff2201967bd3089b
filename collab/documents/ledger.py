"""Where a copy of a document stands in its log, and what a bell means for it. Pure: no I/O, no clock.

The log of a document has positions that rise one by one within an epoch. A copy is *at* a position
when it holds everything up to and including it. Bells come in any order, may be lost or come twice;
a copy goes on from bell to bell only without a gap, and reads the log everywhere else.
"""

from __future__ import annotations

from enum import Enum

from collab.protocol.bells import Bell


class Verdict(Enum):
    """What to do about a bell."""

    #: apply its updates, if they are somebody else's: the ledger has advanced over them
    APPLY = "apply"
    #: nothing: the copy has them already
    KNOWN = "known"
    #: read the log: entries are missing here, or the bell does not hold them, or the epoch is another
    READ = "read"


class Ledger:
    """The epoch and position of one copy.

    Attributes:
        epoch: which incarnation of the log the position belongs to; ``""`` where there is none yet.
        position: the copy holds every entry up to and including this one.
        lag: entries that the log had beyond it when last looked at.
    """

    __slots__ = ("_logged", "epoch", "lag", "position")

    def __init__(self, epoch: str = "", position: int = 0) -> None:
        self.epoch = epoch
        self.position = position
        self.lag = 0
        self._logged = ("", 0)

    @property
    def log(self) -> str:
        """The epoch of the log that has entries of ours or that the copy follows; ``""`` for none so far."""
        return self.epoch or self._logged[0]

    @property
    def floor(self) -> int:
        """The log was seen to reach at least this position: if it ends before, it has lost entries."""
        epoch, position = self._logged
        return max(self.position, position) if epoch == self.log else self.position

    def was_logged(self, epoch: str, position: int) -> None:
        """An entry of ours was logged at ``position`` of ``epoch``; its bell may still be on its way."""
        if epoch != self._logged[0] or position > self._logged[1]:
            self._logged = epoch, position

    def hear(self, bell: Bell, *, own: bool) -> Verdict:
        """Judge a bell, and advance over it if that leaves no gap.

        Args:
            own: the entries are our own, which the copy holds since before they were logged.
        """
        if bell.epoch != self.epoch:
            # The first entry that a document ever had: its copies are empty, and in no epoch.
            if self.log not in ("", bell.epoch) or bell.first != self.position + 1 or not (own or bell.updates):
                return Verdict.READ
            self.epoch, self.position = bell.epoch, bell.last
            return Verdict.APPLY
        if bell.last <= self.position:
            return Verdict.KNOWN
        if bell.first > self.position + 1 or not (own or bell.updates):
            return Verdict.READ
        self.position = bell.last
        return Verdict.APPLY

    def has_read(self, epoch: str, position: int) -> None:
        """The copy was brought to ``position`` of ``epoch`` by reading the log."""
        if epoch != self.epoch:
            self.epoch, self.position = epoch, position
        else:
            self.position = max(self.position, position)

    @property
    def mark(self) -> tuple[str, int]:
        """What is known of the log now, for :func:`continues`; take it *before* asking where the log ends.

        What is logged while the answer is under way is not in it, and not lost.
        """
        return self.log, self.floor

    def begin_anew(self) -> None:
        """The log is gone; the next one goes on behind the positions that this one had."""
        self.position = self.floor
        self.epoch, self._logged = "", ("", 0)


def continues(mark: tuple[str, int], epoch: str, position: int) -> bool:
    """Whether a log found at ``position`` of ``epoch`` is the one that a copy with ``mark`` follows, with nothing lost.

    False means that the log has lost entries that the copy holds: it was emptied, restored from an
    older backup, or replaced.
    """
    log, floor = mark
    return not log or (epoch == log and position >= floor)
