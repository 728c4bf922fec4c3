"""The copy-and-paste text is one that a bank's app reads."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts.money import MAX_CENTS, Money
from services.payment.adapters.gateway.br_code import br_code

ORDER = UUID("01970000-0000-7000-8000-000000000001")


def fields(text: str) -> dict[str, str]:
    found = {}
    while text:
        tag, length = text[:2], int(text[2:4])
        found[tag], text = text[4 : 4 + length], text[4 + length :]
    return found


def crc16_ccitt_false(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def test_the_reference_checksum_is_the_published_one() -> None:
    # https://reveng.sourceforge.io/crc-catalogue/16.htm: check value of CRC-16/IBM-3740, alias CCITT-FALSE
    assert crc16_ccitt_false(b"123456789") == 0x29B1


@given(st.uuids(), st.integers(1, MAX_CENTS))
def test_its_checksum_covers_all_before_it(order_id: UUID, cents: int) -> None:
    text = br_code(order_id, Money(cents))
    assert text[-8:-4] == "6304"
    assert int(text[-4:], 16) == crc16_ccitt_false(text[:-4].encode())


@given(st.uuids(), st.integers(1, MAX_CENTS))
def test_it_says_whom_to_pay_how_much_in_reais_and_for_what(order_id: UUID, cents: int) -> None:
    found = fields(br_code(order_id, Money(cents)))
    account = fields(found["26"])
    assert account["00"] == "br.gov.bcb.pix"
    assert account["25"].endswith(order_id.hex)
    assert len(account["25"]) <= 77
    assert (found["53"], found["58"]) == ("986", "BR")
    assert found["54"] == f"{cents // 100}.{cents % 100:02}"
    assert len(found["59"]) <= 25
    assert len(found["60"]) <= 15


def test_it_looks_like_this() -> None:
    assert br_code(ORDER, Money(15_000)).startswith(
        "00020101021226800014br.gov.bcb.pix2558pix.bilhetagem.example/v2/01970000000070008000000000000001"
        "5204000053039865406150.005802BR5915BILHETAGEM DEMO6009SAO PAULO62070503***6304"
    )
