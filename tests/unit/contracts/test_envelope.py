"""Every message as it travels: what is sent is what is read, and what is not understood is told apart."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts.message import Body, Envelope, Message, Undecodable, UnknownType
from tests.unit.contracts.made_up import MESSAGES, TOLD, envelopes_of, messages_of, models

EXAMPLES = settings(max_examples=30)


def bodies(base: type[BaseModel] = Body) -> list[type[BaseModel]]:
    below = [kind for child in base.__subclasses__() for kind in (child, *bodies(child))]
    return [kind for kind in below if not issubclass(kind, Message)]


def with_surprises(node: Any) -> Any:
    """The same, with a field that nobody knows in every object."""
    if isinstance(node, dict):
        return {**{name: with_surprises(value) for name, value in node.items()}, "from_the_future": {"a": [1]}}
    return [with_surprises(item) for item in node] if isinstance(node, list) else node


def test_every_message_of_the_choreography_is_tried_here() -> None:
    assert set(MESSAGES) == TOLD


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@given(data=st.data())
@EXAMPLES
def test_what_is_sent_is_what_is_read(message: type[Message], data: st.DataObject) -> None:
    envelope = data.draw(envelopes_of(message))

    body = envelope.encode()

    assert Envelope.decode(body) == envelope
    assert len(body.encode()) < 64 * 1024, "ten of them are one request to SQS, of 1 MiB at most"
    assert not any(ord(character) < 0x20 for character in body), "SQS refuses control characters"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@given(data=st.data())
@EXAMPLES
def test_fields_of_a_newer_producer_are_ignored_at_every_depth(message: type[Message], data: st.DataObject) -> None:
    envelope = data.draw(envelopes_of(message))

    assert Envelope.decode(json.dumps(with_surprises(json.loads(envelope.encode())))) == envelope


@pytest.mark.parametrize("body", bodies(), ids=lambda body: body.__name__)
@given(data=st.data())
@EXAMPLES
def test_a_request_with_a_field_that_nobody_knows_is_refused(body: type[BaseModel], data: st.DataObject) -> None:
    content = data.draw(models(body)).model_dump(mode="json")

    body.model_validate(content)
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        body.model_validate({**content, "from_the_future": 1})


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@given(data=st.data())
@EXAMPLES
def test_a_message_brought_about_again_has_the_same_id(message: type[Message], data: st.DataObject) -> None:
    told = data.draw(messages_of(message))
    cause, another = data.draw(st.uuids()), data.draw(st.uuids())

    again = message.model_validate_json(told.model_dump_json())

    assert told.id_when(cause) == again.id_when(cause)
    assert cause == another or told.id_when(cause) != told.id_when(another)


def test_no_two_messages_about_one_thing_share_an_id() -> None:
    cause, about = UUID(int=1), UUID(int=2)
    told = (message.model_construct(None, **dict.fromkeys(message.model_fields, about)) for message in MESSAGES)
    ids = {message.id_when(cause) for message in told}

    assert len(ids) == len(MESSAGES)


class _SeatsTold(Message):
    order_id: UUID


class _SeatsToldV2(Message):
    order_id: UUID
    row: str


def test_both_versions_of_a_message_are_one_to_an_inbox() -> None:
    order, cause = UUID(int=1), UUID(int=2)

    old, new = _SeatsTold(order_id=order), _SeatsToldV2(order_id=order, row="A")

    assert (old.type, new.type) == (f"{old.kind}.v1", f"{old.kind}.v2")
    assert old.id_when(cause) == new.id_when(cause)


@given(data=st.data())
@EXAMPLES
def test_what_follows_names_its_cause_and_stays_in_the_trace(data: st.DataObject) -> None:
    cause = data.draw(envelopes_of(data.draw(st.sampled_from(MESSAGES))))
    effect = data.draw(messages_of(data.draw(st.sampled_from(MESSAGES))))

    follower = cause.followed_by(effect, by="order", at=cause.time)

    assert follower.causation == cause.id
    assert follower.traceparent == cause.traceparent
    assert follower.id == effect.id_when(cause.id)
    assert follower.source == "/bilhetagem/order"


GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "01a210a0-58ea-7a9c-9917-e62f110f7a6a",
    "source": "/bilhetagem/order",
    "type": "bilhetagem.order.order-completed.v1",
    "time": "2027-03-01T20:00:00+00:00",
    "data": {
        "order_id": "01a210a0-58ea-7a9c-9917-e62f110f7a6b",
        "event_id": "01a210a0-58ea-7a9c-9917-e62f110f7a6c",
        "user_id": "01a210a0-58ea-7a9c-9917-e62f110f7a6d",
    },
}


def test_the_envelope_that_the_bad_ones_below_are_made_from_is_good() -> None:
    assert Envelope.decode(json.dumps(GOOD)).time == datetime.fromisoformat("2027-03-01T20:00:00+00:00")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "3",
        "[" * 100_000,
        '{"data": 1e99999999999999999999}',
        *(json.dumps({k: v for k, v in GOOD.items() if k != name}) for name in GOOD if name != "type"),
        *(
            json.dumps({**GOOD, name: value})
            for name, value in (
                ("specversion", "0.3"),
                ("id", "17"),
                ("id", None),
                ("type", "com.example.order-completed.v1"),
                ("type", "bilhetagem.order.\ud800.v1"),
                ("type", "x" * 100_000),
                ("time", "yesterday"),
                ("time", "2027-03-01T20:00:00"),
                ("causationid", "nothing"),
                ("traceparent", 7),
                ("data", None),
                ("data", {}),
                ("data", {**GOOD["data"], "order_id": 7}),
            )
        ),
    ],
)
def test_what_is_no_message_of_ours_is_undecodable(body: str) -> None:
    with pytest.raises(Undecodable):
        Envelope.decode(body)


def test_a_type_of_a_newer_release_is_told_with_the_id_that_an_inbox_may_know() -> None:
    with pytest.raises(UnknownType) as unknown:
        Envelope.decode(json.dumps({**GOOD, "type": "bilhetagem.order.order-completed.v2"}))

    assert unknown.value.id == UUID(GOOD["id"])


def test_what_is_said_of_a_bad_payload_does_not_repeat_it() -> None:
    payload = {"user_id": GOOD["data"]["user_id"], "version": 1, "name": "Maria da Silva\n"}

    with pytest.raises(Undecodable) as bad:
        Envelope.decode(
            json.dumps({**GOOD, "type": "bilhetagem.user.user-registered.v1", "data": payload | {"version": 0}})
        )

    assert "version" in str(bad.value)
    assert "Silva" not in str(bad.value)
