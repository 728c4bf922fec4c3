"""``bilhetagem smoke``: one purchase at a system that runs, from an event on sale to a PDF, and all of it undone.

A pipeline runs it after a release. It needs the API's URL, and an access token where the front door asks for one.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import uuid4

import httpx
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.event import EventBody
from contracts.money import Money
from contracts.order import OrderBody, OrderItem
from contracts.reservation import ReservationBody
from contracts.ticket import TicketTypeBody
from contracts.user import UserBody
from services.chassis.forms import read_by
from services.operations.client import Bilhetagem, Event, User
from services.operations.commands import console
from services.operations.deployment import url_given
from services.operations.errors import Trouble
from services.operations.settings import complete

PRICE = Money.parse(1)


def _bearer_token(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text):
        raise ValueError("should be a bearer token (RFC 6750)")


class SmokeSettings(BaseSettings):
    """What the environment says."""

    model_config = SettingsConfigDict(env_prefix="BILHETAGEM_", extra="ignore", use_attribute_docstrings=True)

    access_token: Annotated[SecretStr, read_by(_bearer_token)] | None = None
    """Sent as a bearer token: API Gateway's authorizer asks for one of Cognito's."""


def smoke(url: str, seconds: float) -> None:
    """Buy one ticket and give it back. Raises ApiError and Trouble when something is not as it should be."""
    url = url_given(url, "The API's URL,")
    try:
        asyncio.run(_purchase(url, seconds, complete(SmokeSettings, "`smoke`").access_token))
    except httpx.HTTPError as error:
        raise Trouble(f"{url} does not answer: {error!r}") from None


async def _purchase(url: str, seconds: float, token: SecretStr | None) -> None:
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30) as client:
        api = Bilhetagem(client)
        async with _on_sale(api) as event, _registered(api) as buyer:
            await _buy_and_give_back(api, event, buyer, seconds)
    console.print("[bold green]A ticket was sold, delivered and given back.[/]")


@asynccontextmanager
async def _on_sale(api: Bilhetagem) -> AsyncIterator[Event]:
    """An event, called off at the end."""
    title, date = "Smoke test", datetime.now(UTC) + timedelta(days=365)
    event = await api.schedule(EventBody(title=title, location="Nowhere", date=date))
    try:
        yield event
    finally:
        await api.call_off(event.id)


@asynccontextmanager
async def _registered(api: Bilhetagem) -> AsyncIterator[User]:
    """A buyer, erased at the end."""
    buyer = await api.register(UserBody(name="Smoke Test", email=f"smoke-{uuid4()}@example.com"))
    try:
        yield buyer
    finally:
        await api.erase_user(buyer.id)


async def _buy_and_give_back(api: Bilhetagem, event: Event, buyer: User, seconds: float) -> None:
    ticket_type = await api.put_on_sale(TicketTypeBody(event_id=event.id, name="Pista", quantity=1, price=PRICE))
    await api.availability(ticket_type.id, seconds=seconds)
    held = await api.reserve(ReservationBody(user_id=buyer.id, ticket_id=ticket_type.id, quantity=1), seconds=seconds)
    _expect("reservation", held.status, held.reason, "held")
    body = OrderBody(
        user_id=buyer.id,
        event_id=event.id,
        items=(OrderItem(reservation_id=held.id),),
        total_price=PRICE,
    )
    placed = await api.place_order(body, seconds=seconds)
    console.print(f"order {placed.id}", markup=False)
    order = await api.order_becomes(placed.id, seconds=seconds)
    _expect("order", order.status, order.reason, "completed")
    tickets = [await api.pdf(ticket) async for ticket in api.issued(order.id)]
    if len(tickets) != 1 or not tickets[0].startswith(b"%PDF-"):
        raise Trouble(f"Order {order.id} is completed, but its ticket is not one PDF.")
    await api.cancel(order.id)
    await api.order_becomes(order.id, "refunded", seconds=seconds)


def _expect(what: str, status: str, reason: str | None, expected: str) -> None:
    if status != expected:
        raise Trouble(f"The {what} is {status} ({reason or 'no reason given'}), and should be {expected}.")
