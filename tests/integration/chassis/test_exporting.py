"""Spans on their way out: signed for X-Ray, plain to a collector, none at all when nobody wants them."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind

from services.chassis import tracing
from services.chassis.exporting import TraceSettings, exporting_traces
from services.chassis.http_spans import http_transport
from tests.chassis import cancelling
from tests.front import desk, holds

REGION = "sa-east-1"


@dataclass
class Collector:
    """What listens for spans."""

    url: str = ""
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def spans(self) -> list[tuple[str, str]]:
        """Service and name of each span that came."""
        found = []
        for _, body in self.asked:
            for resource in ExportTraceServiceRequest.FromString(gzip.decompress(body)).resource_spans:
                [service] = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
                found += [(service, span.name) for scope in resource.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    with listening() as one:
        yield one


@contextmanager
def listening() -> Iterator[Collector]:
    one = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> TraceSettings:
    for name, value in values.items():
        monkeypatch.setenv(f"BILHETAGEM_TRACES_{name.upper()}", value)
    return TraceSettings()


def test_x_ray_gets_them_signed(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an-example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session")
    with exporting_traces(settings(monkeypatch, to="xray", endpoint=collector.url), REGION):
        tracing.on_behalf_of("order")
        tracing.begin("process order-new", SpanKind.CONSUMER, {}).end()
    assert collector.spans == [("order", "process order-new")]
    [(headers, body)] = collector.asked
    assert headers["x-amz-security-token"] == "a-session"
    signed = re.search(
        r"Credential=AKIDEXAMPLE/\d{8}/sa-east-1/xray/aws4_request, .*Signature=(\w+)", headers["authorization"]
    )
    assert signed
    assert signed[1] == signature(collector.url, body, headers["x-amz-date"])


def signature(url: str, body: bytes, date: str) -> str:
    """The one that AWS would compute."""
    request = AWSRequest("POST", url, data=body, headers={"X-Amz-Date": date, "X-Amz-Security-Token": "a-session"})
    request.context["timestamp"] = date
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "an-example", "a-session"), "xray", REGION)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def test_a_collector_gets_them_as_they_are(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    with exporting_traces(settings(monkeypatch, to="otlp", endpoint=collector.url), REGION):
        tracing.begin("anything", SpanKind.INTERNAL, {}).end()
    assert [name for _, name in collector.spans] == ["anything"]
    assert "authorization" not in collector.asked[0][0]


async def test_off_nothing_is_made_nor_put_between(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, collector: Collector
) -> None:
    with exporting_traces(settings(monkeypatch, endpoint=collector.url), REGION):
        assert not tracing.on()
        async with desk("reservation", holds(), f"sqlite+aiosqlite:///{tmp_path}/test.db") as one:
            assert "Traced" not in repr(one.app.user_middleware)
            assert not one.running.database.engine.sync_engine.dispatch.before_cursor_execute
        assert isinstance(http_transport(), httpx.AsyncHTTPTransport)
        with tracing.span("anything", SpanKind.CLIENT, {}) as span:
            assert span is None
    assert cancelling().traceparent is None
    assert collector.asked == []
