"""What the commands about a purchase print, and what they do where a service does not answer."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest
import typer
from typer.testing import CliRunner

from contracts.message import Envelope
from contracts.order import OrderPlaced, PlaceOrder
from contracts.routes import SERVICES
from services.chassis.ids import uuid7
from services.chassis.journal import Failed, Handled, Journal
from services.chassis.purchases import Purchase
from services.operations import saga_screens
from services.operations.cli import app
from services.operations.desk import Desk
from services.operations.errors import Trouble
from services.operations.journals import Journals
from services.operations.queue_access import QueueAccess
from tests.unit.operations.console import Answers, MemoryQueues

# Days, so that what is told of it is the same however long the tests before have taken.
BEGAN = datetime.now(UTC) - timedelta(days=3)
ORDER, EVENT, USER, SEATS = (uuid7(BEGAN, number) for number in range(1, 5))
BODY = {"order_id": ORDER, "event_id": EVENT, "user_id": USER, "items": [{"reservation_id": SEATS}]}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """An order that was placed three days ago, and whose OrderPlaced neither reservation nor product has."""
    command = Envelope.request(
        PlaceOrder.model_validate({**BODY, "total_price": 100, "caller": "anyone"}),
        by="order",
        at=BEGAN,
        message_id=uuid4(),
    )
    placed = Envelope.request(OrderPlaced.model_validate(BODY), by="order", at=BEGAN, message_id=uuid4())
    handled = Handled(
        envelope=json.loads(command.encode()),
        outcome="handled",
        handled_at=BEGAN,
        position=0,
        effect=None,
        read=[],
        emitted=[json.loads(placed.encode()) | {"causationid": str(command.id)}],
        repeats=0,
    )
    row = Purchase(id=ORDER, event_id=EVENT, status="placed", reason=None, created_at=BEGAN, at_rest=False)
    told = Answers(journals={"order": Journal(service="order", handled=[handled])}, purchases=[row])

    @asynccontextmanager
    async def desk_of(*_: object) -> AsyncIterator[Desk]:
        journals = Journals({service: told.client(service) for service in SERVICES}, set())
        yield Desk(cast(QueueAccess, MemoryQueues()), journals)

    monkeypatch.setattr(saga_screens, "desk_of", desk_of)
    monkeypatch.setenv("COLUMNS", "40")
    return told


def resend() -> None:
    saga_screens.send_again(None, None, ORDER, None, dry_run=False, as_json=False)


def test_a_purchase_and_each_of_its_waits_is_a_line(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    saga_screens.show_list(None, None, None, None, None, "7d", 50, as_json=False)
    first, *others = capsys.readouterr().out.splitlines()
    assert first == f"{ORDER}  placed, 3d old"
    assert [line.strip().partition(":")[0] for line in others] == ["waits for operator"] * 2
    assert all("neither" in line and "(since 3d)" in line for line in others)


def test_a_program_that_reads_a_purchase_gets_whole_lines(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    saga_screens.show_one(None, None, ORDER, as_json=False, mermaid=False)
    said = capsys.readouterr().out
    [handled] = answers.journals["order"].handled
    for envelope, name in ((handled.envelope, "PlaceOrder"), (handled.emitted[0], "OrderPlaced")):
        assert any(name in line and envelope["id"] in line for line in said.splitlines()), said
    assert f"Next: bilhetagem saga resend {ORDER} --dry-run" in said.splitlines()


def test_a_diagram_and_json_at_once_are_refused_with_a_sentence() -> None:
    refused = CliRunner().invoke(app, ["saga", "show", str(ORDER), "--json", "--mermaid"])
    assert refused.exit_code == 2
    assert "It is --json or --mermaid, not both" in " ".join(refused.output.replace("\u2502", "").split())


def test_an_error_that_was_recorded_is_not_obeyed_by_the_terminal(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    placed = answers.journals["order"].handled[0].emitted[0]
    tried = Failed(envelope=placed, number=1, error="ValueError: \x1b[2J", place="x.py:1", failed_at=BEGAN)
    answers.journals["product"] = Journal(service="product", failed=[tried])
    saga_screens.show_one(None, None, ORDER, as_json=False, mermaid=False)
    said = capsys.readouterr().out
    assert "ValueError: \N{REPLACEMENT CHARACTER}[2J" in said
    assert "\x1b[2J" not in said


def test_facts_are_told_anew_before_what_waits_for_them(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    resend()
    senders = [service for service, _ in answers.resent]
    assert senders == ["event", "user", "order"]
    said = [line for line in capsys.readouterr().out.splitlines() if " sends " in line]
    assert said == [
        f"event sends event {EVENT} as it is now",
        f"user sends user {USER} as it is now",
        "order sends OrderPlaced to reservation-underway",
        "order sends OrderPlaced to product-underway",
    ]


def test_a_service_that_does_not_answer_keeps_no_other_from_sending_again(
    answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.silent.add("user")
    with pytest.raises(typer.Exit) as ended:
        resend()
    assert ended.value.exit_code == 1
    assert [service for service, _ in answers.resent] == ["event", "order"]
    told = capsys.readouterr()
    assert "user sends" not in told.out
    assert "The user service does not answer" in told.err


@pytest.mark.parametrize(
    ("lost", "fails"),
    [
        (lambda answers: UUID(answers.journals["order"].handled[0].emitted[0]["id"]), True),
        (lambda _: USER, False),
    ],
    ids=["a message", "a row of the catalogue"],
)
def test_what_is_no_longer_there_to_be_sent_is_named(
    answers: Answers, capsys: pytest.CaptureFixture[str], lost: Callable[[Answers], UUID], *, fails: bool
) -> None:
    answers.gone.add(lost(answers))
    if fails:
        with pytest.raises(typer.Exit) as ended:
            resend()
        assert ended.value.exit_code == 1
    else:
        resend()
    said = capsys.readouterr().err
    assert "No longer there to be sent: " in said
    assert str(lost(answers)) in said


def test_a_recording_that_would_be_incomplete_is_none(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    answers.silent.add("payment")
    with pytest.raises(Trouble, match="payment did not answer: a recording without"):
        saga_screens.export(None, None, ORDER)
    assert capsys.readouterr().out == ""
