"""Seeds of tests whose course is drawn by lot: another one each time, or the one that is asked for."""

from __future__ import annotations

import os
import time

#: what lands is judged by tests that everybody can repeat; whoever runs them beside their work explores
FIXED = bool(os.environ.get("CI"))


def chosen_seed(fixed: int = 1) -> int:
    """``COLLAB_TEST_SEED``, or ``fixed`` where ``CI`` is set, or one that nobody had yet. It is printed."""
    given = os.environ.get("COLLAB_TEST_SEED")
    seed = int(given) if given else fixed if FIXED else time.time_ns() % 10**9
    print(f"COLLAB_TEST_SEED={seed}")
    return seed
