"""The payment service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Annotated

import httpx
from pydantic import Field

from contracts.order import PaymentRequested
from contracts.payment import CancelCharge, RefundCharge
from services.chassis import config
from services.chassis.database import Database
from services.chassis.forms import HttpUrl, Unguessable
from services.chassis.http_spans import http_transport
from services.chassis.runtime import system_clock
from services.chassis.service import Assembly, Purchases, Service
from services.payment import effects
from services.payment.adapters.gateway import Bank, Books, MockGateway, bank_tables
from services.payment.adapters.http import Desk, router
from services.payment.adapters.sql import KINDS, Payments, metadata, tables
from services.payment.domain import AT_REST, Payment
from services.payment.handlers import on
from services.payment.ports import Ports


class Settings(config.Settings):
    """The payment service's settings."""

    payment_webhook_secret: Unguessable
    """Shared with the gateway, which signs its webhooks with it. 16 characters or more."""

    payment_webhook_url: HttpUrl = "http://127.0.0.1:8000/payments/webhook"
    """Where the mock gateway's webhooks go: the payment ingress."""

    payment_confirmation_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1
    """How long the mock gateway's buyers take to pay."""


bank = bank_tables(metadata)


@asynccontextmanager
async def assemble(settings: Settings, database: Database) -> AsyncIterator[Assembly]:
    """The mock gateway as the outside world; its bank delivers the webhooks beside the worker."""
    books = Books(database, bank)
    secret, url = settings.payment_webhook_secret, settings.payment_webhook_url
    # Not through a proxy that the environment names: on a laptop the URL is local.
    async with httpx.AsyncClient(transport=http_transport(), trust_env=False) as client:
        teller = Bank(books, client, url, secret, system_clock)
        delay = timedelta(seconds=settings.payment_confirmation_seconds)
        gateway = MockGateway(books, system_clock, delay, teller.deliver_due)
        yield Assembly(
            ports=partial(Ports, pending_horizon=settings.pending_horizon),
            effects={
                PaymentRequested: partial(effects.create_charge, gateway=gateway),
                CancelCharge: partial(effects.cancel_charge, gateway=gateway),
                RefundCharge: partial(effects.refund, gateway=gateway),
            },
            adapters=Desk(Payments(database), secret),
            background=(teller.run,),
        )


payment = Service(
    name="payment",
    description="What an order costs, its PIX charge at the gateway, and what became of the money.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    handlers=on,
    settings=Settings,
    purchases=Purchases(Payment, AT_REST, whole=False, waits_until="expires_at"),
)
