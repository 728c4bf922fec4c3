"""A dead letter mended by hand: a message of its own, or nothing at all."""

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contracts.message import Envelope
from contracts.order import OrderPlaced
from contracts.routes import Queue
from services.chassis.journal import Journal
from services.operations.discarding import account, append
from services.operations.editing import Invalid, draft, edit, mended
from services.operations.errors import Trouble
from tests.unit.operations.letters import FAILED, NOW, an_approval, body_of, dead

LETTER = dead(body_of(an_approval(), UUID(int=5)), FAILED)


def edited(**data: Any) -> str:
    body = json.loads(LETTER.seen.body)
    body["data"] |= data
    return json.dumps(body)


def placed(*items: dict[str, Any]) -> str:
    data = {"order_id": UUID(int=1), "user_id": UUID(int=3), "event_id": UUID(int=7)}
    order = OrderPlaced.model_validate({**data, "items": [{"reservation_id": UUID(int=2)}]})
    body = json.loads(body_of(order, UUID(int=5)))
    body["data"]["items"] = items
    return json.dumps(body)


def test_a_mended_message_has_an_id_of_its_own_and_the_original_as_its_cause() -> None:
    sent = Envelope.decode(mended(LETTER, edited(amount=200), None, NOW).encode())

    assert sent.id != sent.causation == UUID(int=5)
    assert sent.message.model_dump(mode="json")["amount"] == 200
    assert sent.time == NOW


def test_the_same_text_of_the_same_dead_letter_is_the_same_message_however_often_it_is_sent() -> None:
    once, again = (mended(LETTER, edited(amount=200), None, NOW + timedelta(hours=n)) for n in (0, 1))

    assert once.id == again.id
    assert mended(LETTER, edited(amount=201), None, NOW).id != once.id
    assert mended(dead(LETTER.seen.body, FAILED), edited(amount=200), None, NOW).id != once.id


def test_garbage_can_be_mended_too_and_then_has_no_cause() -> None:
    assert mended(dead("garbage"), edited(), None, NOW).causation is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (edited(amount="much"), "bilhetagem.payment.payment-approved.v1: amount:"),
        (edited(amuont=200), "PaymentApproved has no field amuont"),
        (edited()[:-1], "no CloudEvents envelope"),
        (edited().replace("payment-approved", "payment-dreamt"), "this release does not know the type"),
    ],
)
def test_what_is_not_valid_is_refused_with_why(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        mended(LETTER, text, None, NOW)


def test_a_message_that_the_queue_is_not_for_is_refused() -> None:
    with pytest.raises(Invalid, match="is not for the product service"):
        mended(dead("garbage", queue=Queue("product", "underway")), edited(), None, NOW)


def test_what_its_service_would_have_forgotten_is_refused() -> None:
    month = Journal(service="reservation", retention=timedelta(days=31))
    old = body_of(an_approval(), at=NOW - timedelta(days=32))

    with pytest.raises(Invalid, match="the journal remembers 31 days"):
        mended(dead(old), old, month, NOW)
    assert mended(dead(old), old, None, NOW).causation is not None


def test_fields_of_a_newer_producer_may_stay() -> None:
    newer = edited(installments=3)

    assert mended(dead(newer), newer, None, NOW).causation == UUID(int=5)


def test_a_slip_of_the_pen_is_found_in_a_part_of_a_message_too() -> None:
    newer = placed({"reservation_id": str(UUID(int=2)), "seat": "A1"}, {"reservation_id": str(UUID(int=3))})
    letter = dead(newer)
    slip = placed({"reservation_id": str(UUID(int=2)), "quantitty": 2})

    assert mended(letter, placed({"reservation_id": str(UUID(int=3)), "seat": "B1"}), None, NOW).causation
    with pytest.raises(Invalid, match=r"OrderPlaced has no field items\[\]\.quantitty$"):
        mended(letter, slip, None, NOW)


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_draft_is_indented_and_for_its_owner_only(drafts: Path) -> None:
    file = draft(LETTER)

    assert json.loads(file.read_text()) == json.loads(LETTER.seen.body)
    assert "\n  " in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert draft(dead("garbage")).read_text() == "garbage"
    assert draft(dead('{"name": "Zo\\u00eb \\ud800"}')).read_text() == '{\n  "name": "Zo\\u00eb \\ud800"\n}\n'


def test_the_editor_is_the_one_that_the_person_set_with_its_options(drafts: Path) -> None:
    file = draft(LETTER)

    edit(file, {"EDITOR": "sh -c 'echo mended > \"$0\"'"})

    assert file.read_text() == "mended\n"


def test_an_editor_that_fails_keeps_the_text_and_one_that_does_not_start_leaves_none(drafts: Path) -> None:
    file = draft(LETTER)

    with pytest.raises(Trouble, match=f"ended with 1; nothing was sent. Your text is kept in {file}"):
        edit(file, {"VISUAL": "false", "EDITOR": "true"})
    assert file.exists()
    with pytest.raises(Trouble, match="The editor 'no-such-editor' cannot be started"):
        edit(file, {"EDITOR": "no-such-editor"})
    assert not file.exists()


def test_what_is_discarded_is_noted_with_who_and_why_and_without_personal_data(tmp_path: Path) -> None:
    registered = '{"type": "bilhetagem.user.user-registered.v1", "data": {"name": "Ana Souza"}}'
    file = tmp_path / "notes" / "discarded.jsonl"

    for letter in (LETTER, dead(registered)):
        append(file, account(letter, by="ana", why="a test of ours", now=NOW))

    whole, broken = (json.loads(line) for line in file.read_text().splitlines())
    assert (whole["by"], whole["why"], whole["id"]) == ("ana", "a test of ours", str(UUID(int=5)))
    assert whole["message"]["data"]["amount"] == 180
    assert (broken["message"], broken["bytes"]) == (None, len(registered))
    assert "Ana" not in file.read_text()
