"""The committed JSON Schemas are those of the messages, describe what is sent, and nobody writes one that breaks."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from contracts.message import Message
from contracts.order import OrderCompleted
from services.operations import documents
from services.operations.documents import ROOT, SCHEMAS, schema_of
from services.operations.errors import Trouble
from tests.unit.contracts.made_up import MESSAGES, messages_of

COMMITTED = ROOT / SCHEMAS


def committed(message: type[Message]) -> Any:
    # Decimals: whether a float is a multiple of 0.01 is a matter of luck.
    return json.loads((COMMITTED / f"{message.type}.json").read_text(), parse_float=Decimal)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_the_committed_schema_is_that_of_the_message(message: type[Message]) -> None:
    assert json.loads((COMMITTED / f"{message.type}.json").read_text()) == schema_of(message)


def test_no_schema_is_left_of_a_message_that_is_gone() -> None:
    assert {path.stem for path in COMMITTED.glob("*.json")} == {message.type for message in MESSAGES}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@given(data=st.data())
@settings(max_examples=10)
def test_what_is_sent_satisfies_the_schema(message: type[Message], data: st.DataObject) -> None:
    told = data.draw(messages_of(message)).model_dump_json()

    Draft202012Validator(committed(message)).validate(json.loads(told, parse_float=Decimal))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_a_schema_refuses_a_message_without_its_fields(message: type[Message]) -> None:
    required = committed(message).get("required", [])

    assert bool(required) == any(field.is_required() for field in message.model_fields.values())
    if required:
        with pytest.raises(ValidationError):
            Draft202012Validator(committed(message)).validate({})


def test_a_schema_that_breaks_readers_is_neither_written_nor_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use = schema_of(OrderCompleted)
    in_use["properties"]["seats"] = {"type": "integer"}
    path = tmp_path / SCHEMAS / f"{OrderCompleted.type}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(in_use))
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "documents", lambda: {SCHEMAS / path.name: json.dumps(schema_of(OrderCompleted))})

    for command in (documents.write_documents, documents.check_documents):
        with pytest.raises(Trouble, match=r"bilhetagem\.order\.order-completed\.v1: seats is gone"):
            command()

    assert json.loads(path.read_text()) == in_use


def test_an_optional_field_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use = schema_of(OrderCompleted)
    path = tmp_path / SCHEMAS / f"{OrderCompleted.type}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(in_use))
    grown = {**in_use, "properties": {**in_use["properties"], "seats": {"type": "integer"}}}
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "documents", lambda: {SCHEMAS / path.name: json.dumps(grown)})

    documents.write_documents()

    assert json.loads(path.read_text()) == grown
