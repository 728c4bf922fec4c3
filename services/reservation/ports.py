"""What the reservation handlers are handed."""

from dataclasses import dataclass
from datetime import timedelta

from services.chassis import handling


@dataclass(frozen=True, kw_only=True)
class Ports(handling.Ports):
    """``hold_for``: how long seats are held. ``pending_horizon``: how long a request may still be in its queue."""

    hold_for: timedelta
    pending_horizon: timedelta
