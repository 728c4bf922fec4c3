"""Messages in, tickets and PDFs out: the real handlers and effects over a database and a bucket."""

import asyncio
import io
from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from contracts.event import EventChanged
from contracts.message import Message
from contracts.money import Money
from contracts.reservation import ReservationsConfirmed, SeatLine
from contracts.ticket import TicketsIssued, TicketsVoided, VoidTickets
from contracts.user import UserErased, UserUpdated
from services.chassis.decision import Done
from services.ticket.adapters.sql import tables, tickets
from services.ticket.effects import PAGE
from tests.integration.ticket.conftest import REGISTERED, SCHEDULED, Box
from tests.unit.ticket.tickets import BUYER, CONCERT, CONFIRMED, FIRST, FLOOR, ORDER, SECOND, STARTS_AT

MOVED = EventChanged(
    event_id=CONCERT,
    version=2,
    title="Tributo a Milton",
    location="Fundição Progresso",
    date=STARTS_AT,
    timezone="America/Sao_Paulo",
)
ERASED = UserErased(user_id=BUYER, version=2)
WITHDRAWN = VoidTickets(order_id=ORDER, event_id=CONCERT, reason="cancelled")


async def shown(box: Box) -> dict[UUID, tuple[str, int, int]]:
    async with box.running.database.reading() as connection:
        columns = tickets.c
        query = select(columns.id, columns.pdf_key, columns.event_version, columns.holder_version)
        return {row[0]: (row[1], row[2], row[3]) for row in await connection.execute(query)}


async def printed(box: Box, ticket_id: UUID) -> str:
    """The text of the PDF that a ticket has now."""
    key, _, _ = (await shown(box))[ticket_id]
    return text_of(box.stored()[key])


def text_of(pdf: bytes) -> str:
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(page.extract_text().split())


