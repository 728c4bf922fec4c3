"""A change that breaks a reader is refused, kind by kind, on made-up messages."""

from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, create_model

from contracts.fields import Instant, Quantity, Text
from contracts.money import Money
from services.operations.compatibility import breaking_changes


class Line(BaseModel):
    seat: Text
    price: Money


class Sold(BaseModel):
    """A message in use."""

    order_id: UUID
    quantity: Quantity
    reason: Literal["sold_out", "expired"]
    lines: tuple[Line, ...]
    best: Line | None = None
    note: Text | None = None


def changed(**fields: object) -> type[BaseModel]:
    """The message with these fields instead; ``None`` takes one away."""
    kept = {name: (field.annotation, field) for name, field in Sold.model_fields.items()}
    chosen = {name: field for name, field in {**kept, **fields}.items() if field is not None}
    return create_model("Sold", **chosen)  # type: ignore[call-overload, no-any-return]


def refusals(after: type[BaseModel]) -> list[str]:
    return breaking_changes(Sold.model_json_schema(), after.model_json_schema())


class LineWithRow(Line):
    row: Text | None = None


class LineOfARow(Line):
    row: Text


class LineInCents(Line):
    price: int  # type: ignore[assignment]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(Sold, id="nothing"),
        pytest.param(changed(gate=(Text | None, None)), id="an optional field"),
        pytest.param(changed(gate=(Text, "A")), id="a field with a default"),
        pytest.param(changed(lines=(tuple[LineWithRow, ...], ...)), id="an optional field of a part"),
        pytest.param(changed(best=(LineWithRow | None, None)), id="an optional field of an optional part"),
        pytest.param(changed(order_id=(UUID, Field(description="Whose seats"))), id="a description"),
        pytest.param(changed(note=(Text | None, Field(None, examples=["By the door"]))), id="an example"),
    ],
)
def test_an_optional_field_may_be_added_and_words_may_change(after: type[BaseModel]) -> None:
    assert refusals(after) == []


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (changed(note=None), "note is gone"),
        (changed(note=None, remark=(Text | None, None)), "note is gone"),
        (changed(gate=(Text, ...)), "gate is new and required"),
        (changed(note=(Text | None, ...)), "note was optional and is required"),
        (changed(quantity=(Quantity, 1)), "quantity was required and is optional"),
        (changed(order_id=(str, ...)), "order_id: format was 'uuid' and is None"),
        (changed(order_id=(Instant, ...)), "order_id: format was 'uuid' and is 'date-time'"),
        (changed(quantity=(Money, ...)), "quantity: type was 'integer' and is 'number'"),
        (changed(quantity=(Annotated[int, Field(ge=1, le=10)], ...)), "quantity: maximum was 50 and is 10"),
        (changed(quantity=(Annotated[int, Field(ge=1, le=99)], ...)), "quantity: maximum was 50 and is 99"),
        (changed(quantity=(Quantity | None, ...)), "quantity: anyOf was None and is"),
        (changed(note=(Text, "none")), "note: anyOf was"),
        (changed(note=(Text | None, "empty")), "note: default was None and is 'empty'"),
        (changed(reason=(Literal["sold_out"], ...)), "reason: const was None and is 'sold_out'"),
        (
            changed(reason=(Literal["sold_out", "expired", "rain"], ...)),
            "reason: enum was ['sold_out', 'expired'] and is ['sold_out', 'expired', 'rain']",
        ),
        (changed(lines=(tuple[LineOfARow, ...], ...)), "lines[].row is new and required"),
        (changed(lines=(tuple[LineInCents, ...], ...)), "lines[].price: type was 'number' and is 'integer'"),
        (changed(lines=(Line, ...)), "lines[] was"),
        (changed(best=(LineOfARow | None, None)), "best.row is new and required"),
        (changed(lines=(Annotated[tuple[Line, ...], Field(max_length=5)], ...)), "lines: maxItems was None and is 5"),
    ],
)
def test_anything_else_is_refused_and_named(after: type[BaseModel], told: str) -> None:
    assert any(refusal.startswith(told) for refusal in refusals(after)), refusals(after)


def test_every_breach_is_named_at_once() -> None:
    assert len(refusals(changed(order_id=None, quantity=None, reason=None))) == 3
