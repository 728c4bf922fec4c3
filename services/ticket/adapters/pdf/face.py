"""What the page of a ticket shows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

# Crockford's base 32: no I, L, O or U, so nothing is misread when typed from paper.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Face:
    """Everything that is printed on one issued ticket; `starts_at` is aware, `timezone` an IANA name.

    `holder` is None when the name is unknown or erased. `number` counts from 1 to `total` within the reservation's
    tickets. `qr` is printed as it is.
    """

    event_title: str
    location: str
    starts_at: datetime
    timezone: str
    ticket_type: str
    price_cents: int
    holder: str | None
    order_id: UUID
    ticket_id: UUID
    number: int
    total: int
    qr: str

    @property
    def code(self) -> str:
        """The ticket's id in short, to be typed where a camera fails: its last 50 bits, as `XXXXX-XXXXX`."""
        digits = "".join(_ALPHABET[self.ticket_id.int >> 5 * place & 31] for place in reversed(range(_CODE_LENGTH)))
        return f"{digits[:5]}-{digits[5:]}"
