"""`kill -9` of everything but LocalStack, which keeps the queues, in the middle of things."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.box_office import BoxOffice, Seen, an_office
from tests.e2e.queues import depths, soon_visible
from tests.e2e.system import READY_SECONDS, System, a_folder
from tests.eventually import eventually

DEADLINE_SECONDS = 400
_SETTINGS = {"BILHETAGEM_PAYMENT_CONFIRMATION_SECONDS": "0.3"}


@pytest.fixture
def mortal(request: pytest.FixtureRequest, localstack_url: str) -> Iterator[System]:
    """A system that is killed and started again by its test, which gets it not started, and names its database."""
    with a_folder() as folder:
        system = System(folder, ("--database", request.param), _SETTINGS, aws_url=localstack_url)
        yield system
        system.kill()


class Patient:
    """A buyer's program: sends a request again, under one Idempotency-Key, until it is answered."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str) -> Seen:
        return await self._answered("GET", path, headers={"Prefer": "wait=5"})

    async def post(self, path: str, **body: Any) -> Seen:
        return await self._answered("POST", path, json=body, headers={"Idempotency-Key": str(uuid4())})

    async def _answered(self, method: str, path: str, **more: Any) -> Seen:
        found = await eventually(partial(self._once, method, path, more), seconds=DEADLINE_SECONDS, every=0.5)
        assert found is not None
        return found

    async def _once(self, method: str, path: str, more: dict[str, Any]) -> Seen | None:
        try:
            answer = await self._client.request(method, path, **more)
        except httpx.TransportError:
            return None
        if answer.status_code == 503:
            return None
        assert answer.status_code in {200, 201, 202}, answer.text
        seen: Seen = answer.json()
        return seen


@pytest.mark.parametrize("mortal", ["sqlite"], indirect=True)
async def test_twenty_purchases_survive_a_kill_in_their_middle(mortal: System) -> None:
    await _up(mortal)
    async with an_office(mortal) as office:
        ticket = await office.put_on_sale(40)
        holds = await asyncio.gather(*(_hold(office, ticket) for _ in range(20)))
        orders = await asyncio.gather(*(office.order(buyer, [hold], 200) for buyer, hold in holds))
        mortal.kill()
        await _up(mortal)
        for order in orders:
            await eventually(
                partial(office.get, f"/orders/{order}"),
                until=lambda seen: seen["status"] == "completed",
                seconds=DEADLINE_SECONDS,
                every=0.5,
            )
        await office.at_rest()
        assert await office.seats(ticket) == (0, 0, 40)
    assert depths(mortal, dead=True) == {}
    mortal.stop()


async def _hold(office: BoxOffice, ticket: str) -> tuple[str, str]:
    buyer = await office.buyer()
    return buyer, await office.reserve(buyer, ticket, 2)


@pytest.mark.parametrize("mortal", ["postgres"], indirect=True)
async def test_a_rush_of_three_hundred_buyers_survives_two_kills(mortal: System) -> None:
    seats, buyers = 40, 300
    await _up(mortal)
    async with an_office(mortal) as office:
        ticket = await office.put_on_sale(seats)
        shop = Patient(office.client)
        rush = [asyncio.create_task(_buy(office, ticket)) for _ in range(buyers)]
        for decided in (seats // 4, seats // 2):
            await _seats_are_taken(shop, ticket, decided)
            mortal.kill()
            await _up(mortal)
        outcomes = Counter(await asyncio.gather(*rush))
        assert outcomes == {"completed": seats, "sold_out": buyers - seats}
        await office.at_rest()
        assert await office.seats(ticket) == (0, 0, seats)
        tickets = [issued for order in office.orders for issued in await office.issued(order)]
        assert len({issued["id"] for issued in tickets}) == seats
        payments = [await office.payment(order) for order in office.orders]
        assert sum(payment["amount"] for payment in payments if payment) == 100 * seats
    assert depths(mortal, dead=True) == {}
    mortal.stop()


async def _buy(office: BoxOffice, ticket: str) -> str:
    """One buyer of the rush: how it ended."""
    shop = Patient(office.client)
    user = (await shop.post("/users/", name="Ana", email=f"{uuid4()}@example.com"))["id"]
    reservation = await shop.post("/reservations/", user_id=user, ticket_id=ticket, quantity=1)
    office.reservations.append(reservation["id"])
    held = await _decided(shop, f"/reservations/{reservation['id']}", {"held", "rejected"})
    if held["status"] == "rejected":
        return str(held["reason"])
    order = await shop.post(
        "/orders/",
        user_id=user,
        event_id=office.event,
        items=[{"reservation_id": reservation["id"]}],
        total_price=100,
    )
    office.orders.append(order["id"])
    return str((await _decided(shop, f"/orders/{order['id']}", {"completed", "rejected", "cancelled"}))["status"])


async def _seats_are_taken(shop: Patient, ticket: str, least: int) -> None:
    await eventually(
        lambda: shop.get(f"/reservations/availability/{ticket}"),
        until=lambda seen: seen["held"] + seen["sold"] >= least,
        seconds=DEADLINE_SECONDS,
    )


async def _decided(shop: Patient, path: str, statuses: set[str]) -> Seen:
    return await eventually(
        lambda: shop.get(path), until=lambda seen: seen["status"] in statuses, seconds=DEADLINE_SECONDS, every=1
    )


async def _up(system: System) -> None:
    """Start it while buyers go on."""
    system.launch()

    async def ready() -> bool:
        # Again and again: starting provisions the queues anew, and receives of killed workers take messages still.
        await asyncio.to_thread(soon_visible, system)
        return system.is_ready()

    await eventually(ready, seconds=READY_SECONDS)
