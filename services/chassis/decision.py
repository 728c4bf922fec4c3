"""What becomes of a message: one pure function from what went wrong to a verdict."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePath

from contracts.message import Undecodable, UnknownType
from contracts.routes import MAX_RECEIVES
from services.chassis.kernel import Impossible, NotYet
from services.chassis.store import Conflict

MAX_TRIES = 10
"""Recorded tries until a message is buried: four to nine minutes, longer than a hiccup of S3 or the payment gateway."""

RETENTION = timedelta(days=400)
"""How long the journal remembers, unless a setting says otherwise."""

SHORTEST_RETENTION = timedelta(days=31)
"""SQS keeps a dead letter for 14 days, and whoever sends it again later still finds its repeat known."""

_FIRST_RETRY_SECONDS = 1
_LONGEST_RETRY_SECONDS = 300
_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Done:
    """Handled, known already, or parked: delete it from the queue."""


@dataclass(frozen=True, slots=True)
class Park:
    """Send it to its own queue again at ``until``, and delete it: waiting costs no receive count."""

    until: datetime
    waits_for: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Leave it on the queue, invisible for ``seconds``, after this error."""

    seconds: int
    error: str = field(default="", compare=False)
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Bury:
    """Put it into the dead-letter queue, with this reason."""

    reason: str
    error: str
    place: str


type Verdict = Done | Park | Retry | Bury


class TooOld(Exception):
    """A message from before the journal's memory."""


_HOPELESS: dict[type[Exception], str] = {
    Undecodable: "undecodable",
    Impossible: "impossible",
    TooOld: "too_old",
}


def decide(error: Exception, *, tries: int, now: datetime, sent: datetime, jitter: float) -> Verdict:
    """The verdict on a message whose handling raised ``error`` for the ``tries``-th time.

    ``jitter`` is a random number from 0 to 1: it spreads retries over the second half of the back-off, so that what
    failed together does not come back together.
    """
    if isinstance(error, NotYet):
        wait = min(max((now - sent) / 2, _SHORTEST_WAIT), _LONGEST_WAIT)
        return Park(now + wait, str(error))
    reason = _HOPELESS.get(type(error))
    # A type that is unknown here becomes known with the next release, and who was faster is done: no message's fault,
    # so SQS's own net is the only limit.
    most = MAX_RECEIVES - 1 if isinstance(error, UnknownType | Conflict) else MAX_TRIES
    if reason is None and tries >= most:
        reason = "unknown_type" if isinstance(error, UnknownType) else "failed"
    if reason is not None:
        return Bury(reason, describe(error), place(error))
    back_off = min(_FIRST_RETRY_SECONDS * 2 ** (tries - 1), _LONGEST_RETRY_SECONDS)
    return Retry(max(1, round(back_off * (1 + jitter) / 2)), describe(error), place(error))


def describe(error: BaseException) -> str:
    """An error in a line: its first one, since Pydantic and SQLAlchemy repeat what they were given in the others."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}"[:1000]


def place(error: Exception) -> str:
    """Where an error was raised: file, line and function of the innermost frame. The path begins with the package, such
    as ``services/order/handlers.py:120 in place()``: the same wherever it is installed.
    """
    trace = error.__traceback__
    if trace is None:
        return "unknown"
    while trace.tb_next is not None:
        trace = trace.tb_next
    code, module = trace.tb_frame.f_code, trace.tb_frame.f_globals.get("__name__", "")
    file = PurePath(code.co_filename)
    depth = module.count(".") + (2 if file.stem == "__init__" else 1)
    return f"{'/'.join(file.parts[-depth:])}:{trace.tb_lineno} in {code.co_name}()"
