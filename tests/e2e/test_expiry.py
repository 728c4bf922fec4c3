"""Holds that run out. The stories run side by side, for each of them takes as long as a hold."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.box_office import BoxOffice, an_office
from tests.e2e.conftest import SETTINGS
from tests.e2e.system import System, a_folder, running
from tests.eventually import eventually

HOLD_SECONDS = 8
"""Long enough to order and be charged on a busy machine, short enough to see holds run out."""

type Story = Callable[[BoxOffice], Awaitable[None]]


async def a_hold_that_nobody_orders(office: BoxOffice) -> None:
    ticket = await office.put_on_sale(5)
    hold = await office.reserve(await office.buyer(), ticket, 4)
    assert await office.seats(ticket) == (1, 4, 0)
    await office.becomes(f"/reservations/{hold}", status="released", reason="expired")
    assert await office.seats(ticket) == (5, 0, 0)


async def an_order_that_is_never_paid(office: BoxOffice) -> None:
    ticket, shirt, buyer = await office.put_on_sale(5), await office.stock_product(3), await office.buyer()
    hold = await office.reserve(buyer, ticket)
    order = await office.order(buyer, [hold], 140, products={shirt: 2}, token="never-answer")
    awaiting = await office.order_becomes(order, "awaiting_payment")
    assert awaiting["payment_url"] == f"/payments/{order}"
    assert (await office.get(f"/products/{shirt}"))["available"] == 1
    await office.order_becomes(order, "cancelled", "expired")
    await office.becomes(f"/payments/{order}", status="voided")
    assert await office.seats(ticket) == (5, 0, 0)


async def a_payment_after_expiry(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(5), token="approve-late")
    await office.order_becomes(order, "refunded", "expired")


async def several_reservations_of_which_one_expires(office: BoxOffice) -> None:
    ticket, buyer = await office.put_on_sale(5), await office.buyer()
    early = await office.ask(buyer, ticket, 1)
    half_way = datetime.fromisoformat(early["expires_at"]) - timedelta(seconds=HOLD_SECONDS / 2)
    await eventually(_now, until=lambda now: now > half_way)
    late = await office.ask(buyer, ticket, 2)
    order = await office.order(buyer, [early["id"], late["id"]], 300, token="never-answer")
    await office.order_becomes(order, "cancelled", "expired")
    released = await office.becomes(f"/reservations/{late['id']}", status="released", reason="expired")
    assert released["expires_at"] > datetime.now(UTC).isoformat(), "it went with the early one, before its own time"


async def an_order_for_a_hold_that_has_run_out(office: BoxOffice) -> None:
    ticket, buyer = await office.put_on_sale(5), await office.buyer()
    hold = await office.reserve(buyer, ticket)
    await office.becomes(f"/reservations/{hold}", status="released")
    await office.order_becomes(await office.order(buyer, [hold], 100), "rejected", "expired")


STORIES: list[Story] = [
    a_hold_that_nobody_orders,
    an_order_that_is_never_paid,
    a_payment_after_expiry,
    several_reservations_of_which_one_expires,
    an_order_for_a_hold_that_has_run_out,
]


@pytest.fixture(scope="module")
def endings() -> dict[str, BaseException | None]:
    """How each story ended, on a system whose holds are short."""
    short = {"BILHETAGEM_HOLD_SECONDS": str(HOLD_SECONDS), "BILHETAGEM_ORDER_PAYMENT_MARGIN": "PT1S"}

    async def play(system: System) -> list[BaseException | None]:
        return await asyncio.gather(*(_played(system, story) for story in STORIES), return_exceptions=True)

    with a_folder() as folder, running(System(folder, settings=SETTINGS | short)) as system:
        return dict(zip((story.__name__ for story in STORIES), asyncio.run(play(system)), strict=True))


@pytest.mark.parametrize("story", [story.__name__ for story in STORIES])
def test_time_is_up_for(story: str, endings: dict[str, BaseException | None]) -> None:
    if error := endings[story]:
        raise error


async def _played(system: System, story: Story) -> None:
    async with an_office(system) as office:
        await story(office)
        await office.at_rest()


async def _now() -> datetime:
    return datetime.now(UTC)
