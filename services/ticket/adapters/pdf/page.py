"""The design of a ticket: a page of 105 × 210 mm, read on a phone without zooming, printed two to an A4 sheet.

Above the tear line what the buyer wants to know, below it what the gate needs. The accent colour carries no meaning, so
the page loses nothing in black and white.
"""

from zoneinfo import ZoneInfo

from services.ticket.adapters.pdf.document import Colour, Document
from services.ticket.adapters.pdf.face import Face
from services.ticket.adapters.pdf.qr_code import QUIET_ZONE, qr_modules, qr_path
from services.ticket.adapters.pdf.text import Block, clean, fit, set_line
from services.ticket.adapters.pdf.wording import Wording, wording

_MM = 72 / 25.4
_WIDTH, _HEIGHT = 105 * _MM, 210 * _MM
_MARGIN = 10 * _MM
_INNER = _WIDTH - 2 * _MARGIN
_TEAR = 117 * _MM
_QR_SIDE = 50 * _MM

_INK: Colour = (0.09, 0.10, 0.13)
_MUTED: Colour = (0.40, 0.42, 0.47)
_HAIRLINE: Colour = (0.82, 0.83, 0.86)
_ACCENT: Colour = (0.16, 0.24, 0.71)

_LEADING = 1.22
_LABEL_SIZE = 6.8


def render(face: Face, locale: str = "pt_BR") -> bytes:
    """The ticket as a PDF, the same bytes for the same face and locale; safe to call from several threads.

    Text that is too long for its place is set smaller, then wrapped, and at the smallest size cut with an ellipsis; the
    whole of it stays in the document for search, copying and screen readers, and the title in its metadata too.
    `ValueError` for an unknown locale or a naive `starts_at`, `ZoneInfoNotFoundError` for an unknown zone.
    """
    if face.starts_at.tzinfo is None:
        raise ValueError("starts_at must be aware")
    words = wording(locale)
    title = clean(face.event_title)
    page = Document(
        _WIDTH,
        _HEIGHT,
        title=words.document.format(event=title),
        subject=words.subject.format(number=face.number, total=face.total, code=face.code),
        language=words.language,
    )
    _facts(page, face, words, top=_head(page, face, words))
    _tear_line(page)
    _stub(page, face, words)
    return page.to_bytes()


def _head(page: Document, face: Face, words: Wording) -> float:
    """The band, the label and the title; returns where they end."""
    page.fill(_ACCENT)
    page.box(0, 0, _WIDTH, 3 * _MM)
    page.set(set_line(words.ticket, bold=True), _MARGIN, 13 * _MM, 8.5, tracking=0.9)
    number = set_line(words.number.format(number=face.number, total=face.total), bold=True)
    page.set(number, _WIDTH - _MARGIN - number.width * 8.5 / 1000, 13 * _MM, 8.5)
    page.fill(_INK)
    title = fit(face.event_title, _INNER, 30 * _MM, (24, 22, 20, 18, 16, 14, 12, 10, 8.5, 7, 6), 1.16, bold=True)
    top = 16.5 * _MM
    _block(page, title, _MARGIN, top, _INNER, 1.16)
    return top + len(title.lines) * title.size * 1.16


def _facts(page: Document, face: Face, words: Wording, top: float) -> None:
    """When, where, what and who, spread over the height that the title leaves."""
    _rule(page, top + 4.5 * _MM)
    y = top + 9 * _MM
    heights = (17.5 * _MM, 13.5 * _MM, 10 * _MM, 10 * _MM)
    gap = (_TEAR - 5 * _MM - y - sum(heights)) / (len(heights) - 1)
    when, where, what, _ = heights
    _when(page, face, words, y)
    y += when + gap
    _fact(page, words.where, face.location, _MARGIN, y, _INNER, 10 * _MM, (11, 10, 9, 8, 7, 6, 5))
    y += where + gap
    half = (_INNER - 6 * _MM) / 2
    price = words.amount(face.price_cents)
    _fact(page, words.type, face.ticket_type, _MARGIN, y, half, 7 * _MM, (11, 10, 9, 8, 7, 6, 5))
    _fact(page, words.price, price, _MARGIN + half + 6 * _MM, y, half, 7 * _MM, (11, 10, 9, 8, 7))
    y += what + gap
    if face.holder is None:
        _fact(page, words.holder, words.no_holder, _MARGIN, y, _INNER, 7 * _MM, (11,))
    else:
        _fact(page, words.holder, face.holder, _MARGIN, y, _INNER, 7 * _MM, (11, 10, 9, 8, 7, 6, 5), bold=True)


