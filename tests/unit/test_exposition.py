"""What was counted is written down as Prometheus reads it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from collab import metrics
from collab.metrics import Labels
from collab.observe.exposition import Exposition

PROMTOOL = shutil.which("promtool")


def families(exposition: Exposition) -> dict[str, Any]:
    text, media_type = exposition.text()
    assert media_type.startswith("text/plain")
    return {family.name: family for family in parse(text.decode())}


def test_every_metric_is_there_from_the_start_with_help_and_kind() -> None:
    found = families(Exposition(lambda: {metrics.BUILD.name: {("1", "3", "memory", "none"): 1.0}}))
    for metric in metrics.METRICS:
        family = found["collab_" + metric.name.removesuffix("_total")]
        assert (family.documentation, family.type) == (metric.help, metric.kind)
        assert family.samples, metric.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert {"process_resident_memory_bytes", "process_open_fds", "python_gc_objects_collected"} <= found.keys()


def test_buckets_are_cumulative_and_end_with_the_count() -> None:
    exposition = Exposition(dict)
    metrics.ACKED.observe(0.002)
    metrics.ACKED.observe(99.0)
    samples = families(exposition)["collab_edit_ack_seconds"].samples
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    (count,) = [sample.value for sample in samples if sample.name.endswith("_count")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == count == sum(metrics.ACKED.of[()].counts)
    assert buckets[-2] < count


def test_readings_take_the_place_of_zeros() -> None:
    readings: dict[str, dict[Labels, float]] = {
        metrics.SESSIONS.name: {("sse", "sse", "live"): 7.0},
        metrics.DRAINING.name: {(): 1.0},
    }
    found = families(Exposition(lambda: readings))
    values = {tuple(sample.labels.values()): sample.value for sample in found["collab_sessions"].samples}
    assert sum(values.values()) == 7.0
    assert len(values) == len(metrics.SESSIONS.preset)
    assert found["collab_draining"].samples[0].value == 1.0


def test_openmetrics_is_spoken_where_it_is_asked_for() -> None:
    text, media_type = Exposition(dict).text("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_no_fault() -> None:
    assert PROMTOOL is not None
    text, _ = Exposition(dict).text()
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
