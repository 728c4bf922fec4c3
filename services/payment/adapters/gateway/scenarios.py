"""What the mock gateway plays: a tester chooses it for an order by the token in ``payment``."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

CONTRADICTION_AFTER = timedelta(seconds=2)
"""Between two webhooks that contradict each other: long enough for the first one to have been handled."""


@dataclass(frozen=True)
class Word:
    """A webhook: its outcome, how long after the usual delay it is said, and how many times."""

    outcome: Literal["approved", "declined"]
    later: timedelta = timedelta()
    times: int = 1


@dataclass(frozen=True)
class Scenario:
    """What becomes of a charge.

    ``refuses``: there is none. ``lost_answers``: so many calls to create it fail, though the first of them created it:
    the worst way to fail. ``tells_first``: the webhook is delivered before the call returns. ``pays_late``: the money
    comes when the charge has expired and was cancelled. ``failing_refunds``: so many calls to refund it fail.
    """

    words: tuple[Word, ...] = ()
    refuses: bool = False
    lost_answers: int = 0
    tells_first: bool = False
    pays_late: bool = False
    failing_refunds: int = 0


_APPROVED, _DECLINED = Word("approved"), Word("declined")

DEFAULT = "approve"
"""Played for an order without a token."""

SCENARIOS = {
    "approve": Scenario((_APPROVED,)),
    "decline": Scenario((_DECLINED,)),
    "refuse": Scenario(refuses=True),
    "approve-late": Scenario(pays_late=True),
    "never-answer": Scenario(),
    "fail-twice-then-approve": Scenario((_APPROVED,), lost_answers=2),
    "duplicate-webhook": Scenario((Word("approved", times=2),)),
    "decline-then-approve": Scenario((_DECLINED, Word("approved", CONTRADICTION_AFTER))),
    "approve-then-decline": Scenario((_APPROVED, Word("declined", CONTRADICTION_AFTER))),
    "webhook-before-answer": Scenario((_APPROVED,), tells_first=True),
    "refund-fails-three-times": Scenario((_APPROVED,), failing_refunds=3),
}
"""By token. Any other token is refused, as a gateway refuses a card that it does not know: a typo pays for nothing."""
