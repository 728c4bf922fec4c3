"""The QR code on a ticket is read back from the PDF as it was printed."""

import tracemalloc
import zlib
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


def a_page(content: bytes) -> bytes:
    """A PDF, as far as it matters here, whose page has this content."""
    return b"%PDF-1.7 <<>> stream\n" + zlib.compress(content) + b"\nendstream"


@pytest.mark.parametrize(
    "pdf",
    [
        a_page(b"cm" + b" 0 99999 1 1 re" * 50 + b" f Q"),
        a_page(b"cm" + b" 0 20 99999999 1 re" * 50 + b" f Q"),
        a_page(b" " * 32_000_000),
        b"stream\n" * 500_000,
    ],
    ids=["a code without end", "a module without end", "a page that unpacks without end", "streams that do not end"],
)
def test_a_file_that_somebody_made_to_take_all_memory_is_unreadable(pdf: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            token_in(pdf)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 * 1024 * 1024
