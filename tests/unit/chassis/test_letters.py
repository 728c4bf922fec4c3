"""What logs call a message by, whatever its body is."""

import json

import pytest

from services.chassis.letters import Delivery, names_of


def named(body: str) -> dict[str, str]:
    return names_of(Delivery(queue="order-new", body=body, receipt="r", receives=1))


@pytest.mark.parametrize("body", ["nonsense", "[]", "7", "null", '{"id"', "{}", "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_message_has_no_name(body: str) -> None:
    assert named(body) == {}


def test_a_message_is_called_by_its_ids_and_its_trace() -> None:
    sent = {"id": "i", "type": "t", "correlationid": "c", "traceparent": f"00-{'ab' * 16}-00f067aa0ba902b7-01"}

    assert named(json.dumps({**sent, "data": {"name": "Ana Souza"}})) == {
        "message_id": "i",
        "type": "t",
        "correlation_id": "c",
        "trace_id": "ab" * 16,
    }


def test_a_text_that_calls_itself_by_a_book_does_not_fill_the_log() -> None:
    found = named(json.dumps({"id": "x" * 100_000, "type": ["t"] * 100_000, "traceparent": "y" * 100_000}))

    assert found.keys() == {"message_id", "type"}
    assert max(map(len, found.values())) == 200


def test_a_name_can_be_written_whatever_a_text_says_of_itself() -> None:
    found = named(json.dumps({"id": "\ud800", "type": "\udfff", "correlationid": ["\ud800"]}))

    assert "".join(found.values()).encode()
