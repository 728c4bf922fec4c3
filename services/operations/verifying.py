"""``bilhetagem verify-ticket``: what a gate does, with nothing but the public keys."""

import json
import sys
from pathlib import Path

import httpx
import typer

from services.operations.commands import console
from services.operations.errors import BadInput
from services.operations.printed_qr import Unreadable, token_in
from services.ticket.adapters.qr import Claims, InvalidToken, PublicKeys, from_jwks, verify

_REASONS = {
    "bad_format": "this is not the text of a ticket's QR code",
    "unknown_version": "it is of a version that this release does not know",
    "unknown_key": "none of these public keys signed it",
    "bad_signature": "its signature is wrong: it was made up or altered",
}


def verify_ticket(text: str | None, pdf: Path | None, keys: str) -> None:
    """Say whether a ticket is genuine. Raises typer.Exit(1) when it is not, BadInput when that cannot be told."""
    if (text is None) == (pdf is None):
        raise BadInput("Give either the text of the QR code or, with --pdf, a ticket's PDF.")
    token = read_printed(pdf) if pdf else sys.stdin.read() if text == "-" else str(text)
    try:
        claims = verify(token, public_keys(keys))
    except InvalidToken as invalid:
        console.print(f"[bold red]Not valid[/]: {_REASONS[invalid.reason]} ({invalid.reason}).")
        raise typer.Exit(1) from None
    console.print(f"[bold green]Genuine[/]: {told(claims)}", soft_wrap=True)
    console.print("Whether it was used or withdrawn since, the ticket service knows.")


def told(claims: Claims) -> str:
    """What a token says, in a line."""
    return f"ticket {claims.ticket_id} of event {claims.event_id}, revision {claims.revision}"


def read_printed(pdf: Path) -> str:
    """The text of the QR code on a ticket's PDF. Raises BadInput."""
    try:
        return token_in(pdf.read_bytes())
    except OSError as error:
        raise BadInput(f"{error.strerror}: {pdf}") from None
    except Unreadable:
        raise BadInput(f"{pdf} is no ticket of ours: it has no QR code that can be read.") from None


def public_keys(source: str) -> PublicKeys:
    """The keys of a JWKS file, or at a URL. Raises BadInput."""
    try:
        if source.startswith(("http://", "https://")):
            return from_jwks(httpx.get(source, timeout=10).raise_for_status().json())
        return from_jwks(json.loads(Path(source).read_text()))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BadInput(f"The public keys cannot be read from {source}: {error}") from None
    except OSError as error:
        raise BadInput(f"{error.strerror}: {source}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{source} does not hold public keys: {error}") from None
