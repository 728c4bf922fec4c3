"""What the payment service needs from outside: a gateway, and to know that it is the gateway who speaks."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from contracts.fields import Instant
from contracts.money import Money
from services.chassis import handling
from services.chassis.kernel import Refused


@dataclass(frozen=True, kw_only=True)
class Ports(handling.Ports):
    """``pending_horizon``: how long the gateway may speak of a payment that is not known yet."""

    pending_horizon: timedelta


class Charge(handling.Result):
    """The gateway's answer to a charge: its PIX copy-and-paste text, or why there is none."""

    code: str | None = None
    refusal: str | None = None


class Cancellation(handling.Result):
    """The gateway's answer to a cancellation: the charge cannot be paid any more, or it has been."""

    already_paid: bool


class Refund(handling.Result):
    """The gateway's answer to a refund."""

    refunded_at: Instant


class GatewayFailed(Exception):
    """The gateway gave no answer, or an error: whether it did what it was asked is unknown, so ask again."""


class Gateway(Protocol):
    """Who holds the money. Every call is idempotent by order, and raises GatewayFailed.

    Whether a charge is paid it tells later, by a webhook.
    """

    async def create_charge(self, order_id: UUID, amount: Money, expires_at: datetime, token: str | None) -> Charge:
        """Ask for an amount, to be paid until ``expires_at``. ``token`` is what the buyer chose to pay with."""

    async def cancel_charge(self, order_id: UUID) -> Cancellation:
        """Take the charge back, if it has not been paid."""

    async def refund(self, order_id: UUID) -> Refund:
        """Give back what was paid."""


SIGNATURE_HEADER = "Bilhetagem-Signature"
SIGNATURE_TOLERANCE = timedelta(minutes=5)
"""How far a signature's time may be from ours: a webhook that was overheard cannot be played again later."""

_SECONDS = re.compile(r"[0-9]{1,12}")


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The signature header of a webhook: ``t=<seconds since 1970>,v1=<HMAC-SHA256 over t, a dot and the raw body>``."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def unsigned(header: str | None, secret: str, body: bytes, now: datetime) -> Refused | None:
    """Why a webhook is not to be believed: Refused(invalid_signature), Refused(stale_signature), None if it is.

    Several ``v1`` are allowed and one must be right, so that the gateway can sign with two secrets while they change.
    """
    pairs = [part.strip().partition("=") for part in (header or "").split(",")]
    seconds = next((value for name, _, value in pairs if name == "t"), "")
    expected = _digest(secret, seconds, body).encode()
    # Bytes: compare_digest refuses text beyond ASCII, and a header may hold any.
    given = [value.encode() for name, _, value in pairs if name == "v1"]
    if not any(hmac.compare_digest(value, expected) for value in given):
        return Refused("invalid_signature")
    if not _SECONDS.fullmatch(seconds):
        return Refused("invalid_signature")
    if abs(now.timestamp() - int(seconds)) > SIGNATURE_TOLERANCE.total_seconds():
        return Refused("stale_signature")
    return None


def _digest(secret: str, seconds: str, body: bytes) -> str:
    return hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
