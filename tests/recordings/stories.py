"""Makes the recorded purchases of this folder: ``python -m tests.recordings.stories [NAME]...``.

Each is one path of the saga, run in the simulated world and exported as ``bilhetagem saga export`` does it. A seed
decides everything, so the same code makes the same files. What is committed is what handlers of an earlier release did,
and purchases may be under way that are like it: make a file anew only when its difference is meant.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from services.operations.recording import Recording, record
from tests.saga.box_office import HOLD, BoxOffice
from tests.saga.invariants import check
from tests.saga.records import WorldJournals

FOLDER = Path(__file__).parent

type Ids = Sequence[UUID]
"""The purchase's id, then those of its reservations."""

type Story = Callable[[BoxOffice], Awaitable[Ids]]

STORIES: dict[str, tuple[int, Story]] = {}


def story(seed: int) -> Callable[[Story], Story]:
    """A purchase to record, in the world of this seed."""

    def register(told: Story) -> Story:
        STORIES[told.__name__.replace("_", "-")] = seed, told
        return told

    return register


async def recorded(name: str) -> Recording:
    """Run a story, and record its purchase."""
    seed, told = STORIES[name]
    office = BoxOffice(seed)
    ids = [str(each) for each in await told(office)]
    await office.world.come_to_rest()
    check(office)
    return record(ids[0], ids, await WorldJournals(office.world).about(ids), office.world.now)


def file_of(recording: Recording) -> str:
    """The recording as it is kept."""
    return "".join(f"{line}\n" for line in recording.lines())


async def _bought(office: BoxOffice, reais: int = 100, seats: int = 1, token: str | None = None) -> Ids:
    """One order of one reservation, under way."""
    ticket, buyer = office.put_on_sale(10, reais=reais), office.buyer()
    reservation = office.reserve(buyer, ticket, seats)
    return office.order(buyer, [reservation], reais * seats, token=token), reservation


async def _stood(office: BoxOffice, order: UUID, *expected: str | None) -> None:
    await office.world.come_to_rest()
    assert office.status(order) == expected, office.status(order)


@story(3)
async def completed(office: BoxOffice) -> Ids:
    """Two reservations and a product, while somebody else buys too."""
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    mine = [office.reserve(buyer, ticket, 2), office.reserve(buyer, ticket)]
    order = office.order(buyer, mine, 340, products=[(shirt, 2)])
    other = office.buyer()
    office.order(other, [office.reserve(other, ticket)], 100)
    await _stood(office, order, "completed", None)
    return order, *mine


@story(1)
async def free_of_charge_then_cancelled(office: BoxOffice) -> Ids:
    ids = await _bought(office, reais=0)
    await _stood(office, ids[0], "completed", None)
    office.cancel(ids[0])
    await _stood(office, ids[0], "cancelled", "cancelled")
    return ids


@story(1)
async def paid_before_its_charge_was_known(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="webhook-before-answer")
    await _stood(office, ids[0], "completed", None)
    return ids


@story(1)
async def paid_and_told_twice(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="duplicate-webhook")
    await _stood(office, ids[0], "completed", None)
    return ids


@story(1)
async def declined(office: BoxOffice) -> Ids:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    reservation = office.reserve(buyer, ticket)
    order = office.order(buyer, [reservation], 120, products=[(shirt, 1)], token="decline")
    await _stood(office, order, "cancelled", "payment_declined")
    return order, reservation


@story(1)
async def refused_by_the_gateway(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="refuse")
    await _stood(office, ids[0], "cancelled", "payment_declined")
    return ids


@story(4)
async def declined_then_paid(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="decline-then-approve")
    await _stood(office, ids[0], "refunded", "payment_declined")
    return ids


@story(1)
async def hold_expired(office: BoxOffice) -> Ids:
    reservation = office.reserve(office.buyer(), office.put_on_sale(10), 4)
    await office.world.come_to_rest()
    assert office.reservation(reservation) == ("released", "expired")
    return (reservation,)


@story(1)
async def hold_given_back(office: BoxOffice) -> Ids:
    reservation = office.reserve(office.buyer(), office.put_on_sale(10), 4)
    office.later(timedelta(minutes=1), lambda: office.give_back(reservation))
    await office.world.come_to_rest()
    assert office.reservation(reservation) == ("released", "cancelled")
    return (reservation,)


@story(1)
async def sold_out(office: BoxOffice) -> Ids:
    reservation = office.reserve(office.buyer(), office.put_on_sale(3), 4)
    await office.world.come_to_rest()
    assert office.reservation(reservation) == ("rejected", "sold_out")
    return (reservation,)


@story(1)
async def never_paid(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="never-answer")
    await _stood(office, ids[0], "cancelled", "expired")
    return ids


