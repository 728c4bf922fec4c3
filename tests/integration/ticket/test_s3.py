import re
from dataclasses import replace
from uuid import UUID

import pytest

from services.chassis.store import Unavailable
from services.ticket.adapters.s3 import Archive, open_archive
from services.ticket.ports import Sheet
from tests.unit.ticket.tickets import CONCERT, FIRST, ORDER, event, holder

SHEET = Sheet(FIRST, ORDER, "Pista", 15000, 1, 2, event(), holder())


async def read(archive: Archive, key: str) -> bytes:
    stored = await archive.open(key)
    assert stored is not None
    whole = b"".join([chunk async for chunk in stored.chunks()])
    assert len(whole) == stored.size
    return whole


async def test_a_stored_pdf_comes_back_as_it_was(archive: Archive) -> None:
    pdf = bytes(range(256)) * 1024
    await archive.put(archive.key(SHEET), pdf)
    assert await read(archive, archive.key(SHEET)) == pdf


async def test_the_etag_changes_with_the_bytes_only(archive: Archive) -> None:
    async def etag() -> str:
        stored = await archive.open("a.pdf")
        assert stored is not None
        stored.close()
        return stored.etag

    await archive.put("a.pdf", b"one")
    one = await etag()
    await archive.put("a.pdf", b"one")
    assert await etag() == one
    await archive.put("a.pdf", b"two")
    assert await etag() != one


async def test_nothing_is_under_an_unknown_key(archive: Archive) -> None:
    assert await archive.open("tickets/unknown.pdf") is None


async def test_a_pdf_put_over_all_replaces_every_one_of_its_ticket_and_no_other(archive: Archive) -> None:
    changed = replace(SHEET, event=event(2))
    other = replace(SHEET, id=UUID(int=99))
    erased = replace(SHEET, event=event(2), holder=holder(2, None))
    for one in (SHEET, changed, other):
        await archive.put(archive.key(one), b"Ana Souza")

    await archive.put_over_all(erased, b"nobody")

    assert await read(archive, archive.key(SHEET)) == b"nobody"
    assert await read(archive, archive.key(changed)) == b"nobody"
    assert await read(archive, archive.key(other)) == b"Ana Souza"


async def test_a_key_names_what_the_pdf_shows_and_is_the_same_each_time(archive: Archive) -> None:
    key = archive.key(replace(SHEET, event=event(3), holder=holder(2)))
    assert re.fullmatch(rf"tickets/{CONCERT}/{FIRST}/[0-9a-f]{{32}}-v3\.2\.pdf", key)
    assert key == archive.key(replace(SHEET, event=event(3), holder=holder(2)))


async def test_a_key_cannot_be_made_without_the_secret_nor_from_another_key(moto_url: str) -> None:
    async with (
        open_archive("any", b"secret", moto_url, "sa-east-1") as ours,
        open_archive("any", b"another", moto_url, "sa-east-1") as theirs,
    ):
        sheets = [SHEET, replace(SHEET, event=event(2)), replace(SHEET, id=UUID(int=99))]
        marks = {archive.key(one).rpartition("/")[2].partition("-")[0] for one in sheets for archive in (ours, theirs)}
    assert len(marks) == 2 * len(sheets)


async def test_a_bucket_that_does_not_answer_is_unavailable() -> None:
    async with open_archive("any", b"secret", "http://127.0.0.1:9", "sa-east-1") as archive:
        with pytest.raises(Unavailable):
            await archive.open("a.pdf")
