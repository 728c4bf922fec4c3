"""A box office over HTTP: what buyers and organisers do, in their words, and what must hold when all is at rest."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

from services.chassis.ids import uuid7
from tests.e2e.system import System
from tests.eventually import eventually

ENDED = {"completed", "cancelled", "rejected", "refunded"}
SECONDS = 120
"""How long anything may take on a busy machine."""

_EVERY = 0.15
"""Many who ask all the time would be a load of their own."""

type Seen = dict[str, Any]


class BoxOffice:
    """One event of its own, with its ticket types, products, buyers and their orders."""

    def __init__(self, client: httpx.AsyncClient, operators_secret: str) -> None:
        self.client = client
        self.operators = {"Authorization": f"Bearer {operators_secret}"}
        self.event = ""
        self._types: list[str] = []
        self._products: list[str] = []
        self.reservations: list[str] = []
        self.orders: list[str] = []
        """What it is asked about when it is to be at rest: add what was made otherwise."""

    # Organisers

    async def schedule(self, *, days: float = 30, **more: Any) -> str:
        """Announce an event; what comes is about it."""
        date = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        made = await self.post("/events/", 201, title="Noite de Samba", location="Lapa, Rio", date=date, **more)
        self.event = made["id"]
        return self.event

    async def put_on_sale(self, quantity: int, reais: float = 100, **more: Any) -> str:
        """Put a ticket type on sale, and wait until it can be bought."""
        body = {"event_id": self.event, "name": "Pista", "quantity": quantity, "price": reais} | more
        made = await self.post("/tickets/", 201, **body)
        self._types.append(made["id"])
        await self.becomes(f"/reservations/availability/{made['id']}", quantity=quantity)
        return str(made["id"])

    async def stock_product(self, stock: int, reais: float = 20, **more: Any) -> str:
        """Put a product on sale."""
        made = await self.post("/products/", 201, **{"name": "Camiseta", "price": reais, "stock": stock} | more)
        self._products.append(made["id"])
        return str(made["id"])

    async def call_off(self) -> None:
        """Call the event off."""
        assert (await self.client.delete(f"/events/{self.event}")).status_code == 204

    # Buyers

    async def buyer(self, name: str = "Ana Lúcia Gonçalves") -> str:
        """Register a buyer."""
        return str((await self.post("/users/", 201, name=name, email=f"{uuid4()}@example.com"))["id"])

    async def ask(self, buyer: str, ticket: str, quantity: int = 1, *, seconds: int = 20) -> Seen:
        """Ask for seats; what was decided."""
        body = {"user_id": buyer, "ticket_id": ticket, "quantity": quantity}
        answer = await self.client.post("/reservations/", json=body, headers={"Prefer": f"wait={seconds}"})
        assert answer.status_code in {200, 201}, answer.text
        decided: Seen = answer.json()
        self.reservations.append(decided["id"])
        return decided

    async def reserve(self, buyer: str, ticket: str, quantity: int = 1) -> str:
        """Hold seats."""
        decided = await self.ask(buyer, ticket, quantity)
        assert decided["status"] == "held", decided
        return str(decided["id"])

    async def order(
        self,
        buyer: str,
        reservations: Sequence[str],
        reais: float,
        *,
        token: str | None = None,
        products: Mapping[str, int] | None = None,
        **more: Any,
    ) -> str:
        """Order what is reserved, at what the buyer believes the price to be."""
        body = {
            "user_id": buyer,
            "event_id": self.event,
            "items": [{"reservation_id": reservation} for reservation in reservations],
            "products": [{"product_id": product, "quantity": n} for product, n in (products or {}).items()],
            "total_price": reais,
            "payment": {"method": "pix", "token": token},
        }
        order = str((await self.post("/orders/", 202, **body | more))["id"])
        self.orders.append(order)
        return order

    async def buy(self, ticket: str, quantity: int = 1, *, reais: float = 100, token: str | None = None) -> str:
        """A new buyer's purchase, as far as the order."""
        buyer = await self.buyer()
        return await self.order(buyer, [await self.reserve(buyer, ticket, quantity)], reais * quantity, token=token)

    async def cancel(self, order: str) -> None:
        """Ask for an order to be undone."""
        assert (await self.client.delete(f"/orders/{order}")).status_code == 202

    async def check_in(self, ticket: str) -> httpx.Response:
        """A ticket at the gate."""
        return await self.client.post(f"/tickets/issued/{ticket}/check-in", headers=self.operators)

    # What became of it

    async def get(self, path: str) -> Seen:
        """Read something."""
        answer = await self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        found: Seen = answer.json()
        return found

    async def post(self, path: str, status: int, **body: Any) -> Seen:
        """Make something."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, f"{path}: {answer.text}"
        made: Seen = answer.json()
        return made

    async def becomes(self, path: str, *, seconds: float = SECONDS, **fields: Any) -> Seen:
        """Wait until a resource has these fields."""
        return await eventually(
            partial(self.get, path),
            until=lambda found: {name: found.get(name) for name in fields} == fields,
            seconds=seconds,
            every=_EVERY,
        )

    async def order_becomes(self, order: str, status: str, reason: str | None = None) -> Seen:
        """Wait until an order has come so far; fail at once when it has come to another end, for good."""
        found = await eventually(
            partial(self.get, f"/orders/{order}"),
            until=lambda seen: seen["status"] in {status, "rejected", "refunded"},
            seconds=SECONDS,
            every=_EVERY,
        )
        assert (found["status"], found["reason"]) == (status, reason), found
        return found

    async def seats(self, ticket: str) -> tuple[int, int, int]:
        """Seats free, held and sold."""
        found = await self.get(f"/reservations/availability/{ticket}")
        return found["free"], found["held"], found["sold"]

    async def issued(self, order: str) -> list[Seen]:
        """An order's issued tickets, whatever has become of them."""
        tickets: list[Seen] = (await self.get(f"/tickets/issued?order_id={order}&limit=100"))["items"]
        return tickets

    async def payment(self, order: str) -> Seen | None:
        """An order's payment, if there is one."""
        found: list[Seen] = (await self.get(f"/payments?order_id={order}"))["items"]
        return found[0] if found else None

    # What must hold

    async def at_rest(self) -> None:
        """Every order and reservation is at its end, and all counts agree; what comes later must come soon. What is
        held still, for nobody's order, is given back.

        Fails with what does not agree.
        """
        await eventually(self._disagreements, until=lambda found: not found, seconds=SECONDS, every=0.5)

    async def _disagreements(self) -> list[str]:
        orders = await self._all("/orders", self.orders)
        reservations = await self._all("/reservations", self.reservations)
        for held in [r["id"] for r in reservations if r["status"] == "held"]:
            assert (await self.client.delete(f"/reservations/{held}")).status_code in {202, 409}
        found = [f"{order['id']} is {order['status']}" for order in orders if order["status"] not in ENDED]
        found += [f"{r['id']} is {r['status']}" for r in reservations if r["status"] not in _ENDED_RESERVATION]
        sold: Counter[str] = Counter()
        for reservation in reservations:
            if reservation["status"] == "confirmed":
                sold[reservation["ticket_id"]] += reservation["quantity"]
        for seats in await self._all("/reservations/availability", self._types):
            expected = (seats["quantity"] - sold[seats["id"]], 0, sold[seats["id"]])
            if (seats["free"], seats["held"], seats["sold"]) != expected:
                found.append(f"{seats}, but {sold[seats['id']]} are confirmed")
        differing = await asyncio.gather(*map(self._order_that_disagrees, orders))
        return found + await self._products_that_disagree(orders) + [text for text in differing if text]

    async def _products_that_disagree(self, orders: Sequence[Seen]) -> list[str]:
        allocated: Counter[str] = Counter()
        for order in orders:
            for line in order["products"] if order["status"] == "completed" else ():
                allocated[line["product_id"]] += line["quantity"]
        return [
            f"{p}, but orders have {allocated[p['id']]}"
            for p in await self._all("/products", self._products)
            if (p["allocated"], p["available"]) != (allocated[p["id"]], p["stock"] - allocated[p["id"]])
        ]

    async def _order_that_disagrees(self, order: Seen) -> str | None:
        payment = await self.payment(order["id"])
        paid = payment["status"] if payment else None
        if paid not in _PAYMENTS.get(order["status"], ()) or (payment and payment["amount"] != order["total_price"]):
            return f"{order['id']} is {order['status']}, its payment {payment}"
        tickets = [ticket["status"] for ticket in await self.issued(order["id"])]
        seats = sum(line["quantity"] for line in order["items"]) if order["status"] == "completed" else 0
        if len(tickets) - tickets.count("voided") != seats:
            return f"{order['id']} is {order['status']} with tickets {tickets}"
        return None

    async def _all(self, path: str, ids: Sequence[str]) -> list[Seen]:
        return await asyncio.gather(*(self.get(f"{path}/{each}") for each in ids))


_ENDED_RESERVATION = {"confirmed", "released", "rejected"}
_PAYMENTS: Mapping[str, set[str | None]] = {
    "completed": {"approved"},
    "cancelled": {"declined", "voided"},
    "refunded": {"refunded"},
    "rejected": {None},
}
"""What an order's payment may be when the order is at its end."""


def minted(ago: timedelta = timedelta()) -> str:
    """An id that an ingress could have minted so long ago."""
    return str(uuid7(datetime.now(UTC) - ago, uuid4().int >> 54))


@asynccontextmanager
async def an_office(system: System) -> AsyncIterator[BoxOffice]:
    """A box office of a system, with an event on sale."""
    async with client_of(system) as client:
        office = BoxOffice(client, system.secrets["BILHETAGEM_OPERATORS_SECRET"])
        await office.schedule()
        yield office


def client_of(system: System, **more: Any) -> httpx.AsyncClient:
    """A client of the base URL, as patient as ``Prefer: wait`` may need."""
    return httpx.AsyncClient(base_url=system.url, trust_env=False, timeout=60, **more)
