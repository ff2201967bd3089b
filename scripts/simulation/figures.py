"""The figures that the model is fed with: what was measured, by which command, and what is assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("measured.json")
MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class Costs:
    """What things cost. CPU in seconds of one core, memory in bytes.

    Attributes:
        key: an edit comes in: read, scanned, applied, logged, acknowledged.
        send: something is written to one person.
        cursor: a cursor position comes in.
        idle: a connection for a second, by its heartbeat.
        join: somebody opens a document.
        remote: an edit that another node logged: heard, applied.
        note: a change of presence that another node tells: heard and shown, or told.
        connection, document, node: memory of a connection, of an open document, of an empty node.
        append: redis-server appends an edit and rings the bell.
        listener: redis-server hands one bell, or one note, to one node.
        publish: redis-server takes a note.
        logged: memory in Redis of an update that is not compacted yet.
    """

    key: float
    send: float
    cursor: float
    idle: float
    join: float
    remote: float
    note: float
    connection: float
    document: float
    node: float
    append: float
    listener: float
    publish: float
    logged: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, what it is, and the command that shows it."""

    value: float
    unit: str
    words: str
    command: str


def load(file: Path = MEASURED) -> dict[str, Figure]:
    """Read measured figures."""
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return {name: Figure(**figure) for name, figure in content["figures"].items()}


def costs(figures: Mapping[str, Figure]) -> Costs:
    """What single things cost, out of what whole workloads cost.

    An edit for one reader costs ``key + send``, one for a hundred ``key + 100 send``; nothing is merged in
    either workload, so the two say what each part costs. ``key`` is that of a node of a cluster.
    """
    value = {name: figure.value for name, figure in figures.items()}
    pair, hundred = value["edit_for_1_us"], value["edit_for_100_us"]
    send = (hundred - pair) / 99
    return Costs(
        key=(value["edit_in_cluster_us"] - send) * MICRO,
        send=send * MICRO,
        cursor=max(0.0, value["cursor_for_1_us"] - send) * MICRO,
        idle=value["idle_us_per_second"] * MICRO,
        join=value["join_us"] * MICRO,
        remote=max(0.0, value["remote_edit_us"] - send) * MICRO,
        note=max(0.0, value["remote_cursor_us"] - send) * MICRO,
        connection=value["connection_kb"] * 1024,
        document=value["document_kb"] * 1024,
        node=value["node_mb"] * 2**20,
        append=value["append_us"] * MICRO,
        listener=value["listener_us"] * MICRO,
        publish=value["publish_us"] * MICRO,
        logged=value["logged_bytes"],
    )
