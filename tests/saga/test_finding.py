"""Whatever id of a purchase an operator has, on every path: it leads to the purchase."""

from typing import cast
from uuid import UUID, uuid4

import pytest

from services.operations.desk import Desk
from services.operations.errors import Trouble
from services.operations.finding import find_purchase
from services.operations.journals import Journals
from services.operations.purchases import Purchase
from services.operations.queue_access import QueueAccess
from services.order.domain import Order
from services.payment.domain import Payment
from services.ticket.domain import Ticket
from tests.saga.box_office import BoxOffice
from tests.saga.paths import Path
from tests.saga.records import WorldServices
from tests.saga.test_paths import PATHS
from tests.saga.test_paths_undone import PATHS as UNDONE
from tests.unit.operations.console import MemoryQueues


async def find(office: BoxOffice, any_id: UUID) -> Purchase:
    services = WorldServices(office.world)
    desk = Desk(cast(QueueAccess, MemoryQueues()), cast(Journals, services))
    return await find_purchase(desk, any_id, office.world.now)


@pytest.mark.parametrize("story", [*PATHS, *UNDONE], ids=lambda story: story.__name__)
async def test_every_id_leads_to_its_purchase(story: Path) -> None:
    office = BoxOffice(1)
    await story(office)
    stores = office.world.stores
    orders: list[Order] = stores["order"].of(Order)
    for order in orders[:3]:
        found = await find(office, order.id)
        assert (found.id, found.state) == (str(order.id), order.status)
        for message in found.timeline.told:
            if message.envelope["correlationid"] in found.correlations:
                again = await find(office, message.id)
                assert message.id in {told.id for told in again.timeline.told}
                assert again.correlations & found.correlations
        for item in order.items:
            bought = await find(office, item.reservation_id)
            assert bought.id in {str(each.id) for each in orders if item in each.items}
            assert str(item.reservation_id) in bought.correlations
    for payment in stores["payment"].of(Payment)[:3]:
        assert (await find(office, payment.id)).id == str(payment.id)
    for ticket in stores["ticket"].of(Ticket)[:3]:
        assert (await find(office, ticket.id)).id == str(ticket.order_id)


async def test_an_id_of_nothing_is_said_to_be_none() -> None:
    office = BoxOffice(1)
    with pytest.raises(Trouble, match="No service knows"):
        await find(office, uuid4())


async def test_a_row_of_the_catalogue_is_no_purchase_and_waits_for_nothing_once_its_facts_are_heard() -> None:
    office = BoxOffice(1)
    ticket, buyer = office.put_on_sale(10), office.buyer()
    office.order(buyer, [office.reserve(buyer, ticket)], 100)
    await office.world.come_to_rest()
    office.call_off()
    await office.world.come_to_rest()
    for row in (office.event, ticket, buyer):
        found = await find(office, row)
        assert (found.id, found.state, found.waits) == (str(row), "catalogue", ())
