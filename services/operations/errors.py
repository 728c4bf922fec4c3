"""What goes wrong for a person at a terminal: one sentence that says what it was and how to mend it, never a trace."""

from collections.abc import Iterator


class Trouble(Exception):
    """A command cannot go on; the text is for the person who gave it."""


class BadInput(Trouble):
    """A command was given what means nothing to it: a name that is none's, a file that is something else."""


_DISK_FULL = ("No space left on device", "disk is full")
"""What the operating system, and PostgreSQL after it, say of it; and SQLite."""


def sentence(error: BaseException) -> str | None:
    """What to tell of an error; None for one that nobody expected."""
    return next((said for cause in _causes(error) if (said := _of_one(cause)) is not None), None)


def exit_code(error: BaseException) -> int:
    """How a command ends that an error ends: 2 when it was given what it cannot take, as for a wrong option; else 1."""
    return 2 if any(isinstance(cause, BadInput) for cause in _causes(error)) else 1


def _of_one(error: BaseException) -> str | None:
    if isinstance(error, Trouble):
        return str(error)
    if any(words in str(error) for words in _DISK_FULL):
        return "The disk is full: make some room and start again."
    # Not above: no command needs all of these libraries, unless something goes wrong.
    from botocore.exceptions import BotoCoreError, ClientError

    from localstack.server import LocalStackError
    from services.chassis.migrate import MigrationFailed
    from services.chassis.service import Disagreement
    from services.chassis.serving import DidNotStart, PortInUse
    from services.chassis.store import Unavailable
    from services.operations.client import ApiError
    from services.operations.postgres import PostgresError

    match error:
        case PortInUse():
            return f"{error} Stop that program, or choose another port with --port."
        case ApiError() | LocalStackError() | PostgresError() | MigrationFailed() | Disagreement() | DidNotStart():
            return str(error)
        case Unavailable():
            return f"The database cannot be reached: {error}"
        case BotoCoreError() | ClientError():
            return f"AWS does not answer as it should: {error}. Does LocalStack run, and AWS_ENDPOINT_URL name it?"
        case OSError(filename=str(path)):
            return f"{error.strerror}: {path}"
        case _:
            return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what a task group collected in it, and what it was raised from."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)
