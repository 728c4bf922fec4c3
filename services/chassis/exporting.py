"""Where spans go: nowhere, to a collector, or signed and without one to X-Ray."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Literal

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME
from opentelemetry.trace import Tracer
from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.sigv4 import signing
from services.chassis.trace_context import gateways_trace_id
from services.chassis.tracing import Tracers, traced_by

_COLLECTOR = "http://127.0.0.1:4318/v1/traces"
"""Where a collector listens by default (OpenTelemetry Protocol, OTLP/HTTP)."""

_EXPORT_SECONDS = 5


class TraceSettings(BaseSettings):
    """Where spans go, and how many."""

    model_config = SettingsConfigDict(env_prefix="BILHETAGEM_TRACES_", extra="ignore", use_attribute_docstrings=True)

    to: Literal["off", "otlp", "xray"] = "off"
    """``xray``: to X-Ray, signed with AWS credentials, and no collector. ``otlp``: to a collector. ``off``: none are
    made."""

    endpoint: HttpUrl | None = None
    """An OTLP/HTTP URL. Unless given, X-Ray's in the region, or a collector's on this machine."""

    sampled: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of the traces that are begun here which is kept, from 0 to 1. One that comes in sampled is kept."""


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return gateways_trace_id() or super().generate_trace_id()


def tracers_to(processor: SpanProcessor, sampled: float = 1.0) -> Tracers:
    """Tracers whose spans this processor gets. Each service is one of its own, though they may share a process."""
    sampler = ParentBased(TraceIdRatioBased(sampled))

    @cache
    def tracer(service: str) -> Tracer:
        resource = Resource.create({SERVICE_NAME: service, "service.namespace": "bilhetagem"})
        provider = TracerProvider(sampler, resource, shutdown_on_exit=False, id_generator=_Ids())
        provider.add_span_processor(processor)
        return provider.get_tracer("bilhetagem")

    return tracer


@contextmanager
def exporting_traces(settings: TraceSettings, region: str) -> Iterator[None]:
    """Send spans where the settings say; those that are not sent yet go at the end."""
    if settings.to == "off":
        yield
        return
    xray = settings.to == "xray"
    default = f"https://xray.{region}.amazonaws.com/v1/traces" if xray else _COLLECTOR
    exporter = OTLPSpanExporter(
        str(settings.endpoint or default),
        timeout=_EXPORT_SECONDS,
        compression=Compression.Gzip,
        session=signing("xray", region) if xray else requests.Session(),
    )
    processor = BatchSpanProcessor(exporter)
    try:
        with traced_by(tracers_to(processor, settings.sampled)):
            yield
    finally:
        processor.shutdown()  # type: ignore[no-untyped-call]