def _when(page: Document, face: Face, words: Wording, y: float) -> None:
    zone = ZoneInfo(face.timezone)
    starts = face.starts_at.astimezone(zone)
    _fact(page, words.when, words.date(starts), _MARGIN, y, _INNER, 6.5 * _MM, (12, 11, 10, 9), bold=True)
    baseline = y + 16 * _MM
    time = set_line(words.time(starts), bold=True)
    page.set(time, _MARGIN, baseline, 17)
    beside = _MARGIN + time.width * 17 / 1000 + 2.5 * _MM
    told = fit(words.zone_of(starts, zone), _WIDTH - _MARGIN - beside, 3.8 * _MM, (8.5, 7.5, 6.5, 5.5), _LEADING)
    page.fill(_MUTED)
    page.set(told.lines[0], beside, baseline, told.size)


def _tear_line(page: Document) -> None:
    y, notch = _HEIGHT - _TEAR, 2.6 * _MM
    page.operators("q {:.3f} {:.3f} {:.3f} RG".format(*_MUTED))
    page.operators(f"1 w 1 J [0 4.2] 0 d {3 * notch:.2f} {y:.2f} m {_WIDTH - 3 * notch:.2f} {y:.2f} l S Q")
    page.fill(_HAIRLINE)
    for centre in (0, _WIDTH):
        page.disc(centre, _TEAR, notch)


def _stub(page: Document, face: Face, words: Wording) -> None:
    modules = qr_modules(face.qr)
    top = _TEAR + max(7 * _MM, _QR_SIDE * QUIET_ZONE / len(modules))
    page.fill((0, 0, 0))
    page.operators(qr_path(modules, (_WIDTH - _QR_SIDE) / 2, _HEIGHT - top - _QR_SIDE, _QR_SIDE))
    y = top + _QR_SIDE
    page.fill(_MUTED)
    _centred(page, words.code, y + 6.6 * _MM, _LABEL_SIZE)
    page.fill(_INK)
    _centred(page, face.code, y + 12.2 * _MM, 14, bold=True, tracking=1.2)
    page.fill(_MUTED)
    _centred(page, words.order.format(id=face.order_id), y + 16.4 * _MM, 6.2)
    advice = fit(" ".join(words.small_print), _INNER, 12 * _MM, (6.2, 5.6), 1.3)
    _block(page, advice, _MARGIN, y + 19.5 * _MM, _INNER, 1.3)


def _fact(
    page: Document,
    label: str,
    value: str,
    x: float,
    y: float,
    width: float,
    height: float,
    sizes: tuple[float, ...],
    bold: bool = False,
) -> None:
    """A small label over its value, whose box begins 3.4 mm below `y`."""
    page.fill(_MUTED)
    page.set(set_line(label), x, y + 2.4 * _MM, _LABEL_SIZE)
    page.fill(_INK)
    _block(page, fit(value, width, height, sizes, _LEADING, bold), x, y + 3.4 * _MM, width, _LEADING)


def _block(page: Document, block: Block, x: float, top: float, width: float, leading: float) -> None:
    """The lines of a block; one that reads leftwards is flush on the right. Marks stacked to the sky are clipped."""
    step = block.size * leading
    height = step * len(block.lines) + 0.3 * block.size
    page.operators(f"q {x - 2:.2f} {page.h - top - height:.2f} {width + 4:.2f} {height:.2f} re W n")
    widest = max(line.width for line in block.lines)
    for number, line in enumerate(block.lines):
        indent = (widest - line.width) * block.size / 1000 if line.rtl else 0
        page.set(line, x + indent, top + number * step + block.size, block.size)
    page.operators("Q")


def _centred(page: Document, text: str, baseline: float, size: float, bold: bool = False, tracking: float = 0) -> None:
    line = set_line(text, bold)
    width = line.width * size / 1000 + tracking * (len(text) - 1)
    page.set(line, (_WIDTH - width) / 2, baseline, size, tracking)


def _rule(page: Document, y: float) -> None:
    page.fill(_HAIRLINE)
    page.box(_MARGIN, y, _INNER, 0.6)
