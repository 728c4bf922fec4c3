"""The system that docker-compose.yml describes, as processes of this machine: it starts, sells, and drains."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from contracts.routes import SERVICES
from localstack.front_door import url_of
from tests.compose.compose_file import Container, containers
from tests.compose.machine import Machine

SECRETS = {"BILHETAGEM_DATABASE_PASSWORD": "another", "BILHETAGEM_LOG_LEVEL": "warning"}


@pytest.fixture(scope="module")
def described() -> dict[str, Container]:
    return containers(SECRETS)


@pytest.fixture(scope="module")
def machine(described: dict[str, Container], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(described, tmp_path_factory.mktemp("compose"))
    try:
        machine.start()
        yield machine
    finally:
        machine.stop()


def test_a_purchase_ends_in_a_pdf(machine: Machine) -> None:
    with httpx.Client(base_url=machine.url("gateway"), timeout=35, trust_env=False) as client:
        order = ordered(client)
        tickets = issued(client, order["id"])
        pdfs = [client.get(f"/tickets/{ticket['id']}/pdf") for ticket in tickets]

    assert len(tickets) == 2
    assert [(pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) for pdf in pdfs] == [
        (200, "application/pdf", b"%PDF-")
    ] * 2


def test_the_front_door_is_api_gateway(machine: Machine) -> None:
    with httpx.Client(base_url=url_of(machine.url("localstack")), timeout=35, trust_env=False) as client:
        order = ordered(client)

        assert len(issued(client, order["id"])) == 2


async def test_a_login_reaches_its_own_database_only(machine: Machine) -> None:
    login = {"host": machine.sockets, "user": "order", "password": SECRETS["BILHETAGEM_DATABASE_PASSWORD"]}
    await (await asyncpg.connect(**login, database="order")).close()

    for name in set(SERVICES) - {"order"}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(**login, database=name)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**login | {"password": "a guess"}, database="order")


def test_sigterm_drains_every_container_in_time(machine: Machine, described: dict[str, Container]) -> None:
    ended = machine.ask_to_stop()

    assert ended == dict.fromkeys(described.keys() - {"localstack", "postgres", "migrate"}, 0)


def ordered(client: httpx.Client) -> dict[str, Any]:
    """An order of two tickets and a parking place, from a catalogue made for it."""
    user = made(client, "/users/", name="Ana Lúcia", email=f"ana.{uuid4()}@example.com")
    date = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    event = made(client, "/events/", title="Orquestra Sinfônica", location="Sala São Paulo", date=date)
    parking = made(client, "/products/", event_id=event["id"], name="Estacionamento", price=35.5, stock=10)
    seats = made(client, "/tickets/", event_id=event["id"], quantity=100, price=150)
    hold = made(client, "/reservations/", user_id=user["id"], ticket_id=seats["id"], quantity=2)
    assert hold["status"] == "held", hold
    return made(
        client,
        "/orders/",
        user_id=user["id"],
        event_id=event["id"],
        items=[{"reservation_id": hold["id"]}],
        products=[{"product_id": parking["id"], "quantity": 1}],
        total_price=335.5,
    )


def made(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    """What was made, waited for where it is decided later."""
    answer = client.post(path, json=body, headers={"Prefer": "wait=25"})
    assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
    outcome: dict[str, Any] = answer.json()
    return outcome


def issued(client: httpx.Client, order_id: str) -> list[dict[str, Any]]:
    """The tickets of an order, once it is completed."""
    deadline = time.monotonic() + 30
    while (order := client.get(f"/orders/{order_id}").json())["status"] != "completed":
        assert time.monotonic() < deadline, order
        time.sleep(0.1)
    tickets: list[dict[str, Any]] = client.get(f"/tickets/issued?order_id={order_id}").json()["items"]
    return tickets
