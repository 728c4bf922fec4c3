"""What a person at a terminal reads when something goes wrong."""

import errno

import pytest

from services.chassis.serving import PortInUse
from services.chassis.store import Unavailable
from services.operations.errors import Trouble, sentence


def test_a_busy_port_names_the_option_that_helps() -> None:
    assert "8000" in str(sentence(PortInUse("127.0.0.1", 8000)))
    assert "--port" in str(sentence(PortInUse("127.0.0.1", 8000)))


@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        Unavailable("(sqlite3.OperationalError) database or disk is full"),
        RuntimeError('could not write to file "pg_wal/xlogtemp.3308": No space left on device'),
    ],
)
def test_a_full_disk_is_called_a_full_disk(full: Exception) -> None:
    assert sentence(full) == "The disk is full: make some room and start again."


def test_what_a_task_group_collected_is_found_in_it() -> None:
    group = ExceptionGroup("unhandled errors", [ExceptionGroup("inner", [Trouble("The worker does not stay up.")])])

    assert sentence(group) == "The worker does not stay up."


def test_the_cause_speaks_when_the_error_itself_says_nothing() -> None:
    error = RuntimeError("wrapped")
    error.__cause__ = Trouble("The real reason.")

    assert sentence(error) == "The real reason."


def test_a_mistake_of_ours_is_not_explained_away() -> None:
    assert sentence(ZeroDivisionError()) is None
