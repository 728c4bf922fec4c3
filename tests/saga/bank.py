"""A bank for the simulated world: the gateway's port, the scenarios' timing decided by the world's seed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.money import Money
from contracts.payment import SettlePayment
from services.payment.ports import Cancellation, Charge, GatewayFailed, Refund
from tests.saga.world import World


@dataclass
class Account:
    """One order's charge at the bank."""

    amount: Money
    expires_at: datetime
    calls: int = 0
    paid: int = 0
    refunded: int = 0
    cancelled: bool = False
    refund_calls: int = 0


@dataclass
class Bank:
    """Fulfils the port ``Gateway``: idempotent by order. ``accounts`` is where the money is."""

    world: World
    accounts: dict[UUID, Account] = field(default_factory=dict)
    _tokens: dict[UUID, str] = field(default_factory=dict)

    async def create_charge(self, order_id: UUID, amount: Money, expires_at: datetime, token: str | None) -> Charge:
        """Open the charge, and arrange for what the scenario's token says to happen."""
        token = token or "approve"
        if token == "refuse":
            return Charge(refusal="refused")
        account = self.accounts.get(order_id)
        if account is None:
            account = self.accounts[order_id] = Account(amount, expires_at)
            self._tokens[order_id] = token
            self._arrange(order_id, account, token)
        account.calls += 1
        if token == "fail-twice-then-approve" and account.calls <= 2:
            raise GatewayFailed("no answer")
        return Charge(code=f"pix:{order_id}")

    async def cancel_charge(self, order_id: UUID) -> Cancellation:
        """Close the charge, unless it is paid."""
        account = self.accounts[order_id]
        account.cancelled = not account.paid
        return Cancellation(already_paid=account.paid > account.refunded)

    async def refund(self, order_id: UUID) -> Refund:
        """Give back what was paid, once."""
        account = self.accounts[order_id]
        account.refund_calls += 1
        if self._tokens[order_id] == "refund-fails-three-times" and account.refund_calls <= 3:
            raise GatewayFailed("no answer")
        account.refunded = account.paid
        return Refund(refunded_at=self.world.now)

    def _arrange(self, order_id: UUID, account: Account, token: str) -> None:
        soon = self.world.now + timedelta(milliseconds=self.world.chance.randint(0, 5000))
        match token:
            case "webhook-before-answer":
                self._pay(order_id)()
            case "approve" | "fail-twice-then-approve" | "refund-fails-three-times":
                self.world.at(soon, self._pay(order_id))
            case "duplicate-webhook":
                self.world.at(soon, self._pay(order_id))
                self.world.at(soon + timedelta(seconds=1), self._say(order_id, "approved", 0))
            case "decline":
                self.world.at(soon, self._say(order_id, "declined", 0))
            case "decline-then-approve":
                self.world.at(soon, self._say(order_id, "declined", 0))
                self.world.at(soon, self._pay(order_id, even_if_cancelled=True, number=1))
            case "approve-then-decline":
                self.world.at(soon, self._pay(order_id))
                self.world.at(soon + timedelta(seconds=2), self._say(order_id, "declined", 1))
            case "approve-late":
                self.world.at(account.expires_at + timedelta(minutes=5), self._pay(order_id, even_if_cancelled=True))
            case "never-answer":
                pass
            case _:
                raise AssertionError(f"no scenario {token}")

    def _pay(self, order_id: UUID, *, even_if_cancelled: bool = False, number: int = 0) -> Callable[[], None]:
        def pay() -> None:
            account = self.accounts[order_id]
            if account.cancelled and not even_if_cancelled:
                return
            account.paid = account.amount.cents
            self._say(order_id, "approved", number)()

        return pay

    def _say(self, order_id: UUID, outcome: Literal["approved", "declined"], number: int) -> Callable[[], None]:
        def say() -> None:
            self.world.send(
                SettlePayment(
                    order_id=order_id,
                    outcome=outcome,
                    amount=self.accounts[order_id].amount,
                    occurred_at=self.world.now,
                ),
                by="payment",
                message_id=UUID(int=order_id.int ^ (number + 1)),
            )

        return say
