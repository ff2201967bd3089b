"""When the cluster counts as out of reach."""

from __future__ import annotations

from collab.cluster.health import BLINK, Health


def test_a_blink_does_not_count() -> None:
    health = Health("bells", "log")
    health.report("bells", False, 10.0)
    assert health.judge(10.0 + BLINK / 2)
    health.report("bells", True, 10.6)
    assert health.judge(20.0)


def test_trouble_ends_when_every_part_is_well() -> None:
    health = Health("bells", "log")
    health.report("bells", False, 10.0)
    health.report("bells", False, 10.9)
    assert not health.judge(10.0 + BLINK)
    health.report("log", False, 11.0)
    health.report("bells", True, 12.0)
    assert not health.judge(12.0), "one part is not enough"
    health.report("log", True, 12.5)
    assert health.judge(12.5)
