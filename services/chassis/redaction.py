"""The net below the rule that nobody logs personal data or secrets: what is named or looks like them is left out."""

import re
from collections.abc import Mapping
from typing import Any

from structlog.typing import EventDict

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
