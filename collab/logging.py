"""Logs: structlog, text or JSON on stderr; a line that repeats is written a few times, then counted.

Lines carry document, session and participant, never tokens or content.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any

import structlog

from collab.observe.recent import note_line

#: lines of one kind that are written in one window of ``_WINDOW`` seconds
_BURST = 20
#: lines of those that may be of one offender
_BURST_EACH = 5
#: people come and go more often than something goes wrong, and whoever has ten documents open comes ten times
_BURSTS = dict.fromkeys(("session joined", "session left"), (40, 10))
#: fields that say whose line it is
_OFFENDERS = ("participant", "connection", "document", "address")
#: characters of what others choose; more are cut off
_MAX_NAME = 200
#: characters of what a library says
_MAX_MESSAGE = 500
#: fields that others choose
_NAMES = ("participant", "document", "fault", "origin", "host")
#: offenders that are remembered
_MAX_WINDOWS = 5000
#: seconds within which lines of one offender are counted
_WINDOW = 10.0
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Bounded:
    """Drops lines of one event beyond a burst, and says later how many it dropped.

    Of one offender (a participant, a connection, a document) fewer lines of one event are written than of
    all together, so that a noisy one does not hide the others.
    """

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        words = str(event.get("event"))
        burst, burst_each = _BURSTS.get(words, (_BURST, _BURST_EACH))
        for key in _OFFENDERS:
            if key in event:
                self._count(event, (words, key, str(event[key])), burst_each)
                break
        self._count(event, (words,), burst)
        return event

    def _count(self, event: MutableMapping[str, Any], key: tuple[str, ...], burst: int) -> None:
        now = time.monotonic()
        began, count = self._windows.pop(key, (now, 0))
        if now - began > _WINDOW:
            if count > burst:
                event["left_out"] = event.get("left_out", 0) + count - burst
            began, count = now, 0
        count += 1
        self._windows[key] = began, count
        if len(self._windows) > _MAX_WINDOWS:
            self._windows.popitem(last=False)
        if count > burst:
            raise structlog.DropEvent


def _on_one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Names that others chose neither steer a terminal nor fill the log."""
    for key in _NAMES:
        name = event.get(key)
        if isinstance(name, str):
            name = name[:_MAX_NAME]
            event[key] = name if name.isprintable() else name.encode("unicode_escape").decode()
    return event


class _OfLibraries(logging.Handler):
    """What libraries and Python itself write becomes lines like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        level = next((word for word, number in reversed(_LEVELS.items()) if record.levelno >= number), "debug")
        getattr(log, level)(
            "a library says", logger=record.name, message=record.getMessage()[:_MAX_MESSAGE], exc_info=record.exc_info
        )


def catch_the_rest() -> None:
    """Let everything that would be written to stderr otherwise be written by us: what libraries log, warnings,
    exceptions that nobody catches."""
    log = structlog.get_logger("collab.process")
    logging.basicConfig(handlers=[_OfLibraries()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)

    def uncaught(what: str, error: BaseException | None) -> None:
        log.error("nobody caught this", where=what, exc_info=error)

    sys.excepthook = lambda _type, error, _trace: uncaught("main", error)
    threading.excepthook = lambda args: uncaught(str(args.thread and args.thread.name), args.exc_value)
    sys.unraisablehook = lambda args: uncaught("finaliser", args.exc_value)


def configure_logging(format: str | None, level: str) -> None:
    """Send logs to stderr.

    Args:
        format: ``text`` or ``json``; None chooses text on a terminal.
        level: the least level that is written.
    """
    # aiohttp writes every bad request, parts of it included, as often as somebody sends one.
    logging.getLogger("aiohttp").disabled = True
    for name in ("aiohttp.access", "aiohttp.server", "aiohttp.web", "aiohttp.websocket", "aiohttp.internal"):
        logging.getLogger(name).disabled = True
    text = (format or ("text" if sys.stderr.isatty() else "json")) == "text"
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _Bounded(),
        _on_one_line,
        note_line,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if text:
        processors.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        )
    else:
        # Local variables of a traceback hold tokens and content.
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors += [structlog.processors.ExceptionRenderer(traces), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # the level may change while the server runs
    )
