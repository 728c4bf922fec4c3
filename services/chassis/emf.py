"""CloudWatch's embedded metric format: metrics as lines of the log, which CloudWatch Logs makes metrics of.

Source: CloudWatch User Guide, *Specification: Embedded metric format*. Nobody has to be asked over the network, and
what a process told in its last minute is not lost with it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from math import inf
from typing import Any, TextIO

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
)

from contracts.metrics import DIMENSIONS, NAMESPACE, UNITS, Metric

# OpenTelemetry's names have no capitals.
_METRICS = {metric.lower(): metric for metric in Metric}

_MOST_VALUES = 100
"""Of one metric in one line."""


class EmfExporter(MetricExporter):
    """Writes a line for each combination of dimensions, with all metrics that have it."""

    def __init__(self, stream: TextIO) -> None:
        delta = AggregationTemporality.DELTA
        super().__init__(preferred_temporality={Counter: delta, Histogram: delta})
        self._stream = stream

    def export(self, metrics_data: MetricsData, timeout_millis: float = 0, **_: Any) -> MetricExportResult:
        """Write what was added up since the last time."""
        for document in documents(metrics_data):
            self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        """Nothing waits."""
        return True

    def shutdown(self, timeout_millis: float = 0, **_: Any) -> None:
        """The stream is somebody else's."""


def documents(data: MetricsData) -> Iterator[dict[str, Any]]:
    """The lines, as documents."""
    found: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = defaultdict(dict)
    times: dict[tuple[tuple[str, Any], ...], int] = {}
    for metric, point in _points(data):
        place = tuple((str(name), (point.attributes or {})[name]) for name in DIMENSIONS[metric])
        found[place][str(metric)] = _sample(point) if isinstance(point, HistogramDataPoint) else point.value
        times[place] = point.time_unix_nano // 1_000_000
    for place, values in found.items():
        yield {
            "_aws": {
                "Timestamp": times[place],
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [[name for name, _ in place]],
                        "Metrics": [{"Name": metric, "Unit": UNITS.get(Metric(metric), "Count")} for metric in values],
                    }
                ],
            },
            **dict(place),
            **values,
        }


def _points(data: MetricsData) -> Iterator[tuple[Metric, NumberDataPoint | HistogramDataPoint]]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    assert isinstance(point, NumberDataPoint | HistogramDataPoint)
                    yield _METRICS[metric.name], point


def _sample(point: HistogramDataPoint) -> list[float]:
    """What was measured, each as the middle of its bucket; of many a part, spread as all are. Least and greatest are
    exact.
    """
    share = min(1.0, (_MOST_VALUES - len(point.bucket_counts) / 2) / point.count)  # rounding adds a half per bucket
    bounds = [-inf, *point.explicit_bounds, inf]
    values: list[float] = []
    for low, high, number in zip(bounds, bounds[1:], point.bucket_counts, strict=False):
        middle = (max(low, point.min) + min(high, point.max)) / 2
        values += [round(middle, 3)] * round(number * share)
    values[-1] = point.max
    values[0] = point.min if len(values) > 1 else values[0]
    return values
