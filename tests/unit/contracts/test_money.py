"""Money is exact to the cent, bounded, and nothing but a number."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.money import MAX_CENTS, Money

PRICES = TypeAdapter(Money)
cents = st.integers(0, MAX_CENTS)


def on_the_wire(money: Money) -> str:
    return PRICES.dump_json(money).decode()


def read_exactly(text: str) -> Money:
    """As a request or a message is read: no number goes through a float."""
    return PRICES.validate_python(json.loads(text, parse_float=Decimal))


def refusal_of(value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        PRICES.validate_python(value)
    return refused.value.errors()[0]["type"]


@given(cents)
def test_every_amount_comes_back_as_it_was_sent(amount: int) -> None:
    assert read_exactly(on_the_wire(Money(amount))) == Money(amount)


@given(cents)
def test_a_client_that_reads_floats_gets_the_same_cents(amount: int) -> None:
    assert round(json.loads(on_the_wire(Money(amount))) * 100) == amount
    assert PRICES.validate_python(json.loads(on_the_wire(Money(amount)))) == Money(amount)


@given(cents)
def test_it_is_a_json_number_with_two_decimals_at_most(amount: int) -> None:
    _, _, decimals = on_the_wire(Money(amount)).partition(".")

    assert len(decimals) <= 2
    assert str(Money(amount)) == f"{Decimal(amount) / 100:.2f}"


@given(st.integers(0, MAX_CENTS // 1_000).map(Money), st.integers(0, MAX_CENTS // 1_000).map(Money), st.integers(1, 50))
def test_sums_and_multiples_are_those_of_the_cents(one: Money, other: Money, times: int) -> None:
    assert (one + other).cents == one.cents + other.cents
    assert (one * times).cents == one.cents * times
    assert (one < other) == (one.cents < other.cents)


@given(st.integers(0, MAX_CENTS * 10).filter(lambda mills: mills % 10))
def test_a_fraction_of_a_cent_is_refused(mills: int) -> None:
    assert refusal_of(Decimal(mills).scaleb(-3)) == "money_decimals"


@pytest.mark.parametrize(
    ("number", "amount"),
    [("0", 0), ("0.1", 10), ("150", 15_000), ("150.00", 15_000), ("1.5e2", 15_000), ("150.000", 15_000), ("-0.0", 0)],
)
def test_a_number_may_be_written_in_several_ways(number: str, amount: int) -> None:
    assert read_exactly(number) == Money(amount)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("-0.01", "money_range"),
        ("1000000000.00", "money_range"),
        ("999999999.991", "money_range"),
        ("1e400", "money_range"),
        ("1e999999", "money_range"),
        ("0.001", "money_decimals"),
        ("1e-400", "money_decimals"),
        ("1e-999999", "money_decimals"),
        ("150.0000000000000000000000000000001", "money_decimals"),
        ("1" + "0" * 500, "money_range"),
    ],
)
def test_what_is_out_of_bounds_or_finer_than_a_cent_is_refused(number: str, told: str) -> None:
    assert refusal_of(json.loads(number, parse_float=Decimal)) == told


@pytest.mark.parametrize(
    "value",
    ["150.00", "", True, False, None, [150], {"cents": 15_000}, math.nan, math.inf, -math.inf, Decimal("NaN")],
)
def test_what_is_no_number_is_no_money(value: Any) -> None:
    assert refusal_of(value) == "money_type"


@given(st.one_of(st.floats(), st.decimals(), st.integers(), st.text(), st.booleans(), st.none()))
def test_whatever_comes_is_money_or_refused_with_a_reason(value: Any) -> None:
    try:
        money = PRICES.validate_python(value)
    except ValidationError as refused:
        reason: str | None = refused.errors()[0]["type"]
    else:
        reason = None
        assert 0 <= money.cents <= MAX_CENTS
        assert Decimal(str(money)) == Decimal(repr(value) if isinstance(value, float) else value)

    assert reason in {None, "money_type", "money_range", "money_decimals"}
