"""Moments and durations as people write and read them."""

import re
from datetime import UTC, datetime, timedelta

from services.operations.errors import BadInput

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_LONGEST = timedelta(days=9_999)
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""Of which an id can tell the time (RFC 9562, 5.7)."""


def duration(text: str) -> timedelta:
    """What someone means by ``90s``, ``5m``, ``2h`` or ``7d``. Raises BadInput."""
    found = _DURATION.fullmatch(text)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if span is None or span > _LONGEST:
        raise BadInput(f"{text!r} is no duration: write 90s, 5m, 2h or 7d, up to {_LONGEST.days}d.")
    return span


def moment(text: str, now: datetime) -> datetime:
    """What someone means by a time with its offset, or by a duration: so long ago. Raises BadInput."""
    if _DURATION.fullmatch(text):
        return now - duration(text)
    try:
        written = datetime.fromisoformat(text)
        found = written.astimezone(UTC) if written.tzinfo else None
    except (ValueError, OverflowError):
        found = None
    if found is None or found < _FIRST:
        raise BadInput(f"{text!r} is no time since 1970: write 2h (ago), or 2027-03-01T20:00:00-03:00.")
    return found


def spoken(span: timedelta) -> str:
    """A duration in a word: ``0.4s``, ``12s``, ``5m``, ``2h``, ``7d``."""
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
