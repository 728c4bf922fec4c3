"""PIX copy-and-paste text: a BR Code, EMV's merchant-presented QR with PIX in template 26.

Source: Banco Central do Brasil, *Manual de Padrões para Iniciação do Pix*, section 2 (dynamic BR Code).
"""

from binascii import crc_hqx
from uuid import UUID

from contracts.money import Money

_LOCATION = "pix.bilhetagem.example/v2"
_MERCHANT, _CITY = "BILHETAGEM DEMO", "SAO PAULO"


def br_code(order_id: UUID, amount: Money) -> str:
    """The text that a buyer pastes into a bank's app. The order's id in hexadecimal is the charge's ``txid``."""
    text = "".join(
        (
            _field(0, "01"),
            _field(1, "12"),  # to be paid once
            _field(26, _field(0, "br.gov.bcb.pix") + _field(25, f"{_LOCATION}/{order_id.hex}")),
            _field(52, "0000"),
            _field(53, "986"),  # BRL, ISO 4217
            _field(54, str(amount)),
            _field(58, "BR"),
            _field(59, _MERCHANT),
            _field(60, _CITY),
            _field(62, _field(5, "***")),
            "6304",
        )
    )
    # CRC-16/CCITT-FALSE over everything up to and including the checksum's own tag and length.
    return f"{text}{crc_hqx(text.encode(), 0xFFFF):04X}"


def _field(tag: int, value: str) -> str:
    return f"{tag:02}{len(value):02}{value}"
