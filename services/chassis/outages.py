"""What a database's errors mean: it is not there, or someone else was faster, or the statement is a mistake."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.chassis.store import Conflict, Exists, Unavailable

# Connection exceptions, invalid authorization, no resources, operator intervention
# (https://www.postgresql.org/docs/current/errcodes-appendix.html). Whoever is not let in finds no database: no message
# has to answer for that.
_OUTAGES = ("08", "28", "53", "57P")

# unique_violation; SQLite has no codes of the standard.
_UNIQUE_VIOLATION = "23505"

# Transaction rollback (a deadlock, a serialization failure), lock_not_available.
_CONTENTION = ("40", "55P03")

# A mistake in a statement, or a table that is missing, is an OperationalError too (https://sqlite.org/rescode.html).
_SQLITE_ERROR = 1


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable, Exists, and Conflict where another transaction was faster; other errors as they are."""
    try:
        yield
    except IntegrityError as error:
        _forget_rows(error)
        if _is_unique_violation(error):
            raise Exists(str(error.orig)) from error
        raise
    except (OSError, PoolTimeout) as error:
        raise Unavailable(repr(error)) from error
    except DBAPIError as error:
        _forget_rows(error)
        if error.connection_invalidated or _is_outage(error):
            raise Unavailable(str(error.orig)) from error
        if _sqlstate(error).startswith(_CONTENTION):
            raise Conflict(str(error.orig)) from error
        raise


def _is_outage(error: DBAPIError) -> bool:
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlite_errorcode", None) != _SQLITE_ERROR
    return _sqlstate(error).startswith(_OUTAGES)


def _is_unique_violation(error: IntegrityError) -> bool:
    return _sqlstate(error) == _UNIQUE_VIOLATION or "UNIQUE constraint" in str(error.orig)


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _forget_rows(error: DBAPIError) -> None:
    # PostgreSQL's DETAIL repeats the row, which may be personal data, and goes into logs with the traceback.
    cause = error.orig.__cause__ if error.orig else None
    if cause is not None and hasattr(cause, "detail"):
        cause.detail = None
