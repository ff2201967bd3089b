"""Places where a test can end the process, as a power cut would. Free when none is set."""

from __future__ import annotations

import os
import signal

#: ``COLLAB_FAILPOINT=name`` kills the process the first time that ``name`` is reached,
#: ``name:3`` the third time
ARMED = os.environ.get("COLLAB_FAILPOINT", "")
_name, _, _nth = ARMED.partition(":")
_left = int(_nth or 1)


def failpoint(name: str) -> None:
    """End the process with SIGKILL if the environment asks for it at ``name``."""
    if name != _name:
        return
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
