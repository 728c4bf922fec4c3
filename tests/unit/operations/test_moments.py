"""Moments and durations as people write and read them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.operations.errors import BadInput
from services.operations.moments import duration, moment, spoken

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("9999d", timedelta(days=9_999)),
    ],
)
def test_a_duration_is_a_number_and_a_unit_and_a_moment_so_long_ago(text: str, span: timedelta) -> None:
    assert duration(text) == span
    assert moment(text, NOW) == NOW - span


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", "1w", "1.5h", "1000000s", "10000d", "999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no duration"):
        duration(text)


def test_a_time_is_taken_with_its_offset() -> None:
    assert moment("2027-03-01T08:00:00-03:00", NOW) == datetime(2027, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2027-03-01T08:00:00",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_time_or_none_that_ids_can_tell_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no time since 1970"):
        moment(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.44, "0.4s"), (10, "10s"), (119, "119s"), (120, "2m"), (7_200, "2h"), (172_800, "2d")]
)
def test_a_span_is_told_in_a_word(seconds: float, told: str) -> None:
    assert spoken(timedelta(seconds=seconds)) == told
