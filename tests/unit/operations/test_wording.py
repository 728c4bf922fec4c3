"""Numbers and spans as people read them."""

from datetime import timedelta

import pytest

from services.operations.wording import ago, counted, printable, times


def test_one_is_one_and_more_are_many() -> None:
    assert [counted(number, "message") for number in (0, 1, 2)] == ["0 messages", "1 message", "2 messages"]
    assert [counted(number, "try", "tries") for number in (1, 2)] == ["1 try", "2 tries"]
    assert [times(number) for number in (0, 1, 2)] == ["never", "once", "2 times"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 d")],
)
def test_a_span_is_told_in_its_largest_unit(seconds: int, told: str) -> None:
    assert ago(timedelta(seconds=seconds)) == told


def test_nothing_from_outside_is_obeyed_by_a_terminal() -> None:
    assert printable("Ana\x1b[2J\nSouza") == "Ana\N{REPLACEMENT CHARACTER}[2J\nSouza"
