"""UUIDv7 (RFC 9562, section 5.7): ids that carry the time they were minted at, which makes *pending* stateless."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from services.chassis.kernel import Clock

type Mint = Callable[[], UUID]
"""Makes a new id."""


def uuid7(at: datetime, randomness: int) -> UUID:
    """The id for a moment. ``randomness`` is an integer of 74 random bits."""
    milliseconds = int(at.timestamp() * 1000)
    high, low = randomness >> 62, randomness & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def minting(clock: Clock) -> Mint:
    """Ids by this clock, with the system's randomness."""
    return lambda: uuid7(clock(), secrets.randbits(74))


def minted_at(identifier: UUID) -> datetime | None:
    """When a UUIDv7 was minted, None for any other id."""
    if identifier.version != 7:
        return None
    try:
        return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
    except (OverflowError, ValueError):
        return None