async def test_a_confirmed_order_has_a_pdf_for_every_seat(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    assert await box.hear(CONFIRMED) == [Done()]

    (issued,) = await box.told()
    assert isinstance(issued, TicketsIssued)
    assert {line.ticket_id for line in issued.tickets} == {FIRST, SECOND}
    for ticket_id, number in ((FIRST, "1 de 2"), (SECOND, "2 de 2")):
        text = await printed(box, ticket_id)
        for word in ("Tributo a Milton", "Circo Voador", "Ana Souza", "Pista", number):
            assert word in text


async def test_issuing_twice_gives_the_same_tickets_and_pdfs(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    once, stored = await shown(box), box.stored()
    await box.told()

    await box.hear(CONFIRMED)

    assert await shown(box) == once
    assert box.stored() == stored
    assert await box.told() == []


async def test_a_confirmation_waits_for_its_event_and_its_holder(box: Box) -> None:
    for known in (SCHEDULED, REGISTERED):
        assert await box.hear(CONFIRMED) == [Done()]
        assert await shown(box) == {}
        await box.hear(known)
    async with box.running.database.reading() as connection:
        query = select(tables.outbox.c.waits_for).order_by(tables.outbox.c.waits_for)
        waits = (await connection.execute(query)).scalars().all()
    assert waits == [f"event {CONCERT} is not known yet", f"ticket holder {BUYER} is not known yet"]
    await box.hear(CONFIRMED)
    assert len(await shown(box)) == 2


async def test_an_event_that_moves_is_shown_on_every_good_ticket(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    before = await shown(box)

    await box.hear(MOVED)

    after = await shown(box)
    assert "Fundição Progresso" in await printed(box, FIRST)
    assert {versions for _, *versions in map(list, after.values()) if versions != [2, 1]} == set()
    assert all(after[one][0] != before[one][0] for one in before)


async def test_more_tickets_than_a_page_are_all_printed_again(box: Box) -> None:
    seats = 2 * PAGE + 1
    reservation = UUID(int=77)
    whole = ReservationsConfirmed(
        order_id=ORDER,
        event_id=CONCERT,
        user_id=BUYER,
        lines=(
            SeatLine(
                reservation_id=reservation,
                ticket_id=FLOOR,
                ticket_name="Pista",
                quantity=seats,
                unit_price=Money(15000),
            ),
        ),
    )
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(whole)
    await box.hear(MOVED)
    versions = {shown_[1] for shown_ in (await shown(box)).values()}
    assert versions == {2}
    assert len(await shown(box)) == seats
    assert uuid5(reservation, str(seats)) in await shown(box)


async def test_voided_tickets_are_not_printed_again(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    await box.hear(WITHDRAWN)
    before = await shown(box)
    await box.hear(MOVED)
    assert await shown(box) == before


async def test_a_new_name_is_on_every_ticket_of_its_holder(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    await box.hear(UserUpdated(user_id=BUYER, version=2, name="Ana Lima"))
    assert "Ana Lima" in await printed(box, SECOND)


async def test_an_erased_name_is_in_no_stored_pdf_any_more(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    await box.hear(MOVED)
    await box.hear(WITHDRAWN)
    assert len(box.stored()) == 4

    await box.hear(ERASED)

    assert [pdf for pdf in box.stored().values() if "Ana Souza" in text_of(pdf)] == []


async def test_tickets_of_an_erased_holder_are_issued_without_a_name(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(ERASED)
    await box.hear(CONFIRMED)
    assert "Ana Souza" not in await printed(box, FIRST)
    assert "Pista" in await printed(box, FIRST)


async def test_an_event_that_changes_while_tickets_are_printed_is_printed_all_the_same(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    press = box.running.assembly.adapters.press
    archive, put = press._archive, press._archive.put

    async def put_late(key: str, pdf: bytes) -> None:
        archive.put = put
        await put(key, pdf)
        await box.hear(MOVED)

    archive.put = put_late
    await box.hear(CONFIRMED)
    assert {versions[1] for versions in (await shown(box)).values()} == {2}
    assert "Fundição Progresso" in await printed(box, FIRST)


@pytest.mark.parametrize("printed_on", [CONFIRMED, MOVED], ids=["issue", "reprint"])
async def test_a_holder_who_is_erased_while_tickets_are_printed_is_in_no_stored_pdf(
    box: Box, printed_on: Message
) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    if printed_on is MOVED:
        await box.hear(CONFIRMED)
    archive = box.running.assembly.adapters.archive
    put = archive.put

    async def put_after_the_erasure(key: str, pdf: bytes) -> None:
        archive.put = put
        await box.hear(ERASED)
        await put(key, pdf)

    archive.put = put_after_the_erasure
    await box.hear(printed_on)
    assert archive.put is put
    assert [pdf for pdf in box.stored().values() if "Ana Souza" in text_of(pdf)] == []


async def test_a_batch_of_orders_and_their_withdrawals_stands_together(box: Box) -> None:
    def order(number: int) -> list[Message]:
        identity = UUID(int=1000 + number)
        line = CONFIRMED.lines[0].model_copy(update={"reservation_id": UUID(int=2000 + number)})
        confirmed = CONFIRMED.model_copy(update={"order_id": identity, "lines": (line,)})
        return [confirmed, WITHDRAWN.model_copy(update={"order_id": identity})]

    await box.hear(SCHEDULED, REGISTERED)
    assert await box.hear(*(message for number in range(5) for message in order(number))) == [Done()] * 10
    told = await box.told()
    assert sum(isinstance(message, TicketsIssued) for message in told) == 5
    assert sum(isinstance(message, TicketsVoided) for message in told) == 5


async def test_used_or_withdrawn_is_decided_once_whoever_comes_first(box: Box) -> None:
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    await box.told()
    box.clock.now += timedelta(minutes=1)
    operator = {"Authorization": "Bearer the secret of a gate"}

    entered, _ = await asyncio.gather(
        box.http.post(f"/tickets/issued/{FIRST}/check-in", headers=operator), box.hear(WITHDRAWN)
    )

    (answer,) = await box.told()
    assert (entered.status_code == 200) != isinstance(answer, TicketsVoided)
