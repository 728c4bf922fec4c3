import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from contracts.message import Envelope
from contracts.order import OrderCancelled, OrderItem, OrderPlaced, OrderProduct
from services.chassis.decision import Done
from services.chassis.letters import Delivery
from services.product.service import product
from tests.integration.catalogue.conftest import Api, Serve, problem

CONCERT, MATCH = uuid4(), uuid4()
PARKING: dict[str, Any] = {"name": "Estacionamento", "price": 30.5, "stock": 10}


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[Api]:
    async with serve(product) as api:
        yield api


async def offered(api: Api, **other: Any) -> UUID:
    response = await api.http.post("/products/", json={**PARKING, **other})
    assert response.status_code == 201, response.text
    return UUID(response.json()["id"])


async def shown(api: Api, product_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = (await api.http.get(f"/products/{product_id}")).json()
    return found


async def work_off(api: Api, message: OrderPlaced | OrderCancelled) -> None:
    """Let the worker's pipeline handle a message, twice: the second one is known."""
    running = api.running
    envelope = Envelope.request(message, by="order", at=running.clock(), message_id=uuid4())
    for _ in range(2):
        delivery = Delivery("product-underway", envelope.encode(), "receipt", 1)
        assert await running.pipeline().handle([delivery]) == [Done()]


async def ordered(api: Api, product_id: UUID, quantity: int) -> UUID:
    order = uuid4()
    await work_off(
        api,
        OrderPlaced(
            order_id=order,
            user_id=uuid4(),
            event_id=CONCERT,
            items=(OrderItem(reservation_id=uuid4()),),
            products=(OrderProduct(product_id=product_id, quantity=quantity),),
        ),
    )
    return order


async def test_a_product_is_put_on_sale(api: Api) -> None:
    response = await api.http.post("/products/", json=PARKING)
    body = response.json()
    stock = {"stock": 10, "allocated": 0, "available": 10}
    assert (response.status_code, body) == (201, {"id": body["id"], "event_id": None, **PARKING, **stock})
    assert (await api.http.get(response.headers["location"])).json() == body


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": -1},
        {"price": 1.001},
        {"price": "30.50"},
        {"stock": -1},
        {"stock": 1_000_001},
        {"stock": 1.5},
        {"event_id": "concert"},
        {"name": ""},
        {"allocated": 3},
    ],
)
async def test_a_body_that_is_wrong_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    assert problem(await api.http.post("/products/", json={**PARKING, **wrong})) == (422, "invalid")
    assert (await api.http.get("/products/")).json() == {"items": []}


async def test_the_dearest_product_keeps_every_cent(api: Api) -> None:
    assert (await shown(api, await offered(api, price=999_999_999.99)))["price"] == 999_999_999.99


async def test_an_idempotency_key_offers_once(api: Api) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, second = [await api.http.post("/products/", json=PARKING, headers=key) for _ in range(2)]
    assert (second.status_code, second.json()) == (201, first.json())
    assert len((await api.http.get("/products/")).json()["items"]) == 1


async def test_behind_a_gateway_its_place_begins_with_the_gateways_path(api: Api) -> None:
    response = await api.http.post("/products/", json=PARKING, headers={"X-Forwarded-Prefix": "/v1"})
    assert response.headers["location"] == f"/v1/products/{response.json()['id']}"


async def test_an_offer_is_replaced_whole(api: Api) -> None:
    parking = await offered(api, event_id=str(CONCERT))
    response = await api.http.put(f"/products/{parking}", json={"name": "Vaga", "price": 40, "stock": 5})
    assert (response.status_code, response.json()) == (200, await shown(api, parking))
    assert await shown(api, parking) == {
        "id": str(parking), "event_id": None, "name": "Vaga", "price": 40.0, "stock": 5, "allocated": 0, "available": 5,
    }  # fmt: skip


async def test_an_order_takes_from_stock_and_gives_back_when_it_is_off(api: Api) -> None:
    parking = await offered(api)
    order = await ordered(api, parking, 4)
    assert (await shown(api, parking))["available"] == 6
    await work_off(api, OrderCancelled(order_id=order, event_id=CONCERT, reason="expired"))
    assert (await shown(api, parking))["available"] == 10
    await work_off(api, OrderCancelled(order_id=order, event_id=CONCERT, reason="cancelled"))
    assert (await shown(api, parking))["available"] == 10


async def test_an_order_for_more_than_there_is_takes_nothing(api: Api) -> None:
    parking = await offered(api)
    await ordered(api, parking, 11)
    assert (await shown(api, parking))["available"] == 10


async def test_of_twenty_orders_at_once_for_the_last_ten_ten_get_theirs(api: Api) -> None:
    parking = await offered(api)
    await asyncio.gather(*(ordered(api, parking, 1) for _ in range(20)))
    assert (await shown(api, parking))["available"] == 0
    async with api.running.database.reading() as connection:
        count = text("SELECT status, count(*) FROM allocations GROUP BY status ORDER BY status")
        assert [tuple(row) for row in await connection.execute(count)] == [("allocated", 10), ("refused", 10)]


async def test_stock_does_not_fall_below_what_orders_have(api: Api) -> None:
    parking = await offered(api)
    await ordered(api, parking, 4)
    response = await api.http.put(f"/products/{parking}", json={**PARKING, "stock": 3})
    assert problem(response) == (409, "below_allocated")
    assert response.json()["allocated"] == 4
    assert (await api.http.put(f"/products/{parking}", json={**PARKING, "stock": 4})).json()["available"] == 0


async def test_a_withdrawn_product_is_gone(api: Api) -> None:
    parking = await offered(api)
    assert (await api.http.delete(f"/products/{parking}")).status_code == 204
    assert (await api.http.delete(f"/products/{parking}")).status_code == 204
    assert problem(await api.http.get(f"/products/{parking}")) == (410, "withdrawn")
    assert problem(await api.http.put(f"/products/{parking}", json=PARKING)) == (410, "withdrawn")
    assert (await api.http.get("/products/")).json() == {"items": []}


async def test_products_of_an_event_are_its_own_and_those_for_all(api: Api) -> None:
    own, for_all = await offered(api, event_id=str(CONCERT)), await offered(api)
    await offered(api, event_id=str(MATCH))
    found = (await api.http.get("/products/", params={"event_id": str(CONCERT)})).json()["items"]
    assert {item["id"] for item in found} == {str(own), str(for_all)}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_product_is_not_found(api: Api, method: str) -> None:
    response = await api.http.request(method, f"/products/{uuid4()}", json=PARKING if method == "PUT" else None)
    assert problem(response) == (404, "not_found")
