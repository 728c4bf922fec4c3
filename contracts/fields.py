"""Field types that several messages share: bounded, and safe for SQS, PostgreSQL and a printed ticket."""

import re
import unicodedata
from datetime import datetime
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

# Pydantic would take a number of seconds too, also as a text.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:")

_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of explicit embeddings, overrides and isolates (UAX 9, 2)."""


class Personal:
    """Marks a field that holds personal data: it is left out of journals and logs (LGPD, Lei 13.709/2018, art. 5)."""


def _printable(text: str) -> str:
    # SQS refuses control and non-characters in a body, PostgreSQL refuses NUL in a text, and a line break in a name
    # would tear a ticket apart. Joiners (category Cf) stay: names and emoji need them. What turns the direction of
    # writing shows a text as another one (UTR 36, 2.2), and no name needs it.
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or ord(character) & 0xFFFE == 0xFFFE:
            raise PydanticCustomError("text_control", "Text may not contain line breaks or control characters")
        if unicodedata.bidirectional(character) in _TURNING:
            raise PydanticCustomError("text_direction", "Text may not contain characters that turn its direction")
    if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
        raise PydanticCustomError("text_blank", "Text needs at least one visible character")
    return text


def _written_time(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.match(value)):
        return value
    raise PydanticCustomError(
        "time_type",
        "A time is an RFC 3339 text with an offset, such as 2027-03-01T20:00:00-03:00",
    )


@cache
def _zones() -> frozenset[str]:
    # Debian has its own zone's file among them: what it says depends on the machine.
    return frozenset(available_timezones() - {"localtime"})


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("timezone", "A time zone is an IANA name, such as America/Sao_Paulo")
    return name


def _plausible(moment: datetime) -> datetime:
    if not 2000 <= moment.year <= 2200:
        raise PydanticCustomError("time_range", "A time lies between the years 2000 and 2200")
    return moment


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]
"""One line of 1 to 200 characters that people read."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,63}$")]
"""A machine-readable word: reasons, methods, payment tokens."""

Instant = Annotated[AwareDatetime, BeforeValidator(_written_time), AfterValidator(_plausible)]
"""A moment, RFC 3339 with an offset."""

Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_zone)]
"""An IANA time zone's name."""

Stock = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
"""How many there are to sell."""

Quantity = Annotated[int, Field(strict=True, ge=1, le=50)]
"""How many one buyer takes at once."""

Version = Annotated[int, Field(ge=1)]
"""Counts the changes of a catalogue row; an older one never overwrites a newer one."""
