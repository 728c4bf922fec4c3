"""A recorded purchase as a file."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from services.operations.recording import GIVEN, HANDLED, PURCHASE, NotARecording, Recording, in_order, read, record
from tests.saga.box_office import BoxOffice
from tests.saga.records import WorldJournals


def _event(type_name: str, data: dict[str, object]) -> str:
    return json.dumps({"id": "a", "type": type_name, "subject": "s", "time": "2027-03-01T12:00:00Z", "data": data})


_HEADER = _event(PURCHASE, {"format": 1, "correlations": [], "settings": {}})


@pytest.fixture
async def purchase() -> Recording:
    """A purchase of two reservations and a product, among others."""
    office = BoxOffice(3)
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    mine = [office.reserve(buyer, ticket, 2), office.reserve(buyer, ticket)]
    order = office.order(buyer, mine, 340, products=[(shirt, 2)])
    other = office.buyer()
    office.order(other, [office.reserve(other, ticket)], 100)
    await office.world.come_to_rest()
    ids = [str(each) for each in (order, *mine)]
    journals = await WorldJournals(office.world).about(ids)
    return record(ids[0], ids, journals, office.world.now)


def test_it_is_read_as_it_was_written(purchase: Recording) -> None:
    assert read(purchase.lines()) == purchase


def test_it_begins_with_its_header_and_what_was_given(purchase: Recording) -> None:
    types = [json.loads(line)["type"] for line in purchase.lines()]
    assert types[0] == PURCHASE
    given = types.count(GIVEN)
    assert given > 0
    assert set(types[1 : given + 1]) == {GIVEN}
    assert types.count(HANDLED) == len(purchase.handlings)


def test_every_line_is_a_cloud_event(purchase: Recording) -> None:
    for line in purchase.lines():
        event = json.loads(line)
        assert event["specversion"] == "1.0"
        assert {"id", "source", "type", "time", "subject", "data"} <= event.keys()


def test_nothing_of_other_purchases_is_in_it(purchase: Recording) -> None:
    assert {handling.message.attributes["correlationid"] for handling in purchase.handlings} == set(
        purchase.correlations
    )


def test_the_rows_that_others_change_too_are_given_as_they_were_read(purchase: Recording) -> None:
    reserved = next(h for h in purchase.handlings if h.message.type.endswith("reserve-tickets.v1"))
    stock = next(given for given in reserved.given if given.kind == "Stock")
    assert stock.columns is not None
    assert stock.columns["quantity"] == 10
    new = next(given for given in reserved.given if given.kind == "Reservation")
    assert new.columns is None


def test_a_timer_says_when_it_is_due(purchase: Recording) -> None:
    reserved = next(h for h in purchase.handlings if h.message.type.endswith("reserve-tickets.v1"))
    assert [told.due and told.due - reserved.now for told in reserved.emitted] == [None, timedelta(minutes=10)]


def test_no_name_of_a_buyer_is_in_it(purchase: Recording) -> None:
    assert "Ana" not in "\n".join(purchase.lines())


async def test_a_buyer_has_the_same_pseudonym_everywhere() -> None:
    office = BoxOffice(1)
    buyer, other = office.buyer(), office.buyer()
    await office.world.come_to_rest()
    journals = await WorldJournals(office.world).about([str(buyer), str(other)])

    def names_of(user: UUID) -> set[str]:
        recording = record(str(user), [str(user)], journals, office.world.now)
        return {handling.message.attributes["data"]["name"] for handling in recording.handlings}

    names = {user: names_of(user) for user in (buyer, other)}
    assert len(names[buyer]) == len(names[other]) == 1
    assert names[buyer] != names[other]


async def test_a_cause_comes_before_its_effects_whatever_the_clocks_say() -> None:
    office = BoxOffice(1)
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100)
    await office.world.come_to_rest()
    journals = await WorldJournals(office.world).about([str(order)])
    behind = [
        h.model_copy(update={"handled_at": h.handled_at - timedelta(hours=1)}) for h in journals["ticket"].handled
    ]
    journals["ticket"] = journals["ticket"].model_copy(update={"handled": behind})
    ordered = in_order((name, handled) for name, journal in journals.items() for handled in journal.handled)
    services = [
        name for name, handled in ordered if "reservations-confirmed" in str(handled.emitted) or name == "ticket"
    ]
    assert services == ["reservation", "ticket"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "first line"),
        (["no json"], "Line 1 is no JSON"),
        (["[" * 100_000], "Line 1 is no JSON"),
        (["[]"], "Line 1 is no CloudEvent"),
        (['{"id": "a", "type": "b", "time": "c", "data": {}}'], "Line 1 is no line of a recording: subject"),
        ([_event("bilhetagem.order.order-placed.v1", {})], "first line"),
        ([_event(PURCHASE, {"format": 2})], "format is 2"),
        ([_event(PURCHASE, {"format": 1})], "Line 1 .* settings: Field required"),
        ([_HEADER], "no message that was handled"),
        ([_HEADER, _event(HANDLED, {"service": "order"})], "Line 2 .* message: Field required"),
        ([_HEADER, _event(GIVEN, {"service": 1})], "Line 2 .* kind: Field required"),
    ],
)
def test_another_file_is_refused_with_the_reason(lines: list[str], says: str) -> None:
    with pytest.raises(NotARecording, match=says):
        read(lines)


def test_a_recording_with_a_message_missing_is_refused(purchase: Recording) -> None:
    lines = [line for line in purchase.lines() if '"bilhetagem.order.order-placed.v1", "subject"' not in line]
    with pytest.raises(NotARecording, match="order-placed"):
        read(lines)
