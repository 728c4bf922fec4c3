"""What purchases wait for, by whom: told from the journals of every path of the saga, whole and with a message lost."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from services.chassis.journal import Failed, Journal
from services.operations.errors import BadInput
from services.operations.purchases import Purchase, gather
from services.operations.resending import plan
from services.operations.timeline import Dead, Fate, Seen
from services.operations.waits import Wait
from tests.saga.box_office import BoxOffice
from tests.saga.paths import Path
from tests.saga.records import Shortened, WorldJournals, rows
from tests.saga.test_paths import PATHS
from tests.saga.test_paths_undone import PATHS as UNDONE
from tests.saga.world import START

every_path = pytest.mark.parametrize("story", [*PATHS, *UNDONE], ids=lambda story: story.__name__)


async def purchases(office: BoxOffice) -> list[Purchase]:
    """Every purchase of the world."""
    return await gather(WorldJournals(office.world), rows(office.world), office.world.now)


async def without(purchase: Purchase, message: str, service: str, *, at_rest: bool = False) -> Purchase:
    """The purchase as if a service had not handled a message."""
    assert purchase.row is not None
    row = purchase.row.model_copy(update={"at_rest": at_rest})
    lost = [(service, str(told.id)) for told in purchase.timeline.told if told.name == message]
    assert lost
    now = max(handled.handled_at for journal in purchase.journals.values() for handled in journal.handled)
    (left,) = await gather(Shortened(purchase.journals, lost), {purchase.id: row}, now)
    return left


async def a_purchase(token: str | None = None) -> Purchase:
    """A purchase of one ticket and a product, at its end."""
    office = BoxOffice(3)
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    order = office.order(buyer, [office.reserve(buyer, ticket)], 120, token=token, products=[(shirt, 1)])
    await office.world.come_to_rest()
    return next(purchase for purchase in await purchases(office) if purchase.id == str(order))


NOW = START + timedelta(days=1)


async def silenced(purchase: Purchase, service: str) -> Purchase:
    """The purchase as it looks when a service does not answer."""
    journals = {name: journal for name, journal in purchase.journals.items() if name != service}
    (left,) = await gather(Shortened(journals, ()), {purchase.id: purchase.row}, NOW)
    return left


def told(waits: tuple[Wait, ...]) -> list[tuple[str, str]]:
    return [(wait.by, wait.what) for wait in waits]


@every_path
async def test_what_is_over_waits_for_nothing_and_everything_was_handled(story: Path) -> None:
    office = BoxOffice(1)
    await story(office)
    for purchase in await purchases(office):
        assert told(purchase.waits) == [], (purchase.id, purchase.state)
        assert plan(purchase).steps == []


@every_path
async def test_whatever_message_is_lost_its_listener_is_waited_for_and_its_sender_sends_it_again(story: Path) -> None:
    office = BoxOffice(2)
    await story(office)
    # The longest one of each story: the others are its like.
    for purchase in sorted(await purchases(office), key=lambda each: len(each.timeline.told))[-1:]:
        for message in purchase.timeline.told:
            for hearing in message.hearings:
                own = message.envelope["correlationid"] in purchase.correlations
                if message.is_request or not own or hearing.tries:
                    continue
                left = await without(purchase, message.name, hearing.service, at_rest=True)
                waits = {(wait.by, wait.message_id, wait.fate) for wait in left.waits}
                assert (hearing.service, message.id, Fate.ON_ITS_WAY) in waits, message.name
                sent = [(by, again.id, again.to) for by, each in plan(left).by.items() for again in each.messages]
                assert (message.sender, message.id, [hearing.service]) in sent


async def test_a_request_that_no_worker_has_handled_cannot_be_sent_again() -> None:
    purchase = await a_purchase()
    left = await without(purchase, "SettlePayment", "payment")
    assert told(left.waits) == [("gateway", "POST /payments/webhook")]
    assert plan(left).steps == []


async def test_an_order_that_nobody_pays_waits_for_the_gateway_until_its_seats_expire() -> None:
    purchase = await without(await a_purchase(), "SettlePayment", "payment")
    assert [wait.is_stuck(purchase.waits[0].since + timedelta(days=1), timedelta(0)) for wait in purchase.waits] == [
        False
    ]


async def test_a_hold_waits_for_its_buyer() -> None:
    office = BoxOffice(1)
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation = office.reserve(buyer, ticket)
    await office.world.come_to_rest()
    held = rows(office.world)[str(reservation)].model_copy(update={"at_rest": False, "status": "held"})
    whole = await WorldJournals(office.world).about([str(reservation)])
    expiry = next(h for h in whole["reservation"].handled if "expire-reservation" in h.envelope["type"])
    source = Shortened(whole, [("reservation", expiry.envelope["id"])])
    (purchase,) = await gather(source, {str(reservation): held}, expiry.handled_at - timedelta(minutes=5))
    assert {wait.fate for wait in purchase.waits} == {Fate.LOST}  # its timer is in no outbox, and not due yet
    assert [message.name for message in purchase.timeline.told if message.due] == ["ExpireReservation"]


async def test_a_look_at_the_queue_tells_what_waits_there_from_what_is_lost() -> None:
    left = await without(await a_purchase(), "TicketsIssued", "order")
    (wait,) = left.waits
    assert left.undecided == {"order-underway"}
    looked = Seen(queues=left.undecided)
    assert [w.fate for w in left.after(looked, wait.since).waits] == [Fate.LOST]
    there = replace(looked, waiting=frozenset({(str(wait.message_id), "order-underway")}))
    found = left.after(there, wait.since)
    assert [w.fate for w in found.waits] == [Fate.QUEUED]
    assert plan(found).steps == []
    assert "the order worker has to take it" in plan(found).beyond[0]


async def test_a_dead_letter_is_an_operators_to_redrive() -> None:
    left = await without(await a_purchase(), "TicketsIssued", "order")
    assert left.waits[0].message_id is not None
    dead = Dead(left.waits[0].message_id, "order-underway", "failed", "ValueError: no")
    found = left.after(Seen(dead=(dead,)), left.waits[0].since)
    assert told(found.waits) == [("operator", "TicketsIssued to be taken out of order-underway-dlq: failed")]
    assert f"redrive --id {dead.message_id}" in plan(found).beyond[0]


async def test_only_what_follows_from_a_message_is_sent_again_when_it_is_named() -> None:
    purchase = await a_purchase()
    left = await without(purchase, "ReservationsConfirmed", "ticket", at_rest=True)
    confirmed = next(m.id for m in left.timeline.told if m.name == "ReservationsConfirmed")
    assert ("reservation", "ReservationsConfirmed to ticket-underway") in plan(left, confirmed).steps
    assert [again.id for each in plan(left, confirmed).by.values() for again in each.messages] == [confirmed]


async def test_a_message_of_another_purchase_is_refused() -> None:
    purchase, other = await a_purchase(), uuid4()
    with pytest.raises(BadInput, match=f"has no message {other}"):
        plan(purchase, other)


@pytest.mark.parametrize("queues", [frozenset(), frozenset({"ticket-underway"})], ids=["not looked at", "looked at"])
async def test_a_silent_listener_leaves_it_open_what_became_of_its_messages(queues: frozenset[str]) -> None:
    left = (await silenced(await a_purchase(), "ticket")).after(Seen(queues=queues), NOW)
    waits = [(wait.by, wait.fate, wait.what) for wait in left.waits]
    assert ("ticket", Fate.UNKNOWN, "ReservationsConfirmed, perhaps: the ticket service does not answer") in waits
    assert not any(wait.is_stuck(NOW, timedelta(0)) for wait in left.waits)


async def test_a_silent_sender_may_have_a_message_in_its_outbox_still() -> None:
    purchase = await without(await a_purchase(), "PaymentRequested", "payment", at_rest=True)
    failed = next(message for message in purchase.timeline.told if message.name == "PaymentRequested")
    tried = Failed(envelope=dict(failed.envelope), number=1, error="no", place="here", failed_at=NOW)
    journals = {**purchase.journals, "payment": purchase.journals["payment"].model_copy(update={"failed": [tried]})}
    (left,) = await gather(Shortened({n: j for n, j in journals.items() if n != "order"}, ()), {purchase.id: None}, NOW)
    waits = {wait.what: wait.fate for wait in left.after(Seen(queues=frozenset({"payment-underway"})), NOW).waits}
    assert waits["PaymentRequested, perhaps: the order service does not answer"] is Fate.UNKNOWN


async def test_an_issued_tickets_id_names_no_row_of_the_catalogue() -> None:
    left = await without(await a_purchase(), "TicketsIssued", "order")
    told_anew = [what for _, what in plan(left).steps if what.startswith("ticket ")]
    assert len(told_anew) == 1


async def test_what_a_parked_message_waits_for_is_told_anew_though_the_message_does_not_name_it() -> None:
    office = BoxOffice(1)
    unheard = office.world.mint()
    reservation = str(office.reserve(office.buyer(), office.put_on_sale(10, event_id=unheard)))
    then, seen = START + timedelta(seconds=30), dict[str, Journal]()
    office.world.at(then, lambda: seen.update(WorldJournals(office.world).now({reservation})))
    await office.world.come_to_rest()
    (parked,) = await gather(Shortened(seen, ()), {reservation: None}, then)
    assert told(parked.waits) == [("reservation", f"event {unheard}, before it can handle ReserveTickets")]
    assert plan(parked).by["event"].facts == [unheard]


async def test_a_lost_fact_of_the_catalogue_is_told_anew_and_nothing_else_is_said_of_it() -> None:
    office = BoxOffice(1)
    event = str(office.event)
    await office.world.come_to_rest()
    whole = WorldJournals(office.world).now({event}) | {"event": Journal(service="event")}
    lost = [("reservation", one.envelope["id"]) for one in whole["reservation"].handled]
    assert len(lost) == 1
    (left,) = await gather(Shortened(whole, lost), {event: None}, NOW)
    assert [wait.fate for wait in left.waits] == [Fate.ON_ITS_WAY]
    assert plan(left).by["event"].facts == [office.event]
    assert plan(left).beyond == []

    office.move(timedelta(days=1))
    await office.world.come_to_rest()
    whole = WorldJournals(office.world).now({event}) | {"event": Journal(service="event")}
    (mended,) = await gather(Shortened(whole, lost), {event: None}, NOW)
    assert mended.waits == ()


async def test_nobody_is_named_in_a_timeline() -> None:
    purchase = await a_purchase()
    assert "Ana" not in str([message.envelope for message in purchase.timeline.told])
