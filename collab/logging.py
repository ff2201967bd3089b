"""Logs: structlog, text or JSON on stderr; what is too much is counted, see :mod:`collab.observe.log_bounds`.

Lines carry document, session and participant, never tokens or content.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from collab.observe.log_bounds import LogBounds
from collab.observe.recent import note_line

#: characters of what others choose; more are cut off
_MAX_NAME = 200
#: characters of what a library says
_MAX_MESSAGE = 500
#: fields that others choose
_NAMES = ("participant", "document", "fault", "origin", "host")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


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


class _Output:
    """Where lines go. A disk that is full, or a pipe that nobody reads, costs lines and nobody who writes them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failed = 0
        self._tells = False

    def write(self, line: str) -> None:
        """Write, if that is possible."""
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            self._failed += 1

    def flush(self) -> None:
        """Every line was."""

    def tell(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A processor for structlog: in front of the next line stands how many could not be written."""
        if self._failed and not self._tells:
            self._tells, failed = True, self._failed
            log = structlog.get_logger("collab.log")
            log.warning("lines could not be written", count=failed)
            self._tells, self._failed = False, 0 if self._failed == failed else failed
        return event


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
    making: list[Any] = [_on_one_line, note_line, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    if text:
        making.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        )
    else:
        # Local variables of a traceback hold tokens and content.
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        making += [structlog.processors.ExceptionRenderer(traces), structlog.processors.JSONRenderer()]
    bounds, output = LogBounds(making), _Output(sys.stderr)
    atexit.register(bounds.tell)  # what was held back last
    structlog.configure(
        processors=[output.tell, structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, bounds],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", output)),
        cache_logger_on_first_use=False,  # the level may change while the server runs
    )
