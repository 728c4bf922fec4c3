"""The ticket service, put together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from contracts.reservation import ReservationsConfirmed
from contracts.ticket import RenderTickets
from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.forms import Unguessable, from_json, read_by
from services.chassis.service import Assembly, Service
from services.ticket.adapters.http import Desk, restated, router
from services.ticket.adapters.pdf import Face, render
from services.ticket.adapters.qr import Claims, Signer, load_private_key, load_public_key, to_jwks
from services.ticket.adapters.s3 import PUTS_AT_ONCE, Archive, open_archive
from services.ticket.adapters.sql import KINDS, Catalogue, metadata, tables
from services.ticket.domain import TicketType
from services.ticket.effects import print_again, print_order
from services.ticket.handlers import on
from services.ticket.ports import Ports, Sheet


class TicketSettings(Settings):
    """What the ticket service needs on top."""

    tickets_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "bilhetagem-tickets"
    """The S3 bucket of the PDFs: private, and without old versions that stay, so that a name that is erased goes."""

    tickets_pdf_secret: Unguessable
    """Makes the PDFs' keys impossible to guess: 16 characters or more. Another one later harms nothing: keys are stored
    with the tickets."""

    tickets_signing_key: Annotated[SecretStr, read_by(load_private_key)]
    """The Ed25519 key that signs QR codes: PKCS#8 PEM, or the 32 bytes of its seed in base64."""

    tickets_retired_keys: Annotated[
        tuple[Annotated[str, read_by(load_public_key)], ...], NoDecode, BeforeValidator(from_json)
    ] = ()
    """Public keys that signed tickets which are still good, as a JSON list: PEM, or 32 bytes in base64."""

    tickets_gates_open_before: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(hours=4)
    """How long before the start a buyer can withdraw no more, so that gates may work offline."""


class PrintingPress:
    """Prints tickets in a thread of its own, so that the event loop goes on, and stores them in S3."""

    def __init__(self, signer: Signer, archive: Archive, catalogue: Catalogue, thread: Executor) -> None:
        self._signer = signer
        self._archive = archive
        self._catalogue = catalogue
        self._thread = thread
        self._at_once = asyncio.Semaphore(PUTS_AT_ONCE)

    async def __call__(self, sheets: Sequence[Sheet]) -> Sequence[str]:
        """Print and store; see ``ports.Press``."""
        keys = await asyncio.gather(*(self._print(sheet) for sheet in sheets))
        # Whoever prints for an erasure replaces what is stored by then: what this press stored later, it has to mend.
        holders = {sheet.holder.id for sheet in sheets if not sheet.holder.erased}
        erased = {holder.id: holder for holder in await self._catalogue.erased(holders)}
        nameless = [replace(sheet, holder=erased[sheet.holder.id]) for sheet in sheets if sheet.holder.id in erased]
        await asyncio.gather(*(self._print(sheet) for sheet in nameless))
        return keys

    async def _print(self, sheet: Sheet) -> str:
        async with self._at_once:
            pdf = await asyncio.get_running_loop().run_in_executor(self._thread, self._render, sheet)
            key = self._archive.key(sheet)
            await self._archive.put(key, pdf)
            if sheet.holder.erased:
                await self._archive.put_over_all(sheet, pdf)
            return key

    def _render(self, sheet: Sheet) -> bytes:
        event = sheet.event
        face = Face(
            event_title=event.title,
            location=event.location,
            starts_at=event.date,
            timezone=event.timezone,
            ticket_type=sheet.type_name,
            price_cents=sheet.price_cents,
            holder=sheet.holder.name,
            order_id=sheet.order_id,
            ticket_id=sheet.id,
            number=sheet.number,
            total=sheet.total,
            qr=self._signer.sign(Claims(sheet.id, event.id, event.version)),
        )
        return render(face)


@asynccontextmanager
async def assemble(settings: TicketSettings, database: Database) -> AsyncIterator[Assembly]:
    """Open the bucket and make the press. Raises ValueError when two keys share an id."""
    signer = Signer(load_private_key(settings.tickets_signing_key.get_secret_value()))
    retired = [load_public_key(text) for text in settings.tickets_retired_keys]
    catalogue = Catalogue(database)
    secret = settings.tickets_pdf_secret.get_secret_value().encode()
    async with open_archive(settings.tickets_bucket, secret, settings.aws_endpoint_url, settings.aws_region) as archive:
        # One thread: printing is CPU work, of which Python does one at a time.
        with ThreadPoolExecutor(1, "printing") as thread:
            press = PrintingPress(signer, archive, catalogue, thread)
            yield Assembly(
                ports=partial(Ports, gates_open_before=settings.tickets_gates_open_before),
                effects={
                    ReservationsConfirmed: partial(print_order, catalogue=catalogue, press=press),
                    RenderTickets: partial(print_again, catalogue=catalogue, press=press),
                },
                adapters=Desk(catalogue, archive, press, to_jwks([signer.public_key, *retired])),
            )


ticket = Service(
    name="ticket",
    description="Ticket types on sale, and issued tickets with their PDFs.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    handlers=on,
    settings=TicketSettings,
    facts={TicketType: restated},
)
