"""Where metrics go: nowhere, into the log for CloudWatch, or over the network."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, TextIO

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.metrics import deployment
from services.chassis.emf import EmfExporter
from services.chassis.metrics import Instruments, measured_by
from services.chassis.sigv4 import signing

_COLLECTOR = "http://127.0.0.1:4318/v1/metrics"
"""Where a collector listens by default (OpenTelemetry Protocol, OTLP/HTTP)."""

_EXPORT_SECONDS = 5


class MetricSettings(BaseSettings):
    """Where metrics go, and how often."""

    model_config = SettingsConfigDict(env_prefix="BILHETAGEM_METRICS_", extra="ignore", use_attribute_docstrings=True)

    to: Literal["off", "emf", "otlp", "cloudwatch"] = "off"
    """``emf``: lines of the log that CloudWatch makes metrics of. ``otlp``: to a collector. ``cloudwatch``: there,
    signed. ``off``: none are made."""

    endpoint: HttpUrl | None = None
    """An OTLP/HTTP URL. Unless given, CloudWatch's in the region, or a collector's on this machine."""

    every_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """How often they are told. CloudWatch keeps them by the minute."""


@contextmanager
def exporting_metrics(
    settings: MetricSettings, region: str, queue_prefix: str, stream: TextIO | None = None
) -> Iterator[None]:
    """Tell metrics where the settings say, ``stream`` (stdout) being the log; what was not told yet goes at the end."""
    if settings.to == "off":
        yield
        return
    exporter = EmfExporter(stream or sys.stdout) if settings.to == "emf" else _otlp(settings, region)
    reader = PeriodicExportingMetricReader(exporter, settings.every_seconds * 1000)
    resource = Resource.create({"service.name": "bilhetagem", "service.namespace": "bilhetagem"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    try:
        with measured_by(Instruments(provider.get_meter("bilhetagem"), deployment(queue_prefix))):
            yield
    finally:
        provider.shutdown()


def _otlp(settings: MetricSettings, region: str) -> MetricExporter:
    signed = settings.to == "cloudwatch"
    default = f"https://monitoring.{region}.amazonaws.com/v1/metrics" if signed else _COLLECTOR
    return OTLPMetricExporter(
        str(settings.endpoint or default),
        timeout=_EXPORT_SECONDS,
        compression=Compression.Gzip,
        session=signing("monitoring", region) if signed else requests.Session(),
    )
