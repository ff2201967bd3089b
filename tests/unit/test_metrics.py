"""Every metric that is promised is declared, once, with words, and with labels that nobody can fill with what they like."""

from __future__ import annotations

import re

from collab import metrics
from collab.metrics import METRICS, Buckets, Counter, Histogram

#: what CONTRACT.md, section 12, names
PROMISED = {
    "build_info": (), "sessions": ("door", "transport", "state"), "connections_total": ("door", "transport"),
    "sessions_closed_total": ("reason",), "connections_refused_total": ("code",), "documents_loaded": (),
    "document_load_seconds": (), "document_join_seconds": ("door",), "documents_quarantined": (),
    "updates_received_total": ("door",), "update_bytes": (), "updates_refused_total": ("code",), "edit_ack_seconds": (),
    "edit_visible_seconds": (), "acks_waiting": (), "unsaved_bytes": (), "unsaved_oldest_seconds": (),
    "store_commit_seconds": (), "store_commit_rows": (), "store_errors_total": ("code",), "store_bytes": (),
    "store_free_bytes": (), "compaction_seconds": (), "compaction_failures_total": (),
    "sends_total": ("door", "transport", "kind"), "sent_bytes_total": ("door",), "updates_sent_total": ("door",),
    "flush_seconds": (), "sessions_behind": (), "sessions_cut_slow_total": (), "awareness_dropped_total": ("reason",),
    "rate_limited_total": ("scope", "limit"), "auth_total": ("result",),
    "http_requests_total": ("route", "method", "status"), "http_request_seconds": ("route",), "reader_jobs": (),
    "reader_job_seconds": (), "reader_killed_total": ("reason",), "loop_lag_seconds": (), "loop_stalls_total": (),
    "cluster_nodes": (), "cluster_connected": (), "cluster_lag_entries": (), "cluster_append_seconds": (),
    "cluster_gaps_healed_total": (), "cluster_log_lost_total": (), "webhook_deliveries_total": ("result",),
    "webhook_pending": (), "webhook_oldest_seconds": (), "draining": (),
}  # fmt: skip
NAMES = [metric.name for metric in METRICS]


def test_every_promised_metric_is_declared_with_its_labels() -> None:
    labels = {metric.name: metric.labels for metric in METRICS}
    assert {name: labels.get(name) for name in PROMISED} == {
        name: wanted if name != "build_info" else labels[name] for name, wanted in PROMISED.items()
    }


def test_names_are_unique_and_say_their_unit() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for metric in METRICS:
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", metric.name)
        assert metric.help.endswith(".")
        assert metric.name.endswith("_total") == isinstance(metric, Counter), metric.name
        assert metric.unit in ("", "seconds", "bytes")
        if isinstance(metric, Histogram):
            assert list(metric.bounds) == sorted(set(metric.bounds))


def test_no_label_holds_a_document_or_a_person() -> None:
    assert {label for metric in METRICS for label in metric.labels} == {
        "auth", "code", "door", "kind", "limit", "method", "python", "reason", "result", "route", "scope", "state",
        "status", "store", "transport", "version",
    }  # fmt: skip


def test_buckets_hold_what_is_up_to_their_bound() -> None:
    buckets = Buckets((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 7.0):
        buckets.observe(value)
    assert (buckets.counts, buckets.sum) == ([2, 2, 1], 11.5)


def test_what_a_door_sends_is_totalled_by_its_transports() -> None:
    sent = metrics.outgoing_of("socket.io")["notice"]
    metrics.total_outgoing()
    before = {at: metrics.SENDS.values["socket.io", at, "notice"] for at in ("websocket", "polling")}
    size = metrics.SENT_BYTES.values["socket.io",]
    sent.messages += 3
    sent.polling += 2
    sent.bytes += 50
    metrics.total_outgoing()
    after = {at: metrics.SENDS.values["socket.io", at, "notice"] for at in ("websocket", "polling")}
    assert (after["websocket"] - before["websocket"], after["polling"] - before["polling"]) == (3, 2)
    assert metrics.SENT_BYTES.values["socket.io",] - size == 50
