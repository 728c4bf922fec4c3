"""Problem documents, and the small grammars that a request's headers and parameters have."""

import json
from uuid import UUID, uuid4

import pytest
from fastapi.exceptions import RequestValidationError

from services.chassis.bodies import parse
from services.chassis.paging import cursor_after
from services.chassis.problems import Problem, answer, document, invalid, pointer, problems
from services.chassis.waiting import seconds_preferred


def test_a_problem_says_what_it_is_to_machines_and_to_people() -> None:
    problem = Problem(409, "already_used", "The ticket was used.", used_at="2027-03-01T20:00:00-03:00")
    assert document(problem, "/tickets/issued/1/check-in") == {
        "type": "https://bilhetagem.example/problems/already_used",
        "title": "Conflict",
        "status": 409,
        "slug": "already_used",
        "detail": "The ticket was used.",
        "instance": "/tickets/issued/1/check-in",
        "used_at": "2027-03-01T20:00:00-03:00",
    }


def test_a_problem_without_words_has_those_of_its_status() -> None:
    assert (Problem(404).slug, Problem(404).detail) == ("not_found", "There is nothing here.")
    assert (Problem(418).slug, Problem(418).detail) == ("error", "I'm a Teapot")


def test_what_is_unavailable_says_when_to_come_back() -> None:
    assert answer(Problem(503), "/").headers["retry-after"] == "1"
    assert answer(Problem(503, headers={"Retry-After": "9"}), "/").headers["retry-after"] == "9"


def test_an_instance_is_an_uri_whatever_the_path() -> None:
    assert document(Problem(404), "/orders/\ud800 ç")["instance"] == "/orders/%3F%20%C3%A7"


def test_a_pointer_is_escaped_and_never_longer_than_anyone_reads() -> None:
    assert pointer(["items", 0, "a/b~c"]) == "/items/0/a~1b~0c"
    assert pointer([]) == ""
    assert pointer(["\ud800"]) == "/?"
    assert len(pointer(["x" * 5000])) == 200


def test_a_wrong_id_in_the_path_is_a_resource_that_is_not_there() -> None:
    wrong = {"loc": ("path", "id"), "msg": "no UUID", "type": "uuid_parsing"}
    assert invalid(RequestValidationError([wrong])).status_code == 404


def test_every_wrong_part_has_its_place() -> None:
    wrong = [
        {"loc": ("body", "items", 0), "msg": "too many", "type": "x"},
        {"loc": ("query", "limit"), "msg": "too small", "type": "x"},
        {"loc": ("header", "x-sign"), "msg": "missing", "type": "x"},
    ]
    problem = invalid(RequestValidationError(wrong))
    assert (problem.status_code, problem.slug) == (422, "invalid")
    assert problem.detail == "/items/0: too many; limit: too small; x-sign: missing"
    assert problem.extra["errors"] == [
        {"pointer": "/items/0", "detail": "too many"},
        {"parameter": "limit", "detail": "too small"},
        {"header": "x-sign", "detail": "missing"},
    ]


def test_a_document_of_errors_has_an_example_for_each_slug() -> None:
    described = problems(404, (409, "voided", "It was withdrawn."), (409, "already_used", "It was used."))
    assert described.keys() == {404, 409}
    examples = described[409]["content"]["application/problem+json"]["examples"]
    assert {slug: example["value"]["slug"] for slug, example in examples.items()} == {
        "voided": "voided",
        "already_used": "already_used",
    }
    json.dumps(described)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=10", 10),
        ("WAIT = 10", 10),
        ('wait="10"', 10),
        ("respond-async, wait=10", 10),
        ("wait=10; foo=bar, handling=lenient", 10),
        ("wait=3, wait=10", 3),
        ("wait=999999999", 25),
        ("wait=0", 0),
        ("", 0),
        ("wait", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("await=10", 0),
        ("foo=wait=10", 0),
        ("wait=10s", 0),
        ("wait=99999999999999999999", 0),
    ],
)
def test_a_preference_is_read_as_rfc_7240_has_it(prefer: str, seconds: int) -> None:
    assert seconds_preferred(prefer, 25) == seconds


def test_cursors_follow_ids_and_tell_nothing() -> None:
    row = uuid4()
    assert cursor_after(row) == cursor_after(UUID(str(row)))
    assert len(cursor_after(row)) == 22
    assert str(row) not in cursor_after(row)


def test_numbers_stay_as_they_were_written() -> None:
    assert str(parse(b"[150.10, 0.1, 1e2]")) == "[Decimal('150.10'), Decimal('0.1'), Decimal('1E+2')]"
