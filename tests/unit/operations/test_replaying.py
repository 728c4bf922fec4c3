"""Recorded purchases against changed handlers: every change that matters is found, and told in words."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contracts.choreography import CHOREOGRAPHY
from contracts.message import Message
from contracts.money import Money
from contracts.order import OrderPlaced, OrderRejected, PaymentChoice, PaymentRequested
from contracts.payment import PaymentApproved
from contracts.product import ProductsAllocated
from contracts.reservation import (
    HoldExpired,
    ReservationsAttached,
    ReservationsConfirmed,
    ReserveTickets,
)
from contracts.routes import reactions
from contracts.ticket import TicketsIssued, VoidTickets
from services.chassis.handling import Emitted, Later, Result
from services.chassis.kernel import NotYet
from services.chassis.rows import Key
from services.chassis.service import Service
from services.operations.registry import SERVICES
from services.order.domain import Buyer, Order
from tests.unit.operations.replays import COMPLETED, changed, edited, run


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change a service's handler of a message."""
    return partial(changed, monkeypatch)


def differences(*arguments: str | Path) -> list[dict[str, Any]]:
    """What a replay of a purchase that completed finds, which must be something."""
    done = run(COMPLETED, "--json", *arguments)
    assert done.exit_code == 1, done.output
    told = json.loads(done.stdout)
    assert told["same"] is False
    found: list[dict[str, Any]] = told["recordings"][0]["differences"]
    return found


# Handlers that changed


def rejection(message: Any) -> OrderRejected:
    return OrderRejected.model_validate(
        {"order_id": message.order_id, "event_id": message.event_id, "reason": "total_mismatch"}
    )


def test_something_else_is_shown_as_a_diff_of_messages(change: Callable[..., None]) -> None:
    change("order", ProductsAllocated, lambda message, _, emitted: [rejection(message) for _ in emitted])
    done = run(COMPLETED)
    assert done.exit_code == 1
    assert "Step 7: the order service, on ProductsAllocated" in done.output
    assert "emits OrderRejected instead of PaymentRequested" in done.output
    assert "- PaymentRequested (recorded)" in done.output
    assert "-   amount: 340" in done.output
    assert "+ OrderRejected (today)" in done.output
    assert "expected_total" not in done.output
    assert '+   reason: "total_mismatch"' in done.output
    assert "1 purchase, 15 messages: 1 would not go on as recorded." in done.output


def test_nothing_is_told(change: Callable[..., None]) -> None:
    change("reservation", PaymentApproved, lambda *_: ())
    [found] = differences()
    assert found["text"] == "emits nothing instead of ReservationsConfirmed"
    assert (found["service"], found["on"], found["kind"]) == ("reservation", "PaymentApproved", "emitted")
    assert found["recorded"]["type"] == ReservationsConfirmed.type
    assert found["today"] is None


def test_more_is_told(change: Callable[..., None]) -> None:
    def more(message: Any, _: Any, emitted: Iterable[Emitted]) -> Iterator[Emitted]:
        yield from emitted
        yield VoidTickets(order_id=message.order_id, event_id=message.event_id, reason="cancelled")

    change("order", TicketsIssued, more)
    [found] = differences()
    assert found["text"] == "also emits VoidTickets"
    assert {"path": "reason", "recorded": None, "today": "cancelled"} in found["fields"]


def test_another_field_is_told_with_both_values(change: Callable[..., None]) -> None:
    def dearer(_: Any, __: Any, emitted: Iterable[Emitted]) -> Iterator[Emitted]:
        for message in emitted:
            assert isinstance(message, PaymentRequested)
            yield message.model_copy(update={"amount": Money(message.amount.cents + 1)})

    change("order", ProductsAllocated, dearer)
    [found] = differences()
    assert found["text"] == "emits PaymentRequested with another amount"
    assert found["fields"] == [{"path": "amount", "recorded": 340, "today": 340.01}]


def test_another_field_of_a_line_is_told_by_its_path(change: Callable[..., None]) -> None:
    def renamed(_: Any, __: Any, emitted: Iterable[Emitted]) -> Iterator[Emitted]:
        for message in emitted:
            assert isinstance(message, ReservationsAttached)
            first, *others = message.lines
            yield message.model_copy(update={"lines": (first.model_copy(update={"ticket_name": "VIP"}), *others)})

    change("reservation", OrderPlaced, renamed)
    [found] = differences()
    assert found["fields"] == [{"path": "lines[0].ticket_name", "recorded": "Pista", "today": "VIP"}]


