"""One page on which shaped lines are drawn: fpdf2 writes the document, glyphs and fonts come from `typefaces`.

fpdf2's own text needs its own copy of each font, parsed and cut by fontTools for each document: 20 to 70 ms of CPU.
Here HarfBuzz cuts the font that it has loaded already, in well under a millisecond.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from fpdf import FPDF, ViewerPreferences
from fpdf.enums import FontDescriptorFlags
from fpdf.fonts import PDFFontDescriptor
from fpdf.output import (
    CIDSystemInfo,
    OutputProducer,
    PDFFont,
    PDFFontStream,
    PDFType3Font,
)
from fpdf.syntax import PDFArray, PDFContentStream

from services.ticket.adapters.pdf.text import Line, Run
from services.ticket.adapters.pdf.typefaces import Glyph, Typeface

Colour = tuple[float, float, float]

# Equal tickets are equal bytes, so a document is not dated by the clock.
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)

# How much bolder a stroke of the outline makes a typeface that has no bold, in font sizes.
_STROKE = 0.025

_TO_UNICODE = """/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
{blocks}
endcmap CMapName currentdict /CMap defineresource pop end end"""


class EmbeddedTypeface:
    """A typeface as one document uses it: each glyph, with the text it stands for, has a code of its own."""

    def __init__(self, number: int, typeface: Typeface) -> None:
        self.number = number
        self.typeface = typeface
        self._codes: dict[tuple[int, str], str] = {}
        self._widths: list[int] = []

    def code(self, glyph: Glyph) -> str:
        """The glyph's code in hexadecimal."""
        key = (glyph.id, glyph.text)
        if key not in self._codes:
            self._codes[key] = f"{len(self._codes) + 1:04X}"
            self._widths.append(glyph.width)
        return self._codes[key]

    def to_unicode(self) -> str:
        entries = [f"<{code}> <{text.encode('utf-16-be').hex().upper()}>" for (_, text), code in self._codes.items()]
        # A block holds at most 100 entries (Adobe Technical Note 5014).
        blocks = (entries[start : start + 100] for start in range(0, len(entries), 100))
        return "\n".join(f"{len(block)} beginbfchar\n{'\n'.join(block)}\nendbfchar" for block in blocks)

    def widths(self) -> str:
        return f"[1 [{' '.join(map(str, self._widths))}]]"

    def program(self) -> tuple[bytes, bytes]:
        """The font file cut to what the document uses, and the map from codes to its glyphs."""
        font, renumbered = self.typeface.subset({glyph for glyph, _ in self._codes})
        glyphs = [0, *(renumbered[glyph] for glyph, _ in self._codes)]
        return font, b"".join(glyph.to_bytes(2) for glyph in glyphs)


class _Output(OutputProducer):
    """fpdf2's producer, but for the fonts."""

    fpdf: "Document"

    def _add_fonts(self, *_: object) -> dict[int, PDFFont | PDFType3Font]:
        return {embedded.number: self._add_font(embedded) for embedded in self.fpdf.embedded}

    def _add_font(self, embedded: EmbeddedTypeface) -> PDFFont:
        typeface = embedded.typeface
        name = f"TICKET+{typeface.name}"
        program, glyphs = embedded.program()
        descriptor = PDFFontDescriptor(
            ascent=round(typeface.ascent),
            descent=round(typeface.descent),
            cap_height=round(typeface.ascent),
            flags=FontDescriptorFlags.SYMBOLIC,
            font_b_box=f"[-1000 {typeface.descent:.0f} 2000 {typeface.ascent:.0f}]",
            italic_angle=0,
            stem_v=80,
            missing_width=0,
        )
        descriptor.font_name = f"/{name}"
        descriptor.font_file2 = PDFFontStream(program)  # type: ignore[attr-defined]
        descendant = PDFFont(subtype="CIDFontType2", base_font=name, d_w=0, w=embedded.widths())
        descendant.c_i_d_system_info = CIDSystemInfo()
        descendant.font_descriptor = descriptor
        descendant.c_i_d_to_g_i_d_map = PDFContentStream(glyphs, compress=True)
        font = PDFFont(subtype="Type0", base_font=name, encoding="Identity-H")
        font.descendant_fonts = PDFArray([descendant])
        blocks = embedded.to_unicode()
        font.to_unicode = PDFContentStream(_TO_UNICODE.format(blocks=blocks).encode("ascii"), compress=True)
        for part in (
            font,
            descendant,
            descendant.c_i_d_system_info,
            descriptor,
            descriptor.font_file2,  # type: ignore[attr-defined]
            descendant.c_i_d_to_g_i_d_map,
            font.to_unicode,
        ):
            self._add_pdf_obj(part, "fonts")
        return font


