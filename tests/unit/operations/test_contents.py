"""What a message's body says, whatever it is, and what of it is shown."""

import json
from uuid import UUID

import pytest

from contracts.message import Envelope
from contracts.money import Money
from contracts.product import ProductLine, ProductsAllocated
from contracts.user import UserRegistered
from services.operations.contents import MASKED, UNREADABLE, read, shown
from tests.unit.operations.letters import NOW, an_approval, body_of

ANA = UserRegistered(user_id=UUID(int=3), version=1, name="Ana Souza")


def test_a_message_is_read_whole() -> None:
    contents = read(body_of(an_approval(), UUID(int=5)))

    assert contents.id == UUID(int=5)
    assert contents.name == "PaymentApproved"
    assert contents.correlation == str(UUID(int=1))
    assert contents.envelope is not None
    assert contents.envelope.message == an_approval()


@pytest.mark.parametrize("body", ["garbage", "", "[1]", '"text"', "null", "[" * 100_000, '{"id": 7, "type": ""}'])
def test_of_garbage_it_is_said_that_it_cannot_be_read(body: str) -> None:
    contents = read(body)

    assert (contents.id, contents.type, contents.envelope) == (None, UNREADABLE, None)
    assert contents.problem


def test_of_a_message_that_is_not_valid_id_type_and_purchase_are_told() -> None:
    body = json.loads(body_of(an_approval(), UUID(int=5)))
    del body["data"]["amount"]

    contents = read(json.dumps(body))

    assert (contents.id, contents.name, contents.correlation) == (UUID(int=5), "PaymentApproved", str(UUID(int=1)))
    assert contents.problem == "bilhetagem.payment.payment-approved.v1: amount: Field required"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("PaymentApproved", True),
        ("bilhetagem.payment.payment-approved.v1", True),
        ("bilhetagem.payment.payment-approved", True),
        ("PaymentDeclined", False),
        ("bilhetagem.payment", False),
    ],
)
def test_a_type_has_the_names_that_people_use(name: str, *, called: bool) -> None:
    assert read(body_of(an_approval())).is_called(name) is called


def test_a_buyers_name_is_masked_unless_asked_for() -> None:
    body = body_of(ANA)

    assert shown(body, personal=False)["data"]["name"] == MASKED
    assert shown(body, personal=True)["data"]["name"] == "Ana Souza"


def test_a_message_without_personal_data_is_shown_as_it_is() -> None:
    parking = ProductLine(product_id=UUID(int=4), name="Estacionamento", quantity=1, unit_price=Money(6000))
    allocated = ProductsAllocated(order_id=UUID(int=1), event_id=UUID(int=7), lines=(parking,))
    cause = Envelope.request(an_approval(), by="test", at=NOW, message_id=UUID(int=5), traceparent="00-1-2-01")
    body = cause.followed_by(allocated, by="product", at=NOW).encode()

    assert shown(body, personal=False) == json.loads(body)


def test_fields_that_only_a_newer_release_knows_could_be_personal_and_are_masked() -> None:
    body = json.loads(body_of(an_approval()))
    body["data"] |= {"cpf": "529.982.247-25", "payer": {"amount": "Ana Souza"}}

    masked = shown(json.dumps(body), personal=False)

    assert masked["data"]["amount"] == 180
    assert masked["data"]["cpf"] == masked["data"]["payer"] == MASKED


@pytest.mark.parametrize(
    "body",
    [
        '{"half": {"name": "Ana Souza", "list": [{"email": "Ana Souza"}]}}',
        '{"type": "bilhetagem.user.user-registered.v9", "data": {"name": "Ana Souza"}}',
        '{"type": "bilhetagem.user.user-registered.v9", "data": {"full_name": "Ana Souza"}}',
        '{"type": "bilhetagem.ticket.ticket-type-created.v1", "data": {"name": "Ana Souza"}}',
        '{"type": "bilhetagem.payment.payment-approved.v1", "data": [{"email": "Ana Souza"}]}',
        '{"type": "bilhetagem.payment.payment-approved.v1", "data": "Ana Souza"}',
        '{"type": "bilhetagem.payment.payment-approved.v1", "name": "Ana Souza"}',
        '["Ana Souza"]',
        '"Ana Souza"',
        "Ana Souza",
    ],
)
def test_of_a_body_whose_fields_cannot_be_told_all_that_could_be_personal_is_masked(body: str) -> None:
    assert "Ana" not in json.dumps(shown(body, personal=False))
    assert "Ana" in json.dumps(shown(body, personal=True))