def test_a_message_about_something_else_is_told(change: Callable[..., None]) -> None:
    def astray(message: Any, _: Any, emitted: Iterable[Emitted]) -> Iterator[Emitted]:
        yield from (
            told.model_copy(update={"order_id": message.event_id}) for told in emitted if isinstance(told, Message)
        )

    change("order", TicketsIssued, astray)
    [found] = differences()
    assert found["text"] == "emits OrderCompleted with another subject, order_id"


def test_a_timer_that_is_due_later_is_told(change: Callable[..., None]) -> None:
    def longer(_: Any, __: Any, emitted: Iterable[Emitted]) -> Iterator[Emitted]:
        for one in emitted:
            yield replace(one, due=one.due + timedelta(minutes=5)) if isinstance(one, Later) else one

    change("reservation", ReserveTickets, longer)
    first, second = differences()
    assert first["text"] == second["text"] == "emits ExpireReservation with another due"


def test_another_order_of_the_same_messages_is_no_difference(change: Callable[..., None]) -> None:
    change("reservation", ReserveTickets, lambda _, __, emitted: reversed(list(emitted)))
    assert run(COMPLETED).exit_code == 0


def test_waiting_for_something_is_told(change: Callable[..., None]) -> None:
    def hesitant(*_: Any) -> Iterable[Emitted]:
        raise NotYet("the moon")

    change("order", TicketsIssued, hesitant)
    [found] = differences()
    assert found["kind"] == "waits"
    assert found["text"] == "puts it off, waiting for the moon (recorded: it emitted OrderCompleted)"


def test_a_wait_that_comes_after_a_change_is_told_as_the_mistake_that_it_is(change: Callable[..., None]) -> None:
    def hasty(_: Any, __: Any, emitted: Iterable[Emitted]) -> Iterable[Emitted]:
        list(emitted)
        raise NotYet("the moon")

    change("order", TicketsIssued, hasty)
    [found] = differences()
    assert found["kind"] == "fails"
    assert "NotYet was raised after a change" in found["text"]


def test_a_handler_that_raises_is_told_with_the_place(change: Callable[..., None]) -> None:
    def broken(*_: Any) -> Iterable[Emitted]:
        raise KeyError("seats")

    change("order", TicketsIssued, broken)
    [found] = differences()
    assert found["kind"] == "fails"
    assert "KeyError: 'seats'" in found["text"]
    assert "test_replaying.py" in found["text"]


def test_changing_nothing_where_something_changed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Order, "confirm", lambda _: ())
    [found] = differences()
    assert (found["kind"], found["on"]) == ("outcome", "ReservationsConfirmed")
    assert found["text"] == "ignores it (recorded: handled)"


def test_a_row_that_was_not_recorded_is_named_as_a_reason(change: Callable[..., None]) -> None:
    def by_the_buyer(message: Any, ports: Any, emitted: Iterable[Emitted]) -> Iterable[Emitted]:
        return emitted if ports.rows.find(Buyer, message.event_id) else ()

    def touches(message: Any, _: Any) -> Iterator[Key]:
        yield Key(Buyer, message.event_id)
        yield Key(Order, message.order_id)

    change("order", TicketsIssued, by_the_buyer, touches=touches)
    [found] = differences()
    assert found["notes"][0].startswith("it also reads Buyer ")
    assert "Perhaps because it also reads Buyer " in run(COMPLETED).output


# The choreography


def test_a_message_that_the_row_does_not_list_is_told_and_shown(change: Callable[..., None]) -> None:
    def stray(message: Any, *_: Any) -> Iterator[Emitted]:
        yield HoldExpired(reservation_id=message.order_id, ticket_id=message.event_id)

    change("order", TicketsIssued, stray)
    unlisted, instead = differences()
    assert unlisted["kind"] == "choreography"
    assert unlisted["text"] == "emits HoldExpired, which its row in contracts/choreography.py does not list"
    assert instead["text"] == "emits HoldExpired instead of OrderCompleted"


def test_a_message_that_is_not_handled_any_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = SERVICES["order"].handlers
    others = {message: handler for message, handler in handlers._by_message.items() if message is not TicketsIssued}
    monkeypatch.setattr(handlers, "_by_message", others)
    monkeypatch.setattr(Service, "check_handlers", lambda _: None)  # the row went with it
    [found] = differences()
    assert found["kind"] == "choreography"
    assert found["text"] == (
        "cannot take it: TicketsIssued is not handled any more (recorded: it emitted OrderCompleted)"
    )


def test_a_type_that_this_release_does_not_know_is_told(tmp_path: Path) -> None:
    def renamed(event: dict[str, Any]) -> dict[str, Any]:
        return json.loads(json.dumps(event).replace("tickets-issued.v1", "tickets-issued.v0"))  # type: ignore[no-any-return]

    done = run(edited(tmp_path, renamed))
    assert done.exit_code == 1
    assert "cannot take it: this release does not know bilhetagem.ticket.tickets-issued.v0" in done.output
    assert "emits TicketsIssued instead of bilhetagem.ticket.tickets-issued.v0" in done.output


