"""Metrics as lines that CloudWatch reads: added up, one for each combination of dimensions, nothing while off."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from contracts.metrics import Metric
from services.chassis.exporting import MetricSettings, exporting_metrics
from services.chassis.metrics import Instruments, count, instruments


@contextmanager
def told() -> Iterator[dict[str, dict[str, Any]]]:
    """The lines that a process writes until it ends, by the queue, service or state that they are about."""
    stream = io.StringIO()
    lines: dict[str, dict[str, Any]] = {}
    with exporting_metrics(MetricSettings(to="emf"), "sa-east-1", "bilhetagem-prod-", stream):
        yield lines
    for line in map(json.loads, stream.getvalue().splitlines()):
        [directive] = line["_aws"]["CloudWatchMetrics"]
        [dimensions] = directive["Dimensions"]
        lines[line[dimensions[-1]]] = line


def the_instruments() -> Instruments:
    found = instruments()
    assert found is not None
    return found


def test_a_line_has_all_that_is_known_of_a_queue() -> None:
    with told() as lines:
        for _ in range(3):
            count(Metric.HANDLED, "order-new")
        count(Metric.RETRIED, "order-new")
        count(Metric.HANDLED, "order-underway")
    line = lines["order-new"]
    assert line.pop("_aws")["CloudWatchMetrics"] == [
        {
            "Namespace": "Bilhetagem",
            "Dimensions": [["Deployment", "Queue"]],
            "Metrics": [
                {"Name": "MessagesHandled", "Unit": "Count"},
                {"Name": "MessagesRetried", "Unit": "Count"},
            ],
        }
    ]
    assert line == {
        "Deployment": "bilhetagem-prod",
        "Queue": "order-new",
        "MessagesHandled": 3,
        "MessagesRetried": 1,
    }
    assert lines["order-underway"]["MessagesHandled"] == 1


def test_a_gauge_shows_what_was_read_last() -> None:
    with told() as lines:
        for lag in (7.5, 2.5):
            the_instruments().read(Metric.OUTBOX_LAG, lag, service="order")
        the_instruments().read(Metric.STUCK, 2)
        the_instruments().read(Metric.PURCHASES, 5, state="completed")
    assert (lines["order"]["OutboxLag"], lines["bilhetagem-prod"]["PurchasesStuck"]) == (2.5, 2)
    assert lines["completed"]["Purchases"] == 5
    assert lines["order"]["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "OutboxLag", "Unit": "Seconds"}]


@pytest.mark.parametrize("seconds", [[0.01], [0.01, 0.2], [0.01, 0.2, 3, 700, 9000], [n / 50 for n in range(3000)]])
def test_ages_are_a_sample_with_the_least_and_the_greatest(seconds: list[float]) -> None:
    with told() as lines:
        for age in seconds:
            the_instruments().age(timedelta(seconds=age), "order-new")
    ages = lines["order-new"]["MessageAge"]
    assert (ages[0], ages[-1]) == (min(seconds), max(seconds))
    assert ages == sorted(ages)
    assert len(ages) == len(seconds) if len(seconds) < 50 else 80 <= len(ages) <= 100


def test_a_clock_that_is_behind_makes_no_message_younger_than_new() -> None:
    with told() as lines:
        the_instruments().age(timedelta(seconds=-3), "order-new")
    assert lines["order-new"]["MessageAge"] == [0]


def test_a_gauge_is_read_with_its_own_dimensions() -> None:
    with told(), pytest.raises(ValueError, match="Deployment, State"):
        the_instruments().read(Metric.PURCHASES, 5, service="order")


def test_off_nothing_is_counted_and_nothing_told() -> None:
    stream = io.StringIO()
    with exporting_metrics(MetricSettings(), "sa-east-1", "bilhetagem-", stream):
        assert instruments() is None
        count(Metric.HANDLED, "order-new")
    assert stream.getvalue() == ""
