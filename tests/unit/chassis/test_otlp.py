"""Where spans and metrics go unless a setting says otherwise, and what a process loads that sends none."""

import subprocess
import sys

import pytest
import requests
from opentelemetry.trace import SpanKind

from contracts.metrics import Metric
from services.chassis import tracing
from services.chassis.exporting import MetricSettings, TraceSettings, exporting_metrics, exporting_traces
from services.chassis.metrics import count

REGION = "sa-east-1"

STARTED = """
import sys
from services.chassis.exporting import MetricSettings, TraceSettings, exporting_metrics, exporting_traces
from services.operations import cli, hosting, registry
with exporting_traces(TraceSettings(to=sys.argv[1]), "sa-east-1"), exporting_metrics(MetricSettings(), "sa-east-1", ""):
    print(*sorted(name for name in sys.modules if name.startswith("opentelemetry.") and name.count(".") == 1))
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """The requests that would have left, each answered with 200."""
    sent: list[requests.PreparedRequest] = []

    def send(_: requests.Session, request: requests.PreparedRequest, **__: object) -> requests.Response:
        sent.append(request)
        answer = requests.Response()
        answer.status_code = 200
        return answer

    monkeypatch.setattr(requests.Session, "send", send)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an-example")
    return sent


@pytest.mark.parametrize(
    ("to", "url", "signed_for"),
    [
        ("xray", "https://xray.sa-east-1.amazonaws.com/v1/traces", "/sa-east-1/xray/aws4_request"),
        ("otlp", "http://127.0.0.1:4318/v1/traces", None),
    ],
)
def test_spans_go_to_x_ray_or_to_a_collector_of_this_machine(
    asked: list[requests.PreparedRequest], to: str, url: str, signed_for: str | None
) -> None:
    with exporting_traces(TraceSettings.model_validate({"to": to}), REGION):
        tracing.begin("anything", SpanKind.INTERNAL, {}).end()

    assert [request.url for request in asked] == [url]
    assert (signed_for or "") in asked[0].headers.get("Authorization", "")
    assert ("Authorization" in asked[0].headers) == (signed_for is not None)


@pytest.mark.parametrize(
    ("to", "url", "signed_for"),
    [
        ("cloudwatch", "https://monitoring.sa-east-1.amazonaws.com/v1/metrics", "/sa-east-1/monitoring/aws4_request"),
        ("otlp", "http://127.0.0.1:4318/v1/metrics", None),
    ],
)
def test_metrics_go_to_cloudwatch_or_to_a_collector_of_this_machine(
    asked: list[requests.PreparedRequest], to: str, url: str, signed_for: str | None
) -> None:
    with exporting_metrics(MetricSettings.model_validate({"to": to}), REGION, "bilhetagem-"):
        count(Metric.HANDLED, "order-new")

    assert {request.url for request in asked} == {url}
    assert (signed_for or "") in asked[0].headers.get("Authorization", "")
    assert ("Authorization" in asked[0].headers) == (signed_for is not None)


@pytest.mark.parametrize(("to", "loaded"), [("off", False), ("otlp", True)])
def test_a_process_loads_opentelemetry_s_sdk_only_where_something_is_sent(to: str, loaded: bool) -> None:
    child = subprocess.run([sys.executable, "-c", STARTED, to], capture_output=True, text=True, check=False)

    assert child.returncode == 0, child.stderr
    modules = set(child.stdout.split())
    assert "opentelemetry.trace" in modules
    assert ("opentelemetry.sdk" in modules, "opentelemetry.exporter" in modules) == (loaded, loaded)
