"""The payment of an order. It is the arbiter of *paid or withdrawn before paying*: approved or voided, once, for good.

payment: ``requested → approved | declined | voided``; ``approved → refunding → refunded`` (nothing was charged:
``approved → voided``); ``declined | voided → refunding`` when money comes after the decision. ``declined`` at birth
when the gateway refuses, ``approved`` at birth when the total is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from services.chassis.kernel import Impossible


class Status(StrEnum):
    """Where a payment stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


AT_REST = frozenset({Status.APPROVED, Status.DECLINED, Status.VOIDED, Status.REFUNDED})
"""Neither the gateway owes a word nor we any money."""


@dataclass(slots=True)
class Payment:
    """What an order costs, and what has become of it. ``code`` is the charge's PIX copy-and-paste text.

    Without a ``code`` there is no charge at the gateway: the total is 0, or the gateway refused, for ``reason``.
    Every method that changes the status returns the new one, or None when the word changes nothing; it raises
    Impossible when the payment cannot be met by it.
    """

    id: UUID
    event_id: UUID
    amount_cents: int
    status: Status
    reason: str | None
    code: str | None
    expires_at: datetime
    requested_at: datetime
    refunded_at: datetime | None

    @classmethod
    def request(
        cls,
        order_id: UUID,
        event_id: UUID,
        amount_cents: int,
        *,
        code: str | None,
        reason: str | None,
        expires_at: datetime,
        now: datetime,
    ) -> Self:
        """The payment of an order, after the gateway was asked for a charge: its ``code``, or why there is none."""
        without_charge = Status.DECLINED if amount_cents else Status.APPROVED
        status = without_charge if code is None else Status.REQUESTED
        return cls(order_id, event_id, amount_cents, status, reason, code, expires_at, now, None)

    def approve(self, paid_cents: int) -> Status | None:
        """The gateway has the money: approved, or refunding when it comes after a decision."""
        self._check_charge(paid_cents)
        return self._become(
            {
                Status.REQUESTED: Status.APPROVED,
                Status.DECLINED: Status.REFUNDING,
                Status.VOIDED: Status.REFUNDING,
            }
        )

    def decline(self, asked_cents: int) -> Status | None:
        """The gateway says that nobody will pay. After any decision that is no news."""
        self._check_charge(asked_cents)
        return self._become({Status.REQUESTED: Status.DECLINED})

    def withdraw(self) -> Status | None:
        """The order is to be undone before it is paid: voided. After any decision it is too late for that."""
        return self._become({Status.REQUESTED: Status.VOIDED})

    def undo(self) -> Status | None:
        """The order is undone, and this cannot be refused: voided, or refunding when the money is here."""
        owed = Status.REFUNDING if self.amount_cents else Status.VOIDED
        return self._become({Status.REQUESTED: Status.VOIDED, Status.APPROVED: owed})

    def charge_cancelled(self, *, already_paid: bool) -> Status | None:
        """The gateway was told to cancel the charge: refunding when it had been paid already."""
        if self.status not in {Status.VOIDED, Status.REFUNDING, Status.REFUNDED}:
            raise Impossible(f"the charge of payment {self.id} was cancelled, but the payment is {self.status}")
        return self._become({Status.VOIDED: Status.REFUNDING}) if already_paid else None

    def give_back(self, at: datetime) -> Status | None:
        """The money is back with the buyer."""
        if self.status not in {Status.REFUNDING, Status.REFUNDED}:
            raise Impossible(f"payment {self.id} was refunded, but it is {self.status}")
        now = self._become({Status.REFUNDING: Status.REFUNDED})
        if now:
            self.refunded_at = at
        return now

    def _check_charge(self, cents: int) -> None:
        if self.code is None:
            raise Impossible(f"payment {self.id} has no charge that the gateway could speak of")
        if cents != self.amount_cents:
            raise Impossible(
                f"the gateway speaks of {cents} cents for payment {self.id}, its charge is over {self.amount_cents}"
            )

    def _become(self, transitions: Mapping[Status, Status]) -> Status | None:
        then = transitions.get(self.status)
        if then:
            self.status = then
        return then
