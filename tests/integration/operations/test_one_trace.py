"""One purchase is one trace, over all seven services and their real queues."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry.trace import SpanKind

from contracts.routes import SERVICES
from tests.integration.operations.market import Market, a_market
from tests.spans import Spans, context, parent_of, service_of, told, trace_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT = 0xB7AD6B7169203331


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
async def market(
    tmp_path: Path, localstack_url: str, monkeypatch: pytest.MonkeyPatch, spans: Spans
) -> AsyncIterator[Market]:
    (tmp_path / "state").mkdir()
    with spans.kept():
        async with a_market(tmp_path / "state", localstack_url, monkeypatch) as market:
            yield market


async def test_a_purchase_is_one_trace_over_seven_services(market: Market, spans: Spans) -> None:
    market.client.headers["traceparent"] = f"00-{TRACE}-{CLIENT:016x}-01"
    await market.post("product", "/products/", name="Camiseta", price=20, stock=5)
    _, order = await market.buy()
    del market.client.headers["traceparent"]  # whoever only looks is no part of it
    await market.becomes(order, "completed")
    await market.stop(*market.working)

    purchase = {context(span).span_id: span for span in spans.all if trace_of(span) == TRACE}
    assert {service_of(span) for span in purchase.values()} == set(SERVICES)
    messages = [*spans.named("process"), *spans.named("send")]
    assert [span.name for span in messages if trace_of(span) != TRACE] == []
    parents = {parent_of(span) for span in purchase.values()}
    assert parents - purchase.keys() == {CLIENT}
    handled = {told(span, "cloudevents.event_type") for span in spans.named("process")}
    assert {told(span, "cloudevents.event_type") for span in spans.named("send")} == handled
    assert {"bilhetagem.order.place-order.v1", "bilhetagem.payment.settle-payment.v1"} <= handled

    [webhook] = spans.named("POST /payments/webhook")
    asked = purchase[parent_of(webhook)]
    assert (asked.kind, told(asked, "http.response.status_code")) == (SpanKind.CLIENT, 202)
    [charge] = [span for span in spans.named("process payment-underway") if context(span).span_id == parent_of(asked)]
    assert told(charge, "cloudevents.event_type") == "bilhetagem.order.payment-requested.v1"
    issued = {parent_of(span) for span in spans.named("S3/PutObject")}
    assert {purchase[one].name for one in issued} == {"process ticket-underway"}
