"""Metrics (OpenTelemetry) of what this process does: added up here, told once a minute.

Off, unless ``measured_by`` says who adds up: then nothing is done but to see that.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from opentelemetry.metrics import Meter

from contracts.metrics import DIMENSIONS, UNITS, Dimension, Metric
from services.chassis.letters import Letter

_AGES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds: a message is handled at once, or its queue is behind by minutes."""

_UCUM = {"Seconds": "s"}


class Instruments:
    """What a meter counts, measures and reads."""

    def __init__(self, meter: Meter, deployment: str) -> None:
        self._common = {str(Dimension.DEPLOYMENT): deployment}
        counted = (Metric.HANDLED, Metric.RETRIED, Metric.PARKED, Metric.DEAD_LETTERED)
        self._counters = {metric: meter.create_counter(metric) for metric in counted}
        self._ages = meter.create_histogram(Metric.AGE, "s", explicit_bucket_boundaries_advisory=_AGES)
        self._gauges = {
            metric: meter.create_gauge(metric, _UCUM.get(UNITS.get(metric, ""), ""))
            for metric in (Metric.OUTBOX_LAG, Metric.PURCHASES, Metric.STUCK)
        }

    def count(self, metric: Metric, queue: str) -> None:
        """Count one message."""
        self._counters[metric].add(1, {**self._common, str(Dimension.QUEUE): queue})

    def age(self, age: timedelta, queue: str) -> None:
        """Measure one message."""
        self._ages.record(max(0.0, age.total_seconds()), {**self._common, str(Dimension.QUEUE): queue})

    def read(self, metric: Metric, value: float, **dimensions: str) -> None:
        """Say what a gauge shows now. Raises ValueError unless it has these dimensions."""
        told = self._common | {name.capitalize(): each for name, each in dimensions.items()}
        if told.keys() != set(DIMENSIONS[metric]):
            raise ValueError(f"{metric} has the dimensions {', '.join(DIMENSIONS[metric])}")
        self._gauges[metric].set(value, told)


_instruments: Instruments | None = None


@contextmanager
def measured_by(instruments: Instruments) -> Iterator[None]:
    """Have these instruments add up what is done in the whole process."""
    global _instruments
    before, _instruments = _instruments, instruments
    try:
        yield
    finally:
        _instruments = before


def instruments() -> Instruments | None:
    """The instruments, None while off."""
    return _instruments


def count(metric: Metric, queue: str) -> None:
    """Count one message of a queue."""
    if _instruments is not None:
        _instruments.count(metric, queue)


def count_outcomes(letters: Sequence[Letter], now: datetime) -> None:
    """Count what a worker is done with."""
    if _instruments is None:
        return
    for letter in letters:
        queue = letter.delivery.queue
        if letter.outcome == "parked":
            _instruments.count(Metric.PARKED, queue)
        elif letter.outcome in ("handled", "ignored"):
            _instruments.count(Metric.HANDLED, queue)
            if letter.delivery.sent_at is not None:
                _instruments.age(now - letter.delivery.sent_at, queue)
