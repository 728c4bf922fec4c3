"""The net below the rule that nobody logs personal data or secrets: what is named or looks like them is left out, and
of an error what it was given.
"""

import re
from collections.abc import Iterator, Mapping
from traceback import format_tb
from typing import Any

from structlog.typing import EventDict, ExcInfo

from services.chassis.decision import describe

REDACTED = "[redacted]"

_NAMES = re.compile(
    r"^(name|holder|headers|body|data|payload)$|authorization|cookie|e_?mail|passw|secret|signature|token",
    re.IGNORECASE,
)
_LOOKS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+|\bBearer\s+[\w.~+/=-]+", re.IGNORECASE)
"""E-mail addresses and bearer tokens, anywhere in a text."""


def redacted(_: object, __: str, event: EventDict) -> EventDict:
    """A processor of structlog: an event without values whose name says what they are, or that look like it."""
    return {name: _value(name, value) for name, value in event.items()}


def traceback_of(exc_info: ExcInfo) -> str:
    """A traceback, with what led to it first, as Python writes it; but each error says its first line only."""
    return "".join(_told(exc_info[1])).rstrip()


def _told(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
        yield "\nwhich led to:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from format_tb(error.__traceback__)
    yield f"{describe(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _told(part)


def _value(name: str, value: Any) -> Any:
    if _NAMES.search(name):
        return REDACTED
    if isinstance(value, str):
        return _LOOKS.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {str(inner): _value(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_value("", each) for each in value]
    return value
