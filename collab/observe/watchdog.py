"""A loop that stands still is said to, with what it does, and its process ends: whoever supervises it starts another.

Three things watch, each where the one before is blind. A thread counts for how long the loop was silent; it needs the
interpreter's lock. A timer of the kernel counts the CPU that the process took meanwhile; its signal is answered by C
code (``faulthandler``), so a call into a library that never returns is caught, too. And systemd hears of every beat
(``WatchdogSec``), for what takes neither.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import IO

import structlog

#: seconds between two signs of life
BEAT = 1.0
#: how the process ends
EXIT_CODE = 70

_log = structlog.get_logger("collab.watchdog")


class Watchdog:
    """Watches over the event loop that it is started in; one in a process.

    Args:
        patience: seconds of silence after which the process ends; time in which it was stopped does not count.
        end: ends it.
        errors: where the kernel's timer writes the stack.
        note: told why, before the end.
    """

    def __init__(
        self,
        patience: float,
        end: Callable[[], None] | None = None,
        errors: IO[str] | None = None,
        note: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self._patience = patience
        self._end = end or (lambda: os._exit(EXIT_CODE))
        self._errors = errors
        self._note = note
        self._silent = 0.0
        self._stopping = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._watched = 0

    def start(self) -> None:
        """Begin; to be called in the main thread, from the loop."""
        self._watched = threading.get_ident()
        errors = self._errors if self._errors is not None else sys.stderr
        faulthandler.register(signal.SIGPROF, file=errors, all_threads=False, chain=True)
        self._thread = threading.Thread(target=self._watch, name="collab-watchdog", daemon=True)
        self._thread.start()
        tell_systemd("READY=1")
        self._beat()

    def stop(self) -> None:
        """Watch no more. Idempotent."""
        if self._thread is None:
            return
        self._stopping.set()
        if self._timer is not None:
            self._timer.cancel()
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.unregister(signal.SIGPROF)
        self._thread.join()
        self._thread = None
        tell_systemd("STOPPING=1")

    def _beat(self) -> None:
        self._silent = 0.0
        # Of CPU: a process that was stopped took none.
        signal.setitimer(signal.ITIMER_PROF, self._patience + BEAT)
        tell_systemd("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(BEAT, self._beat)

    def _watch(self) -> None:
        step = min(BEAT, self._patience / 4)
        while not self._stopping.wait(step):
            # Not by a clock: it goes on while the process is stopped.
            self._silent += step
            if self._silent > self._patience + BEAT:
                try:
                    self._say(sys._current_frames().get(self._watched))
                finally:
                    self._end()
                return

    def _say(self, frame: FrameType | None) -> None:
        where = [line.strip() for line in traceback.format_stack(frame)]
        _log.critical("loop silent, the process ends", seconds=round(self._silent, 1), where=where)
        self._note("loop silent")


def tell_systemd(state: str) -> None:
    """Tell a systemd that started this process (``Type=notify``); nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        try:
            notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            _log.warning("systemd cannot be told", reason=str(error))
