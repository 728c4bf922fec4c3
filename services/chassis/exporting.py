"""Where spans and metrics go: nowhere, to a collector, into the log, or signed and without a collector to AWS."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, TextIO

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.metrics import deployment
from services.chassis.metrics import Instruments, measured_by
from services.chassis.tracing import traced_by


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
def exporting_traces(settings: TraceSettings, region: str) -> Iterator[None]:
    """Send spans where the settings say; those that are not sent yet go at the end."""
    if settings.to == "off":
        yield
        return
    # Not above: whoever exports nothing does not wait for OpenTelemetry's SDK.
    from services.chassis.otlp import sending_spans

    with sending_spans(settings, region) as tracers, traced_by(tracers):
        yield


@contextmanager
def exporting_metrics(
    settings: MetricSettings, region: str, queue_prefix: str, log: TextIO | None = None
) -> Iterator[None]:
    """Tell metrics where the settings say, ``log`` being stdout unless given; what was not told yet goes at the end."""
    if settings.to == "off":
        yield
        return
    from services.chassis.otlp import telling_metrics

    name = deployment(queue_prefix)
    with telling_metrics(settings, region, log or sys.stdout) as meter, measured_by(Instruments(meter, name)):
        yield
