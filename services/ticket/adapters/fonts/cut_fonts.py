"""Cut the fonts that the ticket PDF embeds, and write `faces.json`, the index by which they are found.

Run once, by a developer, when a source font or the selection changes; what it writes is committed:

    apt-get download fonts-noto-core fonts-nanum fonts-droid-fallback fonts-unifont   # Debian 12; dpkg -x into SOURCES
    pip download --no-deps manimgx-fonts==2026.9.26.post1                # PyPI, for Noto Emoji; unzip into SOURCES
    python services/ticket/adapters/fonts/cut_fonts.py SOURCES

Hinting, glyph names and layout features that a ticket never asks for are left out. Unifont's CFF outlines are straight
lines, so they become TrueType without loss, and only for characters that no better face has.
"""

import json
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable
from fontTools.varLib import instancer

HERE = Path(__file__).parent

MAIN = {"main-regular": "NotoSans-Regular.ttf", "main-bold": "NotoSans-Bold.ttf"}

# Scripts in which names are written today; the rest is left to Unifont.
SCRIPTS = [
    "Arabic",
    "Hebrew",
    "Devanagari",
    "Bengali",
    "Gurmukhi",
    "Gujarati",
    "Oriya",
    "Tamil",
    "Telugu",
    "Kannada",
    "Malayalam",
    "Sinhala",
    "Thai",
    "Lao",
    "Khmer",
    "Myanmar",
    "Georgian",
    "Armenian",
    "Ethiopic",
    "Thaana",
    "Syriac",
    "NKo",
    "Adlam",
    "Tifinagh",
    "OlChiki",
    "MeeteiMayek",
    "Chakma",
    "Cherokee",
    "CanadianAboriginal",
]


HANGUL = (range(0xAC00, 0xD7A4), range(0x1100, 0x1200), range(0x3130, 0x3190))


def source(folder: Path, name: str) -> Path:
    """The file of that name, wherever its package put it."""
    return next(folder.rglob(name.replace("[", "[[]")))


def cut(font: TTFont, characters: Iterable[int]) -> TTFont:
    """The font with these characters only, and without what a PDF does not need."""
    options = subset.Options(hinting=False, glyph_names=False, legacy_kern=False, notdef_outline=True)
    options.layout_features = [*subset.Options._layout_features_default, "rtlm", "rtla", "ltrm", "ltra"]
    options.drop_tables += ["DSIG", "MATH", "meta", "STAT"]
    options.name_IDs = [0, 13, 14]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=list(characters))
    subsetter.subset(font)
    return font


def as_truetype(font: TTFont) -> TTFont:
    """The same font with `glyf` outlines instead of `CFF `; its contours must consist of straight lines."""
    order, glyphs = font.getGlyphOrder(), font.getGlyphSet()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(pen)
        font["glyf"].glyphs[name] = pen.glyph()
    del font["CFF "]
    if "VORG" in font:
        del font["VORG"]
    font["maxp"].tableVersion = 0x00010000
    for field in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs"):
        setattr(font["maxp"], field, 0)
    for field in ("maxStackElements", "maxSizeOfInstructions", "maxComponentElements"):
        setattr(font["maxp"], field, 0)
    font["maxp"].maxZones = 1
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"
    return font


def is_assigned(character: int) -> bool:
    """False for what Unifont draws as a box with its number: private, unassigned, surrogate."""
    return unicodedata.category(chr(character)) not in ("Cn", "Co", "Cs")


def as_ranges(characters: Iterable[int]) -> list[list[int]]:
    """First and last of each run of consecutive characters, in order."""
    ranges: list[list[int]] = []
    for character in sorted(characters):
        if ranges and ranges[-1][1] == character - 1:
            ranges[-1][1] = character
        else:
            ranges.append([character, character])
    return ranges


def main(sources: Path) -> None:
    """Cut every font, better ones first: a later one is asked for what the earlier ones lack."""
    index: list[dict[str, object]] = []
    covered: set[int] = set()

    def ship(name: str, font: TTFont, characters: Iterable[int], fallback: bool = True) -> None:
        shipped = cut(font, characters)
        found = set(shipped.getBestCmap())
        # A cut font may not carry a reserved font name (OFL 1.1, condition 3).
        shipped["name"].setName(f"Bilhetagem {name}", 1, 3, 1, 0x409)
        shipped["head"].created = shipped["head"].modified = 0
        shipped.recalcTimestamp = False
        shipped.save(HERE / f"{name}.ttf")
        covered.update(found)
        if fallback:
            index.append({"file": f"{name}.ttf", "ranges": as_ranges(found)})
        print(f"{name:28} {len(found):6} characters {(HERE / f'{name}.ttf').stat().st_size:9,} bytes")  # noqa: T201

    for name, file in MAIN.items():
        font = TTFont(source(sources, file))
        ship(name, font, font.getBestCmap(), fallback=name == "main-regular")
    for script in SCRIPTS:
        font = TTFont(source(sources, f"NotoSans{script}-Regular.ttf"))
        ship(script.lower(), font, font.getBestCmap())
    font = TTFont(source(sources, "NotoSerifTibetan-Regular.ttf"))
    ship("tibetan", font, font.getBestCmap())

    emoji = instancer.instantiateVariableFont(TTFont(source(sources, "NotoEmoji[wght].ttf")), {"wght": 400})
    ship("emoji", emoji, emoji.getBestCmap())
    for symbols in ("Symbols", "Symbols2", "Math"):
        font = TTFont(source(sources, f"NotoSans{symbols}-Regular.ttf"))
        ship(symbols.lower(), font, set(font.getBestCmap()) - covered)
    font = TTFont(source(sources, "NanumGothic.ttf"))
    ship("hangul", font, {character for block in HANGUL for character in block})
    font = TTFont(source(sources, "DroidSansFallbackFull.ttf"))
    ship("cjk", font, set(font.getBestCmap()) - covered | set(range(0x3000, 0x3040)))
    for name, file in {"unifont": "unifont.otf", "unifont-upper": "unifont_upper.otf"}.items():
        font = TTFont(source(sources, file))
        rest = {character for character in set(font.getBestCmap()) - covered if is_assigned(character)}
        ship(name, as_truetype(cut(font, rest)), rest)

    lines = ",\n".join(json.dumps(face, separators=(",", ":")) for face in index)
    (HERE / "faces.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