@story(1)
async def paid_after_expiry(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="approve-late")
    await _stood(office, ids[0], "refunded", "expired")
    return ids


@story(2)
async def expired_while_being_ordered(office: BoxOffice) -> Ids:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation, orders = office.reserve(buyer, ticket), list[UUID]()
    office.later(HOLD - timedelta(seconds=8), lambda: orders.append(office.order(buyer, [reservation], 100)))
    await office.world.come_to_rest()
    assert office.status(orders[0]) == ("rejected", "expired")
    return orders[0], reservation


@story(1)
async def cancelled_before_payment(office: BoxOffice) -> Ids:
    ids = await _bought(office, token="never-answer")
    office.later(timedelta(minutes=1), lambda: office.cancel(ids[0]))
    await _stood(office, ids[0], "cancelled", "cancelled")
    return ids


@story(1)
async def cancelled_before_it_was_placed(office: BoxOffice) -> Ids:
    ids = await _bought(office)
    office.cancel(ids[0])
    await _stood(office, ids[0], "rejected", "cancelled")
    return ids


@story(2)
async def cancelled_while_being_paid(office: BoxOffice) -> Ids:
    ids = await _bought(office)
    office.later(timedelta(milliseconds=2500), lambda: office.cancel(ids[0]))
    await _stood(office, ids[0], "refunded", "cancelled")
    return ids


@story(29)
async def paid_while_its_charge_was_cancelled(office: BoxOffice) -> Ids:
    """The gateway answers that the buyer was faster; its word of the payment comes later."""
    return await cancelled_while_being_paid(office)


@story(1)
async def completed_then_cancelled(office: BoxOffice) -> Ids:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    reservation = office.reserve(buyer, ticket, 2)
    order = office.order(buyer, [reservation], 220, products=[(shirt, 1)])
    await _stood(office, order, "completed", None)
    for _ in range(2):
        office.cancel(order)
    await _stood(office, order, "refunded", "cancelled")
    return order, reservation


@story(1)
async def used_then_cancelled(office: BoxOffice) -> Ids:
    ids = await _bought(office, seats=2)
    await _stood(office, ids[0], "completed", None)
    office.check_in(ids[0])
    office.cancel(ids[0])
    await _stood(office, ids[0], "completed", None)
    return ids


@story(1)
async def event_called_off(office: BoxOffice) -> Ids:
    ids = await _bought(office)
    await _stood(office, ids[0], "completed", None)
    office.call_off()
    await _stood(office, ids[0], "refunded", "event_cancelled")
    return ids


@story(29)
async def event_called_off_after_gates_opened(office: BoxOffice) -> Ids:
    office.event = office.schedule(in_=timedelta(hours=3))
    ids = await _bought(office)
    await _stood(office, ids[0], "completed", None)
    office.cancel(ids[0])
    office.call_off()
    await _stood(office, ids[0], "refunded", "event_cancelled")
    return ids


@story(2)
async def wrong_total(office: BoxOffice) -> Ids:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    reservation = office.reserve(buyer, ticket)
    order = office.order(buyer, [reservation], 99, products=[(shirt, 1)])
    await _stood(office, order, "rejected", "total_mismatch")
    return order, reservation


@story(2)
async def products_sold_out(office: BoxOffice) -> Ids:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(1)
    reservation = office.reserve(buyer, ticket)
    order = office.order(buyer, [reservation], 140, products=[(shirt, 2)])
    await _stood(office, order, "rejected", "products_sold_out")
    return order, reservation


@story(1)
async def ordered_by_somebody_else(office: BoxOffice) -> Ids:
    ticket, buyer, thief = office.put_on_sale(10), office.buyer(), office.buyer()
    reservation = office.reserve(buyer, ticket)
    order = office.order(thief, [reservation], 100)
    await _stood(office, order, "rejected", "wrong_owner")
    return order, reservation


@story(1)
async def unknown_buyer(office: BoxOffice) -> Ids:
    ticket, stranger = office.put_on_sale(10), office.world.mint()
    reservation = office.reserve(stranger, ticket)
    order = office.order(stranger, [reservation], 100)
    await _stood(office, order, "rejected", "unknown_user")
    return order, reservation


@story(1)
async def event_moved_then_cancelled(office: BoxOffice) -> Ids:
    ids = await _bought(office, seats=2)
    office.later(timedelta(seconds=3), lambda: office.move(timedelta(days=40)))
    await _stood(office, ids[0], "completed", None)
    office.cancel(ids[0])
    await _stood(office, ids[0], "refunded", "cancelled")
    return ids


async def main(names: Sequence[str]) -> None:
    """Make these recordings, or all."""
    for name in names or STORIES:
        (FOLDER / f"{name}.jsonl").write_text(file_of(await recorded(name)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
