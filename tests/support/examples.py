"""How many random examples a test tries."""

from __future__ import annotations

import os

_FAST = bool(os.environ.get("FAST_TESTS"))


def examples(count: int) -> int:
    """``count`` of them, or a few where somebody waits for the tests (``scripts/test --fast``)."""
    return min(count, 10) if _FAST else count
