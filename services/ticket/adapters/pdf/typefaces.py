"""The fonts shipped beside the adapters: which one has a character, and what HarfBuzz makes of a text in it.

A font file is read when its first character is needed, once per process, and kept. Everything here is shared between
threads: HarfBuzz faces and fonts are immutable after their creation, and shaping works on a buffer of its own.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import uharfbuzz as hb

FONTS = Path(__file__).parent.parent / "fonts"

# What a PDF viewer needs to draw glyphs by their number (ISO 32000-1, 9.9); the rest served the shaping.
_TABLES_TO_DRAW = {"glyf", "head", "hhea", "hmtx", "loca", "maxp"}


class Glyph(NamedTuple):
    """One glyph of a shaped run, lengths in thousandths of the font size.

    `width` is by how much a viewer moves on after it, `advance` by how much the line does; `text` is what it stands
    for, empty where the glyph before it tells that.
    """

    id: int
    width: int
    advance: float
    x_offset: float
    y_offset: float
    text: str


class Typeface:
    """One font file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.name = "Bilhetagem-" + file.removesuffix(".ttf").title()

    @cached_property
    def _face(self) -> hb.Face:
        return hb.Face(hb.Blob.from_file_path(str(FONTS / self.file)))

    @cached_property
    def _font(self) -> hb.Font:
        return hb.Font(self._face)

    @cached_property
    def _scale(self) -> float:
        return 1000 / int(self._face.upem)

    @cached_property
    def _tables_to_drop(self) -> list[int]:
        return [int.from_bytes(tag.encode("ascii")) for tag in set(self._face.table_tags) - _TABLES_TO_DRAW]

    @property
    def ascent(self) -> float:
        return float(self._font.get_font_extents("ltr").ascender * self._scale)

    @property
    def descent(self) -> float:
        return float(self._font.get_font_extents("ltr").descender * self._scale)

    def shape(self, text: str, rtl: bool) -> list[Glyph]:
        """The glyphs of a text of one script and direction, in the order in which they stand on the line."""
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if rtl else "ltr"
        buffer.flags = hb.BufferFlags.REMOVE_DEFAULT_IGNORABLES
        hb.shape(self._font, buffer)
        infos, positions = buffer.glyph_infos, buffer.glyph_positions or ()
        texts = _told_by([info.cluster for info in infos], text, rtl)
        return [
            Glyph(
                info.codepoint,
                round(self._font.get_glyph_h_advance(info.codepoint) * self._scale),
                position.x_advance * self._scale,
                position.x_offset * self._scale,
                position.y_offset * self._scale,
                stands_for,
            )
            for info, position, stands_for in zip(infos, positions, texts, strict=True)
        ]

    def subset(self, glyphs: Iterable[int]) -> tuple[bytes, dict[int, int]]:
        """A TrueType font of these glyphs alone, and their numbers in it."""
        wanted = hb.SubsetInput()
        wanted.glyph_set.update(glyphs)
        wanted.drop_table_tag_set.update(self._tables_to_drop)
        wanted.flags = hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NOTDEF_OUTLINE
        plan = hb.SubsetPlan(self._face, wanted)
        return plan.execute().blob.data, dict(plan.old_to_new_glyph_mapping)


def _told_by(clusters: list[int], text: str, rtl: bool) -> list[str]:
    """What each glyph stands for, given where in the text its cluster begins.

    A cluster of as many glyphs as characters gives one to each, else its first glyph gets the whole.
    """
    starts = sorted(set(clusters))
    ends = dict(zip(starts, [*starts[1:], len(text)], strict=False))
    texts: list[str] = []
    for start, glyphs in groupby(clusters):
        count = len(list(glyphs))
        characters = text[start : ends[start]]
        if count == len(characters):
            texts += reversed(characters) if rtl else characters
        else:
            texts += [characters, *[""] * (count - 1)]
    return texts


class _Coverage(NamedTuple):
    typeface: Typeface
    starts: list[int]
    ends: list[int]

    def has(self, character: int) -> bool:
        at = bisect_right(self.starts, character) - 1
        return at >= 0 and character <= self.ends[at]


REGULAR = Typeface("main-regular.ttf")
BOLD = Typeface("main-bold.ttf")
_EMOJI = "emoji.ttf"


@cache
def _index() -> list[_Coverage]:
    shipped = json.loads((FONTS / "faces.json").read_text())
    faces = [REGULAR if face["file"] == REGULAR.file else Typeface(face["file"]) for face in shipped]
    return [
        _Coverage(face, [start for start, _ in entry["ranges"]], [end for _, end in entry["ranges"]])
        for face, entry in zip(faces, shipped, strict=True)
    ]


@lru_cache(maxsize=4096)
def typeface_for(characters: str, emoji: bool = False) -> Typeface | None:
    """The first font, better ones first, that has all the characters; None when there is none."""
    having = (face.typeface for face in _index() if all(face.has(ord(character)) for character in characters))
    found = next(having, None)
    if emoji and found is not None and found.file != _EMOJI:
        return next((face for face in having if face.file == _EMOJI), found)
    return found
