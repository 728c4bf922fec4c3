"""OpenTelemetry's SDK, set up: spans and metrics leave by OTLP/HTTP, metrics by the log as well."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TextIO

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME
from opentelemetry.trace import Tracer

from services.chassis.emf import EmfExporter
from services.chassis.exporting import MetricSettings, TraceSettings
from services.chassis.sigv4 import signing
from services.chassis.trace_context import gateways_trace_id
from services.chassis.tracing import Tracers

_COLLECTOR = "http://127.0.0.1:4318/v1"
"""Where a collector listens by default (OpenTelemetry Protocol, OTLP/HTTP)."""

_EXPORT_SECONDS = 5
_NAME = "bilhetagem"


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return gateways_trace_id() or super().generate_trace_id()


def tracers_to(processor: SpanProcessor, sampled: float = 1.0) -> Tracers:
    """Tracers whose spans this processor gets. Each service is one of its own, though they may share a process."""
    sampler = ParentBased(TraceIdRatioBased(sampled))

    @cache
    def tracer(service: str) -> Tracer:
        provider = TracerProvider(sampler, _resource(service), shutdown_on_exit=False, id_generator=_Ids())
        provider.add_span_processor(processor)
        return provider.get_tracer(_NAME)

    return tracer


@contextmanager
def sending_spans(settings: TraceSettings, region: str) -> Iterator[Tracers]:
    """Tracers whose spans are sent where the settings say; those that are not sent yet go at the end."""
    xray = settings.to == "xray"
    default = f"https://xray.{region}.amazonaws.com/v1/traces" if xray else f"{_COLLECTOR}/traces"
    exporter = OTLPSpanExporter(
        str(settings.endpoint or default),
        timeout=_EXPORT_SECONDS,
        compression=Compression.Gzip,
        session=signing("xray", region) if xray else requests.Session(),
    )
    processor = BatchSpanProcessor(exporter)
    try:
        yield tracers_to(processor, settings.sampled)
    finally:
        processor.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def telling_metrics(settings: MetricSettings, region: str, log: TextIO) -> Iterator[Meter]:
    """A meter whose metrics are told where the settings say; what was not told yet is told at the end."""
    exporter = EmfExporter(log) if settings.to == "emf" else _metric_exporter(settings, region)
    reader = PeriodicExportingMetricReader(exporter, settings.every_seconds * 1000)
    provider = MeterProvider([reader], _resource(_NAME), shutdown_on_exit=False)
    try:
        yield provider.get_meter(_NAME)
    finally:
        provider.shutdown()


def _metric_exporter(settings: MetricSettings, region: str) -> OTLPMetricExporter:
    signed = settings.to == "cloudwatch"
    default = f"https://monitoring.{region}.amazonaws.com/v1/metrics" if signed else f"{_COLLECTOR}/metrics"
    return OTLPMetricExporter(
        str(settings.endpoint or default),
        timeout=_EXPORT_SECONDS,
        compression=Compression.Gzip,
        session=signing("monitoring", region) if signed else requests.Session(),
    )


def _resource(service: str) -> Resource:
    return Resource.create({SERVICE_NAME: service, "service.namespace": _NAME})
