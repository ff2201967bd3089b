"""When a delivery that failed is tried again."""

from __future__ import annotations

import random

#: seconds between attempts, the last one over and over; with jitter each is between three fifths and all of it
PAUSES = (4.0, 15.0, 60.0, 300.0, 1200.0, 3600.0, 10_800.0)
#: seconds from the first attempt that failed, after which there is none any more
GIVE_UP = 3 * 86_400.0


def next_attempt(attempts: int, now: float, since: float, wait: float = 0.0) -> float | None:
    """When to try again, in seconds as ``now``; None: not any more.

    Args:
        attempts: that have failed, this one included.
        since: when the first of them did.
        wait: seconds that the receiver asked for.
    """
    pause = PAUSES[min(attempts, len(PAUSES)) - 1] * random.uniform(0.6, 1.0)
    at = now + max(pause, wait)
    return at if at - since <= GIVE_UP else None
