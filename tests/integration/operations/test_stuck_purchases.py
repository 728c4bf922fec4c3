"""Purchases that are made stuck on purpose, on real queues: operators see why, and mend them with the commands."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.operations.deployment import find
from services.operations.desk import at_desk
from services.operations.finding import journals_of
from services.operations.purchases import Purchase
from services.operations.recording import read
from services.operations.resending import plan
from services.operations.timeline import Fate
from tests.eventually import eventually
from tests.integration.operations.market import Market, a_market


@pytest.fixture
async def market(tmp_path: Path, localstack_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Market]:
    """A running system of the test's own."""
    (tmp_path / "state").mkdir()
    async with a_market(tmp_path / "state", localstack_url, monkeypatch) as market:
        yield market


def carried_on_by(purchase: Purchase) -> list[tuple[str, Fate | None]]:
    """Who has to act, and on what; timers that run are no matter."""
    return [(wait.by, wait.fate) for wait in purchase.waits if wait.fate is not Fate.DUE_LATER]


async def test_a_message_lost_from_its_queue_is_sent_again_and_the_purchase_completes(market: Market) -> None:
    await market.stop("ticket")
    seats, order = await market.buy()
    await market.becomes(order, "confirmed")

    waiting = await market.find(seats)
    assert waiting.id == order
    assert carried_on_by(waiting) == [("ticket", Fate.QUEUED)]
    assert plan(waiting).steps == []

    await market.purge("ticket-underway")
    market.start("ticket")
    (stuck,) = await market.stuck()
    assert (stuck.id, carried_on_by(stuck)) == (order, [("operator", Fate.LOST)])
    assert await market.status(order) == "confirmed"
    lost = next(str(wait.message_id) for wait in stuck.waits if wait.fate is Fate.LOST)
    assert (await market.find(lost)).id == order

    refused = await market.command("resend", order, "--from", str(uuid4()), fails=True)
    assert "has no message" in refused
    assert await market.status(order) == "confirmed"
    said = await market.command("resend", order)
    assert "reservation sends ReservationsConfirmed to ticket-underway" in said
    await market.becomes(order, "completed")

    assert (await market.find(order)).waits == ()
    assert await market.stuck() == []
    ticket = (await market.client.get(f"{market.urls['ticket']}/tickets/issued?order_id={order}")).json()["items"][0]
    assert (await market.find(ticket["id"])).id == order
    recording = read((await market.command("export", order)).splitlines())
    assert (recording.purchase, recording.correlations) == (order, (order, seats))


async def test_outbox_rows_that_were_deleted_are_made_again_from_the_journal(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_accepted(_: object) -> set[object]:
        return set()

    with monkeypatch.context() as away:
        away.setattr(market.running["order"].outbox, "_send", nothing_accepted)
        _, order = await market.buy()
        await eventually(lambda: market.status(order), until=lambda status: status == "placed")
        assert {("order", Fate.UNSENT)} == set(carried_on_by(await market.find(order)))
        await market.stop("order")
        assert await market.forget_outbox("order") > 0
    market.start("order")

    stuck = await market.find(order)
    assert {("operator", Fate.LOST)} == set(carried_on_by(stuck))
    async with at_desk(find(None, None, market.environment)) as desk:
        for service, wanted in plan(stuck).by.items():
            await journals_of(desk).resend(service, wanted)
    await market.becomes(order, "completed")


async def test_a_rejected_order_is_found_by_the_reservation_that_it_asked_for(market: Market) -> None:
    seats, order = await market.buy(total=199)
    await market.becomes(order, "rejected")
    found = await market.find(seats)
    assert (found.id, found.state, seats in found.correlations) == (order, "rejected", True)


async def test_what_nobody_has_handled_is_in_its_queue_only_and_the_command_says_so(market: Market) -> None:
    said = await market.command("show", str(uuid4()), fails=True)
    assert "exists only in its queue" in said
    assert "Traceback" not in said


async def test_a_catalogues_fact_that_nobody_heard_is_told_anew_from_its_row(market: Market) -> None:
    await market.stop("reservation")
    _, event, ticket = await market.put_on_sale()
    await market.arrived("reservation-underway", 2)
    await market.purge("reservation-underway")
    market.start("reservation")

    found = await market.find(ticket)
    assert (found.state, carried_on_by(found)) == ("catalogue", [("operator", None)])
    assert "no listener has handled a fact of it" in await market.command("show", ticket)
    assert "nothing to record" in await market.command("export", ticket, fails=True)
    for row in (event, ticket):
        assert f"{row} as it is now" in await market.command("resend", row)

    on_sale = f"{market.urls['reservation']}/reservations/availability/{ticket}"
    await eventually(lambda: market.client.get(on_sale), until=lambda answer: answer.is_success)
    assert (await market.find(ticket)).waits == ()
