"""The collector is kept away from what lives as long as the server."""

from __future__ import annotations

import gc

from collab.collector import settle


def test_what_lives_is_looked_at_no_more_and_what_comes_later_seldom() -> None:
    before = gc.get_threshold()
    try:
        settle()
        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold() > before
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
