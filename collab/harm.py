"""Documents that have ended their process: written down, and after the second time not opened any more.

Beside the store, or where the system keeps state, are three small files: which document is being worked on
(:mod:`collab.hub.at_work`), what Python's ``faulthandler`` writes when native code ends the process or never returns,
and which documents have done harm. A process that is killed has the first and not the second, and blames nobody, unless
it was the kernel, for want of memory: it counts that, for each cgroup, and the count of the start stands in the first.
"""

from __future__ import annotations

import faulthandler
import hashlib
import mmap
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO, Final

import orjson
import structlog

from collab.config import Settings
from collab.hub.at_work import ROOM, Room, read
from collab.observe.memory_use import oom_kills
from collab.stores.redis_link import shown_url

#: times after which a document is not opened any more
MOST: Final = 2
#: lines of the fault's own words that the log gets
_LINES: Final = 30

_log = structlog.get_logger("collab.harm")


@dataclass(frozen=True, slots=True)
class Harmed:
    """How often a document has ended the process, and when it was noticed last, in seconds since the epoch."""

    times: int
    at: float


class Harm:
    """Remembers it.

    Args:
        base: what the names of the files begin with; None: nothing can be kept, and nobody is blamed.
        make: make the folder for them, for our eyes only.

    Attributes:
        at_work: where the hub says what it works on.
        faults: where stacks are written when the process ends in native code; None: on stderr.
    """

    def __init__(self, base: str | None, *, make: bool = False) -> None:
        self._base = base
        self._make = make
        self._known: dict[str, Harmed] = {}
        self.at_work: Room = bytearray(ROOM)
        self.faults: IO[str] | None = None

    @classmethod
    def of(cls, settings: Settings) -> Harm:
        """Beside a SQLite file; for Redis in systemd's ``StateDirectory``, or in the user's own folder of state.

        There a node is known by its name, or its port, and by its Redis. One without a name, and with a port that is
        picked anew at each start, has no notes.
        """
        if settings.redis is None:
            path = settings.store.removeprefix("sqlite:///")
            return cls(path if path != settings.store else None)
        name = f"node-{settings.node_name or settings.port}"
        state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        if state:
            return cls(os.path.join(state, name))
        if settings.node_name is None and not settings.port:
            return cls(None)
        home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        which = hashlib.sha256(shown_url(settings.redis).encode()).hexdigest()[:8]
        return cls(os.path.join(home, "collab", f"{name}-{which}"), make=True)

    def __contains__(self, document: object) -> bool:
        """Whether a document is in quarantine."""
        known = self._known.get(document) if isinstance(document, str) else None
        return known is not None and known.times >= MOST

    def __len__(self) -> int:
        return sum(each.times >= MOST for each in self._known.values())

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in self._known if name in self])

    def known(self, document: str) -> Harmed:
        """What is known of one in quarantine; KeyError for another."""
        return self._known[document]

    def open(self) -> None:
        """See what ended the process before this one, and begin to watch."""
        if self._base is None:
            return
        try:
            if self._make:
                os.makedirs(os.path.dirname(self._base), mode=0o700, exist_ok=True)
            self._known = self._recall()
            self._blame()
            self._begin(self._base)
        except (OSError, ValueError) as error:
            _log.warning("what ends the process cannot be noted", path=self._base, reason=str(error))
            self.at_work, self.faults = bytearray(ROOM), None
        for name in self:
            _log.warning("a document is in quarantine", document=name, times=self._known[name].times)

    def note(self, words: str) -> None:
        """The process is about to be ended by somebody who knows that it does not go on."""
        if self.faults is not None:
            self.faults.write(words + "\n")
            self.faults.flush()

    def release(self, document: str) -> bool:
        """Open it again from now on; False if it is not in quarantine."""
        if document not in self:
            return False
        del self._known[document]
        self._save()
        _log.info("a document is released from quarantine", document=document)
        return True

    def close(self) -> None:
        """The process ends as it should. Idempotent."""
        if self.faults is not None:
            faulthandler.disable()
            self.faults.close()
            self.faults = None

    def _begin(self, base: str) -> None:
        with open(f"{base}-at-work", "w+b") as room:
            room.truncate(ROOM)
            room.seek(ROOM)
            room.write(b"%d" % (oom_kills() or 0))
            room.flush()
            self.at_work = mmap.mmap(room.fileno(), ROOM)
        self.faults = open(f"{base}-faults", "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
        faulthandler.enable(self.faults, all_threads=False)

    def _blame(self) -> None:
        words = _content(f"{self._base}-faults").decode("utf-8", "replace").splitlines()[:_LINES]
        room = _content(f"{self._base}-at-work")
        if not words and _was_short_of_memory(room):
            words = ["ended by the kernel: out of memory"]
        if not words:
            return
        document = read(room)
        if document is None:
            _log.error("a fault ended the process before this one", where=words)
            return
        before = self._known.get(document, Harmed(0, 0.0))
        self._known[document] = Harmed(before.times + 1, time.time())
        self._save()
        _log.error(
            "a document ended the process before this one", document=document, times=before.times + 1, where=words
        )

    def _recall(self) -> dict[str, Harmed]:
        raw = _content(f"{self._base}-harm")
        return {name: Harmed(**each) for name, each in orjson.loads(raw).items()} if raw else {}

    def _save(self) -> None:
        fresh = f"{self._base}-harm.new"
        with open(fresh, "wb") as file:
            file.write(orjson.dumps({name: asdict(each) for name, each in self._known.items()}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, f"{self._base}-harm")


def _was_short_of_memory(room: bytes) -> bool:
    """Whether the kernel has ended a process of our cgroup since that one started, and it was in the midst of work."""
    before, now = room[ROOM:], oom_kills()
    return read(room) is not None and before.isdigit() and now is not None and now > int(before)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
