"""What is replayed and how far: files, stopping in the middle, and shuffled runs again."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from contracts.order import OrderPlaced
from contracts.reservation import ReservationsConfirmed
from services.chassis.handling import Emitted
from services.chassis.kernel import NotYet
from services.order.domain import Order
from services.order.domain import Status as OrderStatus
from tests.unit.operations.replays import COMPLETED, changed, edited, run

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


def test_a_handler_that_waits_for_ever_in_another_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_after_confirmation(message: Any, ports: Any, emitted: Iterable[Emitted]) -> Iterable[Emitted]:
        if ports.rows.get(Order, message.order_id).status is OrderStatus.COMPLETED:
            raise NotYet("never")
        return emitted

    changed(monkeypatch, "order", ReservationsConfirmed, only_after_confirmation)
    done = run(COMPLETED, "--again", "20")
    assert done.exit_code == 1
    assert "the order service did not handle ReservationsConfirmed" in done.output
