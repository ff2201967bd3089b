#!/usr/bin/env python3
"""Prints dashboard.json for Grafana: rows of panels, each a title, a unit and its queries."""

from __future__ import annotations

import json
from typing import Any

#: of a panel: what it shows, in which unit, and its queries with their legends
Panel = tuple[str, str, dict[str, str]]

_NODE = '{instance=~"$node"}'


def _p99(metric: str) -> dict[str, str]:
    buckets = f"rate({metric}_bucket{_NODE}[$__rate_interval])"
    return {
        legend: f"histogram_quantile({part}, sum by (le) ({buckets}))"
        for legend, part in (("p50", "0.5"), ("p90", "0.9"), ("p99", "0.99"))
    }


def _rate(metric: str, by: str) -> dict[str, str]:
    return {"{{" + by + "}}": f"sum by ({by}) (rate({metric}{_NODE}[$__rate_interval]))"}


def _now(metric: str, by: str = "instance") -> dict[str, str]:
    return {"{{" + by + "}}": f"sum by ({by}) ({metric}{_NODE})"}


ROWS: dict[str, list[Panel]] = {
    "Overview": [
        ("Sessions", "short", {"sessions": f"sum(collab_sessions{_NODE})"}),
        ("Documents in memory", "short", {"documents": f"sum(collab_documents_loaded{_NODE})"}),
        ("Edits a second", "short", {"edits": f"sum(rate(collab_updates_received_total{_NODE}[$__rate_interval]))"}),
        ("What a crash would cost", "s", {"oldest": f"max(collab_unsaved_oldest_seconds{_NODE})"}),
        ("Nodes", "short", {"nodes": f"max(collab_cluster_nodes{_NODE})", "draining": f"sum(collab_draining{_NODE})"}),
        ("Versions", "short", {"{{version}} {{store}}": f"count by (version, store) (collab_build_info{_NODE})"}),
    ],
    "What people feel": [
        ("An edit is seen by the others", "s", _p99("collab_edit_visible_seconds")),
        ("An edit is saved", "s", _p99("collab_edit_ack_seconds")),
        ("Coming into a document", "s", _p99("collab_document_join_seconds")),
        ("The loop is late", "s", _p99("collab_loop_lag_seconds")),
        ("Refused", "short", _rate("collab_connections_refused_total", "code")),
        ("Sent away", "short", _rate("collab_sessions_closed_total", "reason")),
    ],
    "Sessions by door": [
        ("Sessions", "short", _now("collab_sessions", "door")),
        ("Transports", "short", _now("collab_sessions", "transport")),
        ("Connections a second", "short", _rate("collab_connections_total", "door")),
        ("Tokens", "short", _rate("collab_auth_total", "result")),
    ],
    "Edits and merging": [
        ("Edits in", "short", _rate("collab_updates_received_total", "door")),
        ("Edits refused", "short", _rate("collab_updates_refused_total", "code")),
        (
            "Updates that one message carries", "short",
            {"merged": f"sum(rate(collab_updates_sent_total{_NODE}[$__rate_interval])) / "
                       f'sum(rate(collab_sends_total{{instance=~"$node",kind="update"}}[$__rate_interval]))'},
        ),
        ("Messages out", "short", _rate("collab_sends_total", "kind")),
        ("Bytes out", "Bps", _rate("collab_sent_bytes_total", "door")),
        ("One flush", "s", _p99("collab_flush_seconds")),
        ("Size of an edit", "bytes", _p99("collab_update_bytes")),
    ],
    "Store": [
        ("One commit", "s", _p99("collab_store_commit_seconds")),
        ("Updates in one commit", "short", _p99("collab_store_commit_rows")),
        ("Failures", "short", _rate("collab_store_errors_total", "code")),
        ("Waiting to be saved", "short", _now("collab_acks_waiting")),
        ("Bytes waiting", "bytes", _now("collab_unsaved_bytes")),
        ("Size and room", "bytes", {
            "size": f"max(collab_store_bytes{_NODE})", "free": f"min(collab_store_free_bytes{_NODE})",
        }),
        ("Loading a document", "s", _p99("collab_document_load_seconds")),
        ("Compacting one", "s", _p99("collab_compaction_seconds")),
        ("Compactions that failed", "short", {"failed": f"sum(increase(collab_compaction_failures_total{_NODE}[1h]))"}),
    ],
    "Cluster": [
        ("Within reach", "short", _now("collab_cluster_connected")),
        ("An ack is worth what it was", "short", _now("collab_store_promise_kept")),
        ("Appending to the log", "s", _p99("collab_cluster_append_seconds")),
        ("Entries that a node lacks", "short", _now("collab_cluster_lag_entries")),
        ("Gaps healed, logs lost", "short", {
            "gaps": f"sum(increase(collab_cluster_gaps_healed_total{_NODE}[5m]))",
            "lost": f"sum(increase(collab_cluster_log_lost_total{_NODE}[5m]))",
        }),
    ],
    "Slow and hostile": [
        ("Sessions that read too slowly", "short", _now("collab_sessions_behind")),
        ("Cut because they took nothing", "short", {
            "cut": f"sum(rate(collab_sessions_cut_slow_total{_NODE}[$__rate_interval]))",
        }),
        ("Over a rate", "short", _rate("collab_rate_limited_total", "limit")),
        ("Awareness dropped", "short", _rate("collab_awareness_dropped_total", "reason")),
        ("In quarantine", "short", _now("collab_documents_quarantined")),
    ],
    "API and workers": [
        ("Requests", "short", _rate("collab_http_requests_total", "route")),
        ("Answers", "short", _rate("collab_http_requests_total", "status")),
        ("Answering one", "s", _p99("collab_http_request_seconds")),
        ("Jobs at workers", "short", _now("collab_reader_jobs")),
        ("One job", "s", _p99("collab_reader_job_seconds")),
        ("Workers lost", "short", _rate("collab_reader_killed_total", "reason")),
        ("Webhooks", "short", _rate("collab_webhook_deliveries_total", "result")),
        ("Webhooks that wait", "short", {
            "waiting": f"sum(collab_webhook_pending{_NODE})", "oldest, s": f"max(collab_webhook_oldest_seconds{_NODE})",
        }),
    ],
    "Process": [
        ("Cores in use", "short", {"{{instance}}": f"rate(process_cpu_seconds_total{_NODE}[$__rate_interval])"}),
        ("Memory", "bytes", {"{{instance}}": f"process_resident_memory_bytes{_NODE}"}),
        ("Memory that counts, and its bound", "bytes", {
            "{{instance}}": f"collab_memory_used_bytes{_NODE}", "bound": f"min(collab_memory_limit_bytes{_NODE})",
        }),
        ("Open files", "short", {"{{instance}}": f"process_open_fds{_NODE}", "limit": f"min(process_max_fds{_NODE})"}),
        ("Stalls", "short", {"{{instance}}": f"increase(collab_loop_stalls_total{_NODE}[5m])"}),
        ("Garbage collections", "short", _rate("python_gc_collections_total", "generation")),
    ],
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append(
            {"type": "row", "title": title, "id": len(panels) + 1, "gridPos": _place(0, y, 24, 1), "panels": []}
        )
        y += 1
        for at, panel in enumerate(row):
            panels.append(_panel(panel, len(panels) + 1, _place(at % 3 * 8, y + at // 3 * 7, 8, 7)))
        y += (len(row) + 2) // 3 * 7
    return {
        "title": "collab",
        "uid": "collab",
        "tags": ["collab"],
        "timezone": "browser",
        "schemaVersion": 38,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
            {
                "name": "node", "label": "Node", "type": "query", "datasource": _SOURCE,
                "includeAll": True, "multi": True,
                "query": {"query": "label_values(collab_build_info, instance)", "refId": "nodes"}, "refresh": 2,
                "current": {"text": "All", "value": "$__all"},
            },
        ]},
        "panels": panels,
    }  # fmt: skip


_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, id: int, place: dict[str, int]) -> dict[str, Any]:
    title, unit, queries = panel
    targets = [
        {"refId": chr(65 + at), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
        for at, (legend, query) in enumerate(queries.items())
    ]
    custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    return {
        "id": id, "type": "timeseries", "title": title, "datasource": _SOURCE, "gridPos": place, "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=1))
