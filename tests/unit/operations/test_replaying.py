"""Recorded purchases against changed handlers: every change that matters is found, and told in words."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

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
from services.chassis.handling import Emitted, Handler, Later
from services.chassis.handling import Result as EffectResult
from services.chassis.kernel import NotYet
from services.chassis.rows import Key
from services.chassis.service import Service
from services.operations.cli import app
from services.operations.registry import SERVICES
from services.order.domain import Buyer, Order
from services.order.domain import Status as OrderStatus

RECORDINGS = Path(__file__).parents[2] / "recordings"
COMPLETED = RECORDINGS / "completed.jsonl"

type Change = Callable[[Message, Any, Iterable[Emitted]], Iterable[Emitted]]
"""What a handler emits instead: from its message, its ports, and what it emitted so far. Who does not ask for that has
not run the handler of before: it changes no row."""


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change a service's handler of a message."""

    def changed(service: str, message: type[Message], to: Change, **declared: Any) -> None:
        handlers = SERVICES[service].handlers
        handler: Handler = handlers[message]

        def emitted(got: Message, ports: Any) -> Iterator[Emitted]:
            yield from handler.handle(got, ports)

        def handle(got: Message, ports: Any) -> Iterable[Emitted]:
            return to(got, ports, emitted(got, ports))

        monkeypatch.setitem(handlers._by_message, message, replace(handler, handle=handle, **declared))

    return changed


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(
        app, ["saga", "replay", *map(str, arguments)], input=text, env={"COLUMNS": "200", "TERM": "dumb"}
    )


def differences(*arguments: str | Path) -> list[dict[str, Any]]:
    """What a replay of a purchase that completed finds, which must be something."""
    done = run(COMPLETED, "--json", *arguments)
    assert done.exit_code == 1, done.output
    told = json.loads(done.stdout)
    assert told["same"] is False
    found: list[dict[str, Any]] = told["recordings"][0]["differences"]
    return found


def edited(tmp_path: Path, edit: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
    """The recording of a purchase that completed, line by line otherwise; None leaves a line out."""
    events = [edit(json.loads(line)) for line in COMPLETED.read_text().splitlines()]
    file = tmp_path / "edited.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events if event is not None))
    return file


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


class Weather(EffectResult):
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


# Files


def test_what_is_no_recording_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("garbage\n")
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00")
    refused = run(tmp_path, tmp_path / "missing.jsonl")
    assert refused.exit_code == 2
    assert "a.jsonl: Line 1 is no JSON" in refused.output
    assert "b.jsonl: It is no text" in refused.output
    assert "missing.jsonl: No such file or directory" in refused.output


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    refused = run(tmp_path)
    assert refused.exit_code == 2
    assert "there is no recorded purchase" in refused.output


def test_a_service_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    def elsewhere(event: dict[str, Any]) -> dict[str, Any]:
        if event["data"].get("service") == "order":
            event["data"]["service"] = "orders"
        return event

    refused = run(edited(tmp_path, elsewhere))
    assert refused.exit_code == 2
    assert "There is no service 'orders'" in refused.output


def test_a_recording_comes_by_a_pipe_too() -> None:
    assert run("-", text=COMPLETED.read_text()).exit_code == 0


# Stopping


@pytest.mark.parametrize("step", ["OrderPlaced", OrderPlaced.type, "4"])
def test_it_stops_after_a_step_and_shows_each_services_state(step: str) -> None:
    done = run(COMPLETED, "--until", step)
    assert done.exit_code == 0
    assert "Step 3: the order service, on PlaceOrder: OrderPlaced" in done.output
    assert "Step 5" not in done.output
    assert "After step 4, the reservation service, on OrderPlaced" in done.output
    assert "status attached" in done.output
    assert "OrderPlaced" in done.output.partition("under way")[2]


def test_a_script_gets_the_state_too() -> None:
    [told] = json.loads(run(COMPLETED, "--until", "4", "--json").stdout)["recordings"]
    rows = {row["kind"]: row for row in told["state"]}
    assert rows["Order"]["columns"]["status"] == "placed"
    assert "Holder" not in rows
    under_way = {(one["message"], one["listener"]) for one in told["under_way"]}
    assert under_way == {
        ("ExpireReservation", "reservation"),
        ("OrderPlaced", "product"),
        ("ReservationsAttached", "order"),
    }


@pytest.mark.parametrize("step", ["0", "16", "Nonsense"])
def test_a_step_that_no_purchase_has_is_refused(step: str) -> None:
    refused = run(COMPLETED, "--until", step)
    assert refused.exit_code == 2
    assert "No purchase here has a step" in refused.output


def test_stopping_in_the_middle_and_comparing_ends_do_not_go_together() -> None:
    assert run(COMPLETED, "--until", "3", "--again", "2").exit_code == 2


# Again


def test_shuffled_and_repeated_it_ends_the_same() -> None:
    done = run(COMPLETED, "--again", "20")
    assert done.exit_code == 0
    assert "Again 20 times, shuffled, " in done.output
    assert "the same end" in done.output


def test_the_same_number_makes_the_same_run() -> None:
    assert run(COMPLETED, "--again", "5", "--json").stdout == run(COMPLETED, "--again", "5", "--json").stdout


def test_a_handler_that_needs_an_order_of_messages_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(order: Order) -> tuple[()]:
        order.status = OrderStatus.CONFIRMED
        return ()

    monkeypatch.setattr(Order, "confirm", forgetful)
    assert run(COMPLETED).exit_code == 0
    done = run(COMPLETED, "--again", "20")
    assert done.exit_code == 1
    assert "another end in" in done.output
    assert 'has status "confirmed", not "completed"' in done.output


def test_a_handler_that_waits_for_ever_in_another_order_is_found(change: Callable[..., None]) -> None:
    def only_after_confirmation(message: Any, ports: Any, emitted: Iterable[Emitted]) -> Iterable[Emitted]:
        if ports.rows.get(Order, message.order_id).status is OrderStatus.COMPLETED:
            raise NotYet("never")
        return emitted

    change("order", ReservationsConfirmed, only_after_confirmation)
    done = run(COMPLETED, "--again", "20")
    assert done.exit_code == 1
    assert "the order service did not handle ReservationsConfirmed" in done.output
