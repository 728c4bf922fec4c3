"""Who may come in: the operators' password, a link that works once, and how often a wrong guess may be made."""

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import compare_digest

TRIES = 5
"""Wrong guesses within ``PERIOD_SECONDS`` after which nobody's guess is looked at. Over all clients together: behind a
proxy they look alike, and an attacker has many addresses."""

PERIOD_SECONDS = 60


@dataclass
class Entry:
    """The console's door. ``once`` is the secret of the link, until it has been used."""

    password: str = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    once: str | None = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _wrong: deque[float] = field(default_factory=lambda: deque(maxlen=TRIES), init=False, repr=False)

    def wait_seconds(self) -> int:
        """How long no guess is looked at; 0: one may be made."""
        if len(self._wrong) < TRIES:
            return 0
        return max(0, round(self._wrong[0] + PERIOD_SECONDS - self.clock() + 0.5))

    def admits(self, *, password: str, once: str) -> bool:
        """Whether this opens the door. The link's secret does so once; a wrong guess is remembered."""
        if self.once is not None and once and compare_digest(once.encode(), self.once.encode()):
            self.once = None
            return True
        if password and compare_digest(password.encode(), self.password.encode()):
            return True
        self._wrong.append(self.clock())
        return False
