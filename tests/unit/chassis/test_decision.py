"""What becomes of a message that was not handled."""

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.message import Undecodable, UnknownType
from contracts.routes import MAX_RECEIVES
from contracts.user import UserUpdated
from services.chassis.decision import MAX_TRIES, Bury, Park, Retry, TooOld, Verdict, decide, describe, place
from services.chassis.kernel import Impossible, NotYet
from services.chassis.locking import Moved
from services.chassis.store import Conflict
from tests.unit.handling import NOW


def verdict(error: Exception, tries: int = 1, age: timedelta = timedelta(), jitter: float = 1.0) -> Verdict:
    return decide(error, tries=tries, now=NOW, sent=NOW - age, jitter=jitter)


@pytest.mark.parametrize(("age_seconds", "wait_seconds"), [(0, 1), (1, 1), (10, 5), (100, 50), (120, 60), (86_400, 60)])
def test_what_came_too_early_waits_half_its_age(age_seconds: int, wait_seconds: int) -> None:
    answer = verdict(NotYet("the event"), age=timedelta(seconds=age_seconds))
    assert answer == Park(NOW + timedelta(seconds=wait_seconds), "the event")


def test_waiting_never_ends_in_a_dead_letter_queue() -> None:
    assert isinstance(verdict(NotYet("the event"), tries=1000, age=timedelta(days=300)), Park)


def test_failures_come_back_later_and_later() -> None:
    waits = [verdict(RuntimeError(), tries=tries) for tries in range(1, MAX_TRIES)]
    assert waits == [Retry(seconds) for seconds in (1, 2, 4, 8, 16, 32, 64, 128, 256)]


def test_the_last_try_buries_with_reason_error_and_place() -> None:
    try:
        raise RuntimeError("no seat")
    except RuntimeError as error:
        answer = verdict(error, tries=MAX_TRIES)
    assert isinstance(answer, Bury)
    assert (answer.reason, answer.error) == ("failed", "RuntimeError: no seat")
    assert re.fullmatch(r"tests/unit/chassis/test_decision\.py:\d+ in test_\w+\(\)", answer.place)


def test_an_errors_place_in_a_package_begins_with_the_package() -> None:
    with pytest.raises(json.JSONDecodeError) as in_a_library:
        json.JSONDecoder().decode("")
    with pytest.raises(TypeError) as in_a_packages_own_file:
        json.loads(1)  # type: ignore[arg-type]
    assert place(in_a_library.value).startswith("json/decoder.py:")
    assert place(in_a_packages_own_file.value).startswith("json/__init__.py:")
    assert place(RuntimeError("never raised")) == "unknown"


def test_what_an_error_says_of_its_input_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        UserUpdated.model_validate({"user_id": uuid4(), "version": 0, "name": "Ana\nSouza"})
    assert "Souza" in str(caught.value)
    assert describe(caught.value) == "ValidationError: 2 validation errors for UserUpdated"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Undecodable("x"), "undecodable"), (Impossible("x"), "impossible"), (TooOld("x"), "too_old")],
)
def test_what_no_retry_can_mend_is_buried_at_once(error: Exception, reason: str) -> None:
    answer = verdict(error)
    assert isinstance(answer, Bury)
    assert answer.reason == reason


def test_an_unknown_type_waits_for_the_release_that_knows_it_until_just_before_sqs_gives_up() -> None:
    error = UnknownType(uuid4(), "bilhetagem.order.order-placed.v9")
    assert isinstance(verdict(error, tries=MAX_RECEIVES - 2), Retry)
    answer = verdict(error, tries=MAX_RECEIVES - 1)
    assert isinstance(answer, Bury)
    assert answer.reason == "unknown_type"


@pytest.mark.parametrize("error", [Conflict("the row exists"), Moved("the row moved")])
def test_where_someone_else_was_faster_is_tried_until_just_before_sqs_gives_up(error: Exception) -> None:
    assert isinstance(verdict(error, tries=MAX_RECEIVES - 2), Retry)
    answer = verdict(error, tries=MAX_RECEIVES - 1)
    assert isinstance(answer, Bury)
    assert answer.reason == "failed"


@given(st.integers(1, MAX_TRIES - 1), st.floats(0, 1))
def test_jitter_spreads_retries_over_the_second_half_of_the_back_off(tries: int, jitter: float) -> None:
    answer = verdict(RuntimeError(), tries=tries, jitter=jitter)
    assert isinstance(answer, Retry)
    assert 2 ** (tries - 1) / 2 - 0.5 <= answer.seconds <= 2 ** (tries - 1)
    assert answer.seconds >= 1
