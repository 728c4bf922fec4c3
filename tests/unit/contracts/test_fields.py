"""The field types: what SQS, PostgreSQL and a printed ticket can take, and what they cannot."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.fields import Instant, Quantity, Slug, Stock, Text, Version, Zone
from contracts.ticket import TicketTypeBody
from contracts.user import Email
from tests.unit.contracts.made_up import instants, texts


def read(field: Any, value: Any) -> Any:
    return TypeAdapter(field).validate_python(value)


def is_refused(field: Any, value: Any) -> bool:
    try:
        read(field, value)
    except ValidationError:
        return True
    return False


@given(texts)
def test_a_text_stays_as_it_is(text: str) -> None:
    assert read(Text, text) == text


@pytest.mark.parametrize(
    "name",
    ["Ana", "Zoë d'Ávila-Nuñez", "李小龍", "محمد", "ก้อง", "🎫 Família 👨‍👩‍👧", "O’Brien", "1", "!"],
)
def test_any_name_that_people_write_is_a_text(name: str) -> None:
    assert read(Text, name) == name


def test_space_around_a_text_is_cut_off() -> None:
    assert read(Text, "  Ana Souza\t\n") == "Ana Souza"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "a" * 201,
        "two\nlines",
        "two\u2028lines",
        "two\u2029lines",
        "tab\there",
        "nul\x00",
        "escape\x1b[31m",
        "c1\x85x",
        "half a pair \ud800",
        "R$ \u202e00,05",
        "\u2067isolated\u2069",
        "no character \ufffe",
        "no character \U0001ffff",
        "\u200d\u200d",
        "\u0301",
        7,
        None,
        ["Ana"],
    ],
)
def test_what_would_tear_a_ticket_or_a_queue_is_no_text(text: Any) -> None:
    assert is_refused(Text, text)


@given(st.text())
def test_whatever_is_a_text_can_be_queued_and_printed(text: str) -> None:
    try:
        kept = read(Text, text)
    except ValidationError:
        return
    assert 1 <= len(kept) <= 200
    assert kept.isprintable() or all(ord(character) >= 0xA0 for character in kept if not character.isprintable())
    assert json.loads(json.dumps(kept, ensure_ascii=False).encode()) == kept


@given(instants)
def test_a_moment_is_the_same_in_every_offset(moment: datetime) -> None:
    assert read(Instant, moment.isoformat()) == moment.astimezone(UTC)


@pytest.mark.parametrize(
    "time",
    [
        "2027-03-01T20:00:00",
        "2027-03-01",
        "20:00",
        "yesterday",
        "",
        "1999-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2027-02-30T20:00:00Z",
        1_803_000_000,
        "1803000000",
        1.5,
        True,
        None,
        datetime(2027, 3, 1),  # noqa: DTZ001
    ],
)
def test_a_time_without_offset_or_reason_is_refused(time: Any) -> None:
    assert is_refused(Instant, time)


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/Noronha", "UTC", "Europe/Lisbon"])
def test_an_iana_name_is_a_zone(zone: str) -> None:
    assert read(Zone, zone) == zone


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "localtime",
        "Brasília",
        "america/sao_paulo",
        "../../etc/passwd",
        "/usr/share/zoneinfo/UTC",
        "-03:00",
        "Z" * 99,
        3,
    ],
)
def test_anything_else_is_no_zone(zone: Any) -> None:
    assert is_refused(Zone, zone)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (Quantity, [1, 50], [0, 51, -1, 1.0, 1.5, "1", True, None]),
        (Stock, [0, 1_000_000], [-1, 1_000_001, 10.0, "10", True]),
        (Version, [1, 2**40], [0, -1, 1.5]),
        (Slug, ["pix", "fail-twice", "0", "a.b:c_d"], ["", "Pix", "-a", "a b", "a" * 65, "ção", "a\n", 1]),
        (
            Email,
            ["ana@example.com", "ana+show@mail.example.com.br"],
            [
                "",
                "ana",
                "ana@",
                "@example.com",
                "ana@localhost",
                "ana souza@example.com",
                "ana@-a.com",
                "a" * 250 + "@a.br",
            ],
        ),
    ],
)
def test_the_bounds_of_a_field(field: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if is_refused(field, value)] == []
    assert [value for value in bad if not is_refused(field, value)] == []


def test_two_addresses_that_differ_in_case_are_one() -> None:
    assert read(Email, " Ana@Example.COM ") == "ana@example.com"


def test_a_sale_ends_after_it_starts() -> None:
    noon = "2027-03-01T12:00:00Z"
    body = {"event_id": "01a210a0-58ea-7a9c-9917-e62f110f7a6a", "quantity": 1, "price": 1}

    read(TicketTypeBody, body | {"sales_start": noon, "sales_end": "2027-03-01T10:00:00-03:00"})
    assert is_refused(TicketTypeBody, body | {"sales_start": noon, "sales_end": noon})
