"""Purchases that end with tickets."""

import io

from pypdf import PdfReader

from services.operations.printed_qr import token_in
from services.ticket.adapters.qr import from_jwks, verify
from tests.e2e.box_office import BoxOffice


async def test_a_purchase_ends_with_pdf_tickets_that_a_gate_can_verify_offline(office: BoxOffice) -> None:
    pista, camarote = await office.put_on_sale(10, 100), await office.put_on_sale(5, 250.50)
    shirt = await office.stock_product(5, 39.90, event_id=office.event)
    buyer = await office.buyer("Zoë Ñandú d'Ávila")
    reservations = [await office.reserve(buyer, pista, 2), await office.reserve(buyer, camarote)]
    assert await office.seats(pista) == (8, 2, 0)
    order = await office.order(buyer, reservations, 530.30, products={shirt: 2}, token="approve")
    done = await office.order_becomes(order, "completed")
    assert {(line["unit_price"], line["quantity"]) for line in done["items"]} == {(100, 2), (250.5, 1)}
    assert (done["total_price"], done["expected_total"]) == (530.30, 530.30)
    await office.at_rest()
    assert await office.seats(pista) == (8, 0, 2)
    assert (await office.get(f"/products/{shirt}"))["available"] == 3

    keys = from_jwks(await office.get("/tickets/keys"))
    tickets = await office.issued(order)
    assert sorted((ticket["number"], ticket["total"]) for ticket in tickets) == [(1, 1), (1, 2), (2, 2)]
    for ticket in tickets:
        pdf = await office.client.get(ticket["pdf"])
        assert pdf.headers["content-type"] == "application/pdf"
        text = " ".join(PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text().split())
        assert "Noite de Samba" in text
        assert "Zoë Ñandú d'Ávila" in text
        claims = verify(token_in(pdf.content), keys)
        assert (str(claims.ticket_id), str(claims.event_id)) == (ticket["id"], office.event)
        again = await office.client.get(ticket["pdf"], headers={"If-None-Match": pdf.headers["etag"]})
        assert again.status_code == 304
