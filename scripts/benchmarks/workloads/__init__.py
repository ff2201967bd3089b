"""One module per kind of work; :data:`WORKLOADS` names them all."""

from __future__ import annotations

from benchmarks.workloads import (
    acks,
    cluster,
    cursors,
    idle,
    joins,
    observers,
    pending,
    saturation,
    scale,
    typing,
    webhooks,
)
from benchmarks.workloads.base import Workload

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        typing.TYPIST,
        typing.TYPISTS,
        typing.DOCUMENTS,
        cursors.CURSORS,
        joins.JOINS,
        pending.PENDING_JOINS,
        idle.IDLE,
        observers.OBSERVERS,
        observers.MORE_OBSERVERS,
        typing.BUSY,
        acks.ACKS,
        saturation.SATURATION,
        scale.SCALE,
        cluster.CLUSTER,
        webhooks.WEBHOOKS,
    )
}