class Document(FPDF):
    """A document of one page. Lengths are points, `y` counts downwards from the top edge."""

    def __init__(self, width: float, height: float, *, title: str, subject: str, language: str) -> None:
        super().__init__(unit="pt", format=(width, height))
        self.set_title(title)
        self.set_subject(subject)
        self.set_lang(language)
        self.set_creator("Bilhetagem")
        self.set_producer("fpdf2")
        self.set_creation_date(_CREATED)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.single_resources_object = True
        self.add_page()
        self._embedded: dict[str, EmbeddedTypeface] = {}

    @property
    def embedded(self) -> Iterable[EmbeddedTypeface]:
        return self._embedded.values()

    def to_bytes(self) -> bytes:
        return bytes(self.output(output_producer_class=_Output))

    def operators(self, *operators: str) -> None:
        """PDF content as it is, in PDF's own coordinates."""
        self._out(" ".join(operators))

    def fill(self, colour: Colour) -> None:
        self.operators("{0:.3f} {1:.3f} {2:.3f} rg {0:.3f} {1:.3f} {2:.3f} RG".format(*colour))

    def box(self, x: float, y: float, width: float, height: float) -> None:
        """A filled rectangle."""
        self.operators(f"{x:.2f} {self.h - y - height:.2f} {width:.2f} {height:.2f} re f")

    def disc(self, x: float, y: float, radius: float) -> None:
        """A filled circle, as the zero-length line with round ends that PDF draws as one."""
        self.operators(f"q {2 * radius:.2f} w 1 J {x:.2f} {self.h - y:.2f} m {x:.2f} {self.h - y:.2f} l S Q")

    def set(self, line: Line, x: float, baseline: float, size: float, tracking: float = 0) -> None:
        """A line whose left end is `x`; `tracking` is added after each glyph, in points."""
        parts = []
        for run in line.runs:
            drawn, advance = self._glyphs(run, x, self.h - baseline, size, tracking)
            parts.append(drawn)
            x += advance
        text = " ".join(parts)
        if line.replaced:
            told = (b"\xfe\xff" + line.text.encode("utf-16-be")).hex().upper()
            text = f"/Span <</ActualText <{told}>>> BDC {text} EMC"
        self.operators(text)

    def _glyphs(self, run: Run, x: float, y: float, size: float, tracking: float) -> tuple[str, float]:
        """Operators that draw a run from the point on, and the advance in points."""
        embedded = self._embedded.setdefault(run.typeface.file, EmbeddedTypeface(len(self._embedded) + 1, run.typeface))
        weight = f"2 Tr {size * _STROKE:.2f} w " if run.emboldened else ""
        begin = f"BT {weight}/F{embedded.number} {size:.2f} Tf 1 0 0 1 {x:.2f} {y:.2f} Tm [<"
        shown, moved, pen, rise, spacing = [begin], 0, 0.0, 0.0, tracking * 1000 / size
        for glyph in run.glyphs:
            if glyph.y_offset != rise:
                rise = glyph.y_offset
                shown.append(f">] TJ {rise * size / 1000:.3f} Ts [<")
            # In a TJ array a number moves the pen back; the viewer itself moves it on by the glyph's own width.
            back = round(moved - pen - glyph.x_offset)
            if back:
                shown.append(f">{back}<")
            shown.append(embedded.code(glyph))
            moved += glyph.width - back
            pen += glyph.advance + spacing
        end = f">] TJ{' 0 Ts' if rise else ''}{' 0 Tr' if weight else ''} ET"
        return "".join(shown) + end, pen * size / 1000
