"""A log that nobody outside can fill: which lines are written, and what is said of those that are not.

Three bounds, each narrower than the log of a quiet server ever gets:

- of one offender (a participant, a connection, a document, an address), and of all together, a few lines of one event
  in ten seconds;
- :data:`RATE` bytes a second of everything that outsiders can provoke, however many ways and addresses they have.
  Above it the first line of each event is still written once a minute, and from :data:`RESERVE` the first one of each
  event and address, so that an attack and whence it comes are named beside another one.

What an operator has to know (:data:`FOR_OPERATORS`, and whatever lasts) is not counted against the bytes. What was
held back is counted: on the next line of its event (``left_out``), or in a line of its own once it is over.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, MutableMapping, Sequence
from contextvars import Context
from typing import Any, NoReturn

import structlog

from collab import incidents
from collab.hub.limits import Bucket

#: lines of one event that are written in one window of :data:`WINDOW` seconds
BURST = 20
#: lines of those that may be of one offender
BURST_EACH = 5
#: people come and go more often than something goes wrong, and whoever has ten documents open comes ten times; one
#: page makes several requests
BURSTS = {"session joined": (40, 10), "session left": (40, 10), "request refused": (20, 10)}
#: seconds within which lines of one offender are counted
WINDOW = 10.0
#: offenders that are remembered
MAX_WINDOWS = 5000
#: bytes a second of all that outsiders can provoke, and bytes that may come at once after a quiet time
RATE, AT_ONCE = 650.0, 32_000.0
#: bytes a second, and at once, beyond those, for the first line of an event and an address
RESERVE, RESERVE_AT_ONCE = 250.0, 16_000.0
#: seconds after which an event is written whatever there is left, and an address is news again
EVENT_AGAIN, ADDRESS_AGAIN = 60.0, 600.0
#: seconds without a line held back after which it is over; what goes on for longer than the second is told meanwhile
QUIET, TOLD_EVERY = 10.0, 60.0
#: addresses that are counted; how many of them, and of events, are told: those with most
_MOST_ADDRESSES, _ADDRESSES_TOLD, _EVENTS_TOLD = 1000, 5, 20
#: fields that say whose line it is
_OFFENDERS = ("participant", "connection", "document", "address")

#: what an operator has to know, and nobody outside can bring about again and again; beside all that lasts
FOR_OPERATORS = frozenset({
    "lines were held back", "lines could not be written",
    # the process
    "draining", "drained", "stopped with unsaved edits", "ended at once", "settings reloaded", "settings not reloaded",
    "a setting is unwise", "a slower way is used: this aiohttp was never tested with collab", "systemd cannot be told",
    "the limit of open files cannot be raised", "an administrator did something",
    # what has harmed it
    "a document is in quarantine", "a document is released from quarantine", "what ends the process cannot be noted",
    "a document ended the process before this one", "a fault ended the process before this one",
    # the store
    "appends failed", "an append was answered, and then something failed", "document is damaged",
    "document cannot be read again", "an update in the log cannot be applied", "the database file is gone",
    "the database file cannot be had again", "there is a database file again", "looking after the database file failed",
    "the log has lost entries: they are written again", "a stream has lost events", "the store is full",
    "the store has room again",
    # the cluster
    "waiting for Redis", "Redis answers", "one node of a cluster", "a node has left", "left without a word",
    "in a cluster documents live in Redis; this store is not used", "bells are out of reach",
    "copies of a document differ: it is read again", "a document cannot follow its log",
    # others that it needs
    "published keys have changed", "a webhook is disabled", "a webhook has failed for good",
})  # fmt: skip

_log = structlog.get_logger("collab.log")


class LogBounds:
    """A processor for structlog that lets lines through, and has ``rest`` make what is written of them.

    Args:
        rest: the processors that make a line; the last one gives it as text.
    """

    def __init__(self, rest: Sequence[Any]) -> None:
        self._rest = rest
        self._lock = threading.Lock()
        self._windows: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()
        self._all = Bucket(RATE, AT_ONCE / RATE, time.monotonic)
        self._reserve = Bucket(RESERVE, RESERVE_AT_ONCE / RESERVE, time.monotonic)
        #: event, or event and address -> when a line of it was written
        self._written: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._events: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self._since = self._last = self._told = 0.0
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        """Write a line, or raise ``DropEvent``."""
        with self._lock:
            bucket = self._bucket_for(event)
        line: Any = event
        for step in self._rest:
            line = step(logger, method, line)
        if bucket is not None:
            with self._lock:
                bucket.spend(len(line.encode(errors="replace")) + 1)
        return line

    # -- what is written ------------------------------------------------------------------------

    def _bucket_for(self, event: MutableMapping[str, Any]) -> Bucket | None:
        """Where the bytes of a line are taken from; None: it costs nothing."""
        words = str(event.get("event"))
        burst, burst_each = BURSTS.get(words, (BURST, BURST_EACH))
        for key in _OFFENDERS:
            if key in event:
                if self._count((words, key, str(event[key]))) > burst_each:
                    self._hold_back(words, event)
                break
        count = self._count((words,))
        bucket: Bucket | None = None
        if words not in FOR_OPERATORS and words not in incidents.NAMES:
            bucket = self._pays(words, event, within=count <= burst)
        elif count > burst:
            self._hold_back(words, event)
        if count == 1 and self._events[words]:
            event["left_out"] = self._events.pop(words)
        return bucket

    def _count(self, key: tuple[str, ...]) -> int:
        """How many there were in this window, with this one."""
        now = time.monotonic()
        began, count = self._windows.pop(key, (now, 0))
        if now - began > WINDOW:
            began, count = now, 0
        self._windows[key] = began, count + 1
        if len(self._windows) > MAX_WINDOWS:
            self._windows.popitem(last=False)
        return count + 1

    def _pays(self, words: str, event: Mapping[str, Any], *, within: bool) -> Bucket:
        """The bucket for a line that outsiders can provoke; ``within`` the bound of its event."""
        now = time.monotonic()
        of_event, of_address = (words,), (words, str(event.get("address", "")))
        if within and (self._all.spend(0) == 0 or self._news(of_event, now, EVENT_AGAIN)):
            bucket = self._all
        elif "address" in event and self._news(of_address, now, ADDRESS_AGAIN) and self._reserve.spend(0) == 0:
            bucket = self._reserve
        else:
            self._hold_back(words, event)
        for key in (of_event, of_address):
            self._written[key] = now
            self._written.move_to_end(key)
        while len(self._written) > MAX_WINDOWS:
            self._written.popitem(last=False)
        return bucket

    def _news(self, key: tuple[str, ...], now: float, again: float) -> bool:
        return key not in self._written or now - self._written[key] >= again

    # -- what is not ----------------------------------------------------------------------------

    def _hold_back(self, words: str, event: Mapping[str, Any]) -> NoReturn:
        now = time.monotonic()
        if not self._events:
            self._since = self._told = now
            self._addresses.clear()
        self._last = now
        self._events[words] += 1
        address = str(event.get("address", ""))
        if address and (address in self._addresses or len(self._addresses) < _MOST_ADDRESSES):
            self._addresses[address] += 1
        self._look_later()
        raise structlog.DropEvent

    def _look_later(self) -> None:
        """Only the loop's own lines see to it that somebody looks; they are those that outsiders provoke."""
        if self._timer is not None and not self._timer[0].is_closed():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        # Not in the context of the request whose line it was: what is told is not of that one.
        self._timer = loop, loop.call_later(QUIET, self._look, context=Context())

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        if now - self._last >= QUIET or now - self._told >= TOLD_EVERY:
            self.tell()
        with self._lock:
            if self._events:
                self._look_later()

    def tell(self) -> None:
        """Say what was held back and not said yet."""
        with self._lock:
            events, addresses = self._events, self._addresses
            self._events, self._addresses = Counter(), Counter()
            seconds, self._told = self._last - self._since, time.monotonic()
            self._since = self._told
        if events:
            _log.warning(
                "lines were held back",
                lines=events.total(), seconds=round(seconds, 1), events=dict(events.most_common(_EVENTS_TOLD)),
                addresses=[address for address, _ in addresses.most_common(_ADDRESSES_TOLD)],
            )  # fmt: skip
