"""Python's garbage collector in a process that serves for long."""

from __future__ import annotations

import gc


def settle() -> None:
    """Keep the collector away from what lives now, which lives as long as the server, and call it seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
