"""The ticket's page: what it says, that every name prints, that nothing is lost or leaves its place."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from services.ticket.adapters.pdf import Face, render
from services.ticket.adapters.pdf.qr_code import qr_modules
from services.ticket.adapters.pdf.text import clean, fit, set_line
from services.ticket.adapters.pdf.typefaces import BOLD, REGULAR, typeface_for

FACE = Face(
    event_title="Festival de Inverno de Ouro Preto",
    location="Praça Tiradentes, Ouro Preto – MG",
    starts_at=datetime(2027, 7, 17, 23, 0, tzinfo=UTC),
    timezone="America/Sao_Paulo",
    ticket_type="Pista",
    price_cents=15050,
    holder="João da Conceição Ñandú",
    order_id=UUID("0198f3a2-7c4b-7d1e-9a3f-2b6c8d0e1f23"),
    ticket_id=UUID("c1a7f0d2-5b3e-5a41-8f6d-9e2b7c4d1a05"),
    number=2,
    total=4,
    qr="BLT:" + "A1" * 79,
)
NAMES = [
    "Nguyễn Thị Ánh Tuyết",
    "Αλέξανδρος Παπαδόπουλος",
    "Екатерина Щёлкова",
    "山田 太郎",
    "김철수",
    "王小明",
    "ไทย เทศกาล",
    "தமிழ் நாடு",
    "श्रीमती लक्ष्मी",
    "ქართული სახელი",
    "Rock 🎸 👨‍👩‍👧‍👦 🇧🇷 ❤️ 👍🏽",
    "𝓑𝓪𝓻",
]
SIZES = (12.0, 9.0, 6.0)


def page_text(pdf: bytes) -> str:
    """The text as a viewer copies it, on one line."""
    text: str = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range()
    return " ".join(text.split())


def picture(pdf: bytes) -> Image.Image:
    image: Image.Image = pypdfium2.PdfDocument(pdf)[0].render(scale=2).to_pil()
    return image.convert("L")


def test_the_page_says_what_a_buyer_needs() -> None:
    text = page_text(render(FACE))

    for expected in (
        "2 de 4",
        "Festival de Inverno de Ouro Preto",
        "Sábado, 17 de julho de 2027",
        "20:00 horário de São Paulo (UTC-03:00)",
        "Praça Tiradentes, Ouro Preto – MG",
        "Pista",
        "R$ 150,50",
        "João da Conceição Ñandú",
        str(FACE.order_id),
        FACE.code,
    ):
        assert expected in text


def test_it_speaks_english_too() -> None:
    text = page_text(render(FACE, "en"))

    assert "Saturday, July 17, 2027" in text
    assert "Sao Paulo time (UTC-03:00)" in text
    assert "R$150.50" in text


def test_an_unknown_locale_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="en, pt_BR"):
        render(FACE, "xx")


def test_nothing_to_pay_is_gratuito_and_no_name_is_said_so() -> None:
    text = page_text(render(replace(FACE, price_cents=0, holder=None)))

    assert "Valor Gratuito" in text
    assert "Titular Não informado" in text


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("America/Noronha", "21:00 horário de Fernando de Noronha (UTC-02:00)"),
        ("Asia/Kolkata", "Domingo, 18 de julho de 2027 04:30"),
        ("Etc/UTC", "23:00 UTC+00:00"),
        ("UTC", "23:00 UTC+00:00"),
    ],
)
def test_time_is_the_events_own_with_its_offset(zone: str, said: str) -> None:
    assert said in page_text(render(replace(FACE, timezone=zone)))


def test_a_naive_time_and_an_unknown_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        render(replace(FACE, starts_at=datetime(2027, 7, 17)))  # noqa: DTZ001
    with pytest.raises(ZoneInfoNotFoundError):
        render(replace(FACE, timezone="America/Nowhere"))


def test_the_document_tells_its_title_and_language_and_has_one_page() -> None:
    document = PdfReader(BytesIO(render(FACE)))

    assert document.metadata is not None
    assert document.metadata.title == "Ingresso · Festival de Inverno de Ouro Preto"
    assert str(document.root_object["/Lang"]) == "pt-BR"
    assert len(document.pages) == 1


def test_equal_tickets_are_equal_bytes_in_any_thread() -> None:
    faces = [replace(FACE, holder=name) for name in NAMES] * 4
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(render, faces))

    assert drawn == [render(face) for face in faces]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_prints_and_can_be_copied(name: str) -> None:
    assert clean(name) in page_text(render(replace(FACE, holder=name)))


@pytest.mark.parametrize("name", ["محمد عبد الله", "שלום עולם"])
def test_what_reads_leftwards_is_set_leftwards(name: str) -> None:
    line = set_line(clean(name))

    assert line.rtl
    assert "".join(glyph.text for run in line.runs for glyph in run.glyphs)[-1] == name[0]
    assert name in page_text(render(replace(FACE, holder=name)))


def test_digits_and_latin_keep_their_order_within_arabic() -> None:
    line = set_line("شارع 123 Rua")
    shown = "".join(glyph.text for run in line.runs for glyph in run.glyphs)

    assert shown == "Rua 123 " + "شارع"[::-1]


def test_a_family_of_emoji_is_one_glyph() -> None:
    (run,) = set_line("👨‍👩‍👧‍👦").runs
    assert len(run.glyphs) == 1


def test_fallback_typefaces_are_emboldened_in_bold_text() -> None:
    latin, japanese = set_line("Rock 夏", bold=True).runs
    assert (latin.typeface, latin.emboldened, japanese.emboldened) == (BOLD, False, True)


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        ("  dois \n\t espaços\r\n", "dois espaços"),
        ("a\u200bb\ufeffc\x00\x07\u202ed\u00ad", "abcd"),
        ("e\u0301", "é"),
        ("\ue000 \u0378", "[U+E000] [U+0378]"),
        ("\ud800", "[U+D800]"),
        ("\u200b\u200d", "—"),
        ("", "—"),
    ],
)
def test_text_is_cleaned_and_what_has_no_glyph_is_spelt_out(raw: str, printed: str) -> None:
    assert clean(raw) == printed


def test_western_letters_are_all_in_the_main_typeface() -> None:
    for code in (*range(0x20, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x250), *range(0x2010, 0x2027)):
        assert typeface_for(chr(code)) is REGULAR


def test_a_long_text_is_set_smaller_then_wrapped_and_is_whole() -> None:
    text = "Centro Cultural Doutor Antônio Carlos de Almeida " * 3
    block = fit(text, 200, 40, SIZES, 1.2)

    assert not block.shortened
    assert block.size < SIZES[0]
    assert " ".join(line.text for line in block.lines) == text.strip()


def test_what_cannot_fit_ends_in_an_ellipsis_and_keeps_its_text() -> None:
    text = " ".join(f"palavra{number}" for number in range(500))
    block = fit(text, 200, 40, SIZES, 1.2)

    assert block.shortened
    assert block.lines[-1].runs[-1].glyphs[-1].text == "…"
    assert " ".join(line.text for line in block.lines) == text


def test_a_title_of_thousands_of_characters_is_all_in_the_document() -> None:
    title = " ".join(f"título{number}" for number in range(600))
    pdf = render(replace(FACE, event_title=title))

    metadata = PdfReader(BytesIO(pdf)).metadata
    assert metadata is not None
    assert metadata.title == f"Ingresso · {title}"
    assert "título599" in page_text(pdf)


awkward = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aéW \n\u0300\u0336\u200b\u200d\u202e\ufe0f🎸👨🇧🇷山ー한ابلאहिक्ไทย…"),
    ),
    max_size=300,
)


@settings(max_examples=150)
@given(awkward, st.sampled_from([(270.0, 85.0), (100.0, 20.0), (40.0, 8.0)]), st.booleans())
def test_no_text_overflows_its_box_or_loses_a_character(text: str, box: tuple[float, float], bold: bool) -> None:
    width, height = box
    block = fit(text, width, height, SIZES, 1.2, bold)

    assert len(block.lines) == 1 or len(block.lines) * block.size * 1.2 <= height + 1e-6
    assert all(line.width * block.size / 1000 <= width + 0.01 for line in block.lines)
    told = "".join(line.text for line in block.lines)
    assert told.replace(" ", "") == clean(text).replace(" ", "")


@settings(max_examples=25)
@given(awkward, awkward)
def test_any_text_makes_a_document_that_opens(title: str, name: str) -> None:
    pdf = render(replace(FACE, event_title=title, location=name, holder=name, ticket_type=title))
    assert FACE.code in page_text(pdf)


def test_marks_stacked_to_the_sky_do_not_reach_the_code() -> None:
    stacked = "Z" + "\u0300\u0316" * 140
    plain, wild = picture(render(FACE)), picture(render(replace(FACE, holder=stacked)))
    stub = (0, plain.height * 117 // 210, plain.width, plain.height)

    assert plain.crop(stub).tobytes() == wild.crop(stub).tobytes()


def test_the_code_is_printed_module_by_module_large_and_with_a_quiet_zone() -> None:
    modules = qr_modules(FACE.qr)
    image = picture(render(FACE))
    stub = image.crop((0, image.height * 122 // 210, image.width, image.height * 176 // 210))
    dark = stub.point(lambda level: 255 * (level < 128), "L").getbbox()
    assert dark is not None
    left, top, right, _ = dark
    module = (right - left) / len(modules)

    read = [
        [
            stub.getpixel((int(left + (column + 0.5) * module), int(top + (row + 0.5) * module))) == 0
            for column in range(len(modules))
        ]
        for row in range(len(modules))
    ]
    assert read == modules
    assert (right - left) / 2 * 25.4 / 72 >= 35
    assert min(left, stub.width - right) >= 4 * module


def test_the_typed_code_has_no_letters_that_are_misread() -> None:
    assert FACE.code == "CY5DY-4T6G5"
    assert replace(FACE, ticket_id=UUID(int=FACE.ticket_id.int + 1)).code != FACE.code