def test_handlers_and_a_table_that_disagree_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    without = tuple(step for step in CHOREOGRAPHY if step.on is not TicketsIssued)
    monkeypatch.setattr(Service, "reactions", property(lambda service: reactions(service.name, without)))
    done = run(COMPLETED)
    assert done.exit_code == 1
    said = "The code and contracts/choreography.py disagree: order handles TicketsIssued, of which no row tells."
    assert said in done.output


# Contracts, rows, effects and settings of another release


def test_a_field_that_the_contract_lost_is_told(tmp_path: Path) -> None:
    def with_gift(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == ReservationsConfirmed.type:
            event["data"]["gift"] = True
        return event

    done = run(edited(tmp_path, with_gift))
    assert done.exit_code == 1
    assert "emits ReservationsConfirmed with another gift" in done.output
    assert "-   gift: true" in done.output


def test_an_optional_field_that_came_later_is_no_difference(tmp_path: Path) -> None:
    optional = next(name for name, field in PaymentChoice.model_fields.items() if field.default is None)

    def without(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == PaymentRequested.type:
            assert event["data"]["payment"].pop(optional) is None
        return event

    assert run(edited(tmp_path, without)).exit_code == 0


def test_a_message_that_its_contract_cannot_read_any_more_is_told(tmp_path: Path) -> None:
    def without_lines(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == ReservationsConfirmed.type:
            del event["data"]["lines"]
        return event

    done = run(edited(tmp_path, without_lines))
    assert done.exit_code == 1
    assert "its contract cannot read it: bilhetagem.reservation.reservations-confirmed.v1: lines: Field" in done.output


def test_a_row_that_lacks_a_column_of_today_is_named_as_a_reason(tmp_path: Path) -> None:
    def without_price(event: dict[str, Any]) -> dict[str, Any]:
        if event["data"].get("kind") == "Stock":
            del event["data"]["columns"]["price_cents"]
        return event

    done = run(edited(tmp_path, without_price))
    assert done.exit_code == 1
    assert "is no row any more: price_cents: Field required" in done.output


def test_a_kind_of_row_that_there_is_not_any_more_is_named_as_a_reason(tmp_path: Path) -> None:
    def renamed(event: dict[str, Any]) -> dict[str, Any]:
        if event["data"].get("kind") == "Stock":
            event["data"]["kind"] = "Seats"
        return event

    done = run(edited(tmp_path, renamed))
    assert done.exit_code == 1
    assert "Perhaps because a row Seats was read, and there are none any more." in done.output


class Weather(Result):
    """What no effect has found out."""

    sunny: bool


def test_an_effect_that_does_not_fit_is_told(change: Callable[..., None]) -> None:
    change("payment", PaymentRequested, lambda _, __, emitted: emitted, effect=Weather)
    found = differences()
    assert "the effect's recorded result is no Weather: sunny: Field required" in found[0]["text"]


def test_an_effect_that_was_not_recorded_is_told(change: Callable[..., None]) -> None:
    change("order", TicketsIssued, lambda _, __, emitted: emitted, effect=Weather)
    [found] = differences()
    assert "it needs the Weather of an effect, which was not recorded" in found["text"]


def test_a_setting_that_was_not_recorded_is_asked_for_and_taken(tmp_path: Path) -> None:
    def without(event: dict[str, Any]) -> dict[str, Any]:
        event["data"].get("settings", {}).get("order", {}).pop("payment_margin", None)
        return event

    file = edited(tmp_path, without)
    asked = run(file)
    assert asked.exit_code == 2
    assert "--setting order.payment_margin=VALUE" in asked.output
    assert run(file, "--setting", "order.payment_margin=PT10S").exit_code == 0


def test_another_setting_has_other_consequences() -> None:
    found = differences("--setting", "order.payment_margin=PT1H")
    assert found[0]["text"] == "emits OrderRejected instead of PaymentRequested"


@pytest.mark.parametrize("setting", ["order", "order.payment_margin", "=x", "payment_margin=PT1S"])
def test_a_setting_of_another_form_is_refused(setting: str) -> None:
    refused = run(COMPLETED, "--setting", setting)
    assert refused.exit_code == 2
    assert "SERVICE.NAME=VALUE" in refused.output


def test_a_setting_that_cannot_be_read_is_refused() -> None:
    refused = run(COMPLETED, "--setting", "order.payment_margin=soon")
    assert refused.exit_code == 2
    assert "order.payment_margin cannot be read" in refused.output
