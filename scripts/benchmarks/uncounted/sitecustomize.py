"""A server that counts nothing, to see what counting costs: put this folder first on ``PYTHONPATH``.

``/metrics`` then says 0. What is left are plain additions to an integer that whoever counts does by itself.
"""

from __future__ import annotations

import contextlib
from typing import Any


def _count_nothing() -> None:
    from collab import metrics

    def nothing(*_values: Any, **_more: Any) -> None:
        pass

    metrics.Counter.add = nothing  # type: ignore[method-assign]
    metrics.Buckets.observe = nothing  # type: ignore[method-assign]
    for metric in metrics.METRICS:
        if isinstance(metric, metrics.Histogram) and not metric.labels:
            metric.observe = nothing


with contextlib.suppress(ImportError):  # another Python, without collab
    _count_nothing()
