from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from contracts.ticket import RenderTickets
from services.chassis.kernel import NotYet
from services.ticket.domain import EventFacts, Holder
from services.ticket.effects import PAGE, print_again, print_order
from services.ticket.ports import Reprint, Sheet
from tests.unit.ticket.tickets import BUYER, CONCERT, CONFIRMED, FIRST, ORDER, SECOND, event, holder


@dataclass
class Catalogue:
    """A catalogue in memory, that remembers what it was asked for."""

    known_event: EventFacts | None = None
    known_holder: Holder | None = None
    sheets: Sequence[Sheet] = ()
    asked: dict[str, object] = field(default_factory=dict)

    async def event(self, event_id: UUID) -> EventFacts | None:
        return self.known_event

    async def holder(self, user_id: UUID) -> Holder | None:
        return self.known_holder

    async def outdated(
        self, *, event_id: UUID | None, user_id: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Sheet]:
        self.asked = {"event_id": event_id, "user_id": user_id, "after": after}
        return self.sheets[:limit]


@dataclass
class Press:
    """A press that only says what it would print."""

    printed: list[Sheet] = field(default_factory=list)

    async def __call__(self, sheets: Sequence[Sheet]) -> Sequence[str]:
        self.printed += sheets
        return [f"{sheet.id}-v{sheet.event.version}.{sheet.holder.version}" for sheet in sheets]


def sheet(number: int, ticket_id: UUID, shown: EventFacts, name: Holder) -> Sheet:
    return Sheet(ticket_id, ORDER, "Pista", 15000, number, 2, shown, name)


async def test_every_seat_of_the_order_is_printed_as_the_catalogue_knows_it() -> None:
    press = Press()
    printed = await print_order(CONFIRMED, Catalogue(event(2), holder(3)), press)
    assert press.printed == [sheet(1, FIRST, event(2), holder(3)), sheet(2, SECOND, event(2), holder(3))]
    assert (printed.event_version, printed.holder_version) == (2, 3)
    assert printed.pdf_keys == {FIRST: f"{FIRST}-v2.3", SECOND: f"{SECOND}-v2.3"}


async def test_printing_twice_gives_the_same_tickets_and_keys() -> None:
    catalogue = Catalogue(event(), holder())
    assert await print_order(CONFIRMED, catalogue, Press()) == await print_order(CONFIRMED, catalogue, Press())


async def test_an_erased_holders_tickets_are_printed_without_a_name() -> None:
    press = Press()
    await print_order(CONFIRMED, Catalogue(event(), holder(2, None)), press)
    assert {one.holder.name for one in press.printed} == {None}


@pytest.mark.parametrize(
    ("catalogue", "awaited"),
    [(Catalogue(None, holder()), f"event {CONCERT}"), (Catalogue(event(), None), f"ticket holder {BUYER}")],
)
async def test_what_the_catalogue_does_not_know_yet_is_waited_for(catalogue: Catalogue, awaited: str) -> None:
    press = Press()
    with pytest.raises(NotYet, match=awaited):
        await print_order(CONFIRMED, catalogue, press)
    assert press.printed == []


async def test_a_page_is_what_comes_after_the_one_before() -> None:
    one = sheet(2, SECOND, event(2), holder())
    catalogue, press = Catalogue(sheets=[one]), Press()
    page = await print_again(RenderTickets(event_id=CONCERT, after=FIRST), catalogue, press)
    assert catalogue.asked == {"event_id": CONCERT, "user_id": None, "after": FIRST}
    assert press.printed == [one]
    assert page.tickets == (Reprint(ticket_id=SECOND, pdf_key=f"{SECOND}-v2.1", event_version=2, holder_version=1),)
    assert not page.more


@pytest.mark.parametrize(("found", "more"), [(PAGE - 1, False), (PAGE, True), (PAGE + 1, True)])
async def test_a_full_page_says_that_there_may_be_more(found: int, more: bool) -> None:
    catalogue = Catalogue(sheets=[sheet(1, UUID(int=n), event(), holder()) for n in range(found)])
    page = await print_again(RenderTickets(user_id=BUYER), catalogue, Press())
    assert page.more is more
    assert len(page.tickets) <= PAGE
