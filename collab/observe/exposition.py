"""All metrics as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from collab import metrics
from collab.metrics import Labels

#: what gauges say, by the name of the gauge and by labels
Readings = Mapping[str, Mapping[Labels, float]]


class Exposition:
    """Writes down what was counted, and what can be looked up.

    Args:
        look: looks up what gauges say; called once for each time that somebody reads.
    """

    def __init__(self, look: Callable[[], Readings]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Everything(look))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """The text, and its media type; in OpenMetrics where ``accept`` asks for that."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Everything(Collector):
    def __init__(self, look: Callable[[], Readings]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        metrics.total_outgoing()
        readings = self._look()
        for metric in metrics.METRICS:
            name, labels = metrics.PREFIX + metric.name, list(metric.labels)
            if isinstance(metric, metrics.Counter):
                counter = CounterMetricFamily(name, metric.help, labels=labels)
                for at, count in list(metric.values.items()):
                    counter.add_metric(at, count)
                yield counter
            elif isinstance(metric, metrics.Histogram):
                yield _histogram(name, metric)
            else:
                gauge = GaugeMetricFamily(name, metric.help, labels=labels)
                found: dict[Labels, float] = dict.fromkeys(metric.preset, 0.0)
                found.update(readings.get(metric.name, {}))
                for at, value in found.items():
                    gauge.add_metric(at, value)
                yield gauge


def _histogram(name: str, metric: metrics.Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, metric.help, labels=list(metric.labels))
    bounds = [*map(floatToGoString, metric.bounds), "+Inf"]
    for at, buckets in list(metric.of.items()):
        total = 0
        cumulative: list[tuple[str, float]] = []
        for bound, count in zip(bounds, buckets.counts, strict=True):
            total += count
            cumulative.append((bound, float(total)))
        family.add_metric(at, cumulative, buckets.sum)
    return family
