"""``collab serve --supervise``: a server that ends by itself is started again, where nobody else does that."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

import structlog

#: seconds: whoever lived for so long had begun well
WELL = 10.0
#: seconds between an end and the next start, doubled while it does not live long
PAUSE = 0.2
MOST_PAUSE = 10.0
#: what is handed on
_SIGNALS = (
    signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip

_log = structlog.get_logger("collab.supervise")


def supervise(command: Sequence[str]) -> int:
    """Run ``command`` until it ends well, or is asked to end; returns its exit code.

    A first start that fails within seconds is not repeated: a setting is wrong. To be called in the main thread.
    """
    child: subprocess.Popen[bytes] | None = None
    asked = False

    def hand_on(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = asked or number != signal.SIGHUP
        if child is not None and child.poll() is None:
            child.send_signal(number)

    for number in _SIGNALS:
        signal.signal(number, hand_on)
    pause, began_well = PAUSE, False
    while True:
        began = time.monotonic()
        # In a group of its own: Ctrl-C goes to everybody in the terminal's group, and a second signal ends it at once.
        child = subprocess.Popen(command, process_group=0)
        if asked:  # between two of them
            child.terminate()
        code = child.wait()
        lived = time.monotonic() - began
        began_well = began_well or lived >= WELL or code < 0 or code not in (0, 1, 2)
        if code == 0 or asked or not began_well:
            return code if code >= 0 else 128 - code
        pause = PAUSE if lived >= WELL else min(MOST_PAUSE, 2 * pause)
        _log.error("the server ended, and is started again", exit_code=code, lived=round(lived, 1), pause=pause)
        time.sleep(pause * random.uniform(0.5, 1.0))


def own_command() -> list[str]:
    """This command line without the flag, to be run as a child."""
    arguments = [word for word in sys.argv[1:] if word != "--supervise"]
    return [sys.executable, "-m", "collab", *arguments]
