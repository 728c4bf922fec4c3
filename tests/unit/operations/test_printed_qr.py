"""The QR code on a ticket is read back from the PDF as it was printed."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.operations.printed_qr import Unreadable, token_in
from services.ticket.adapters.pdf import Face, render


def ticket(qr: str) -> bytes:
    return render(
        Face(
            event_title="Noite de Samba",
            location="Rio de Janeiro",
            starts_at=datetime(2027, 3, 1, 23, tzinfo=UTC),
            timezone="America/Sao_Paulo",
            ticket_type="Pista",
            price_cents=18_000,
            holder="Ana",
            order_id=UUID(int=1),
            ticket_id=UUID(int=2),
            number=1,
            total=1,
            qr=qr,
        )
    )


@pytest.mark.parametrize("text", ["BLT:" + "A1" * 79, "BLT:" + "Z9 $%*+-./:" * 14 + "ABCD", "BLT:ODD"])
def test_a_token_comes_back_as_it_was_printed(text: str) -> None:
    assert token_in(ticket(text)) == text


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7 nothing", ticket("BLT:" + "A1" * 79).replace(b"stream", b"strum")])
def test_what_holds_no_code_is_unreadable(pdf: bytes) -> None:
    with pytest.raises(Unreadable):
        token_in(pdf)
