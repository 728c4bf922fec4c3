"""Tickets are printed again when what they show changes."""

import io
from functools import partial

from pypdf import PdfReader

from tests.e2e.box_office import BoxOffice
from tests.eventually import eventually


async def test_a_moved_event_and_an_erased_buyer_are_printed_again(office: BoxOffice) -> None:
    ticket, buyer = await office.put_on_sale(3), await office.buyer("Conceição Muniz")
    order = await office.order(buyer, [await office.reserve(buyer, ticket)], 100)
    await office.order_becomes(order, "completed")
    pdf = (await office.issued(order))[0]["pdf"]
    assert "Conceição Muniz" in await _text(office, pdf)

    event = await office.get(f"/events/{office.event}")
    moved = {"title": "Roda de Choro", "location": "Urca, Rio", "date": event["date"]}
    assert (await office.client.put(f"/events/{office.event}", json=moved)).status_code == 200
    await eventually(partial(_text, office, pdf), until=lambda text: "Roda de Choro" in text)

    assert (await office.client.delete(f"/users/{buyer}")).status_code == 204
    await eventually(partial(_text, office, pdf), until=lambda text: "Conceição" not in text)
    await office.at_rest()


async def _text(office: BoxOffice, pdf: str) -> str:
    content = (await office.client.get(pdf)).content
    return " ".join(PdfReader(io.BytesIO(content)).pages[0].extract_text().split())
