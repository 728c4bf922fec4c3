"""Setting text: cleaned, in the fonts that have it, in reading order, and so that it fits where it is put."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection

from services.ticket.adapters.pdf.typefaces import BOLD, REGULAR, Glyph, Typeface, typeface_for

_JOINERS = "\u200c\u200d"
_EMOJI_STYLE = "\ufe0f"
_ELLIPSIS = "…"
_NOTHING = "—"
# Kana and marks that do not begin a line (JIS X 4051).
_NEVER_FIRST = "ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々"
_SPACES = re.compile(r"\s+")
_SPACED = re.compile("[^ ]+ ?")
# Letters of western languages, all in the main typeface: nothing about them needs to be looked up.
_PLAIN = re.compile("[ -~¡-¬®-\u024f‐-…]*")


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs of one typeface in the order in which they stand on the line; `emboldened` where it has no bold itself."""

    typeface: Typeface
    glyphs: tuple[Glyph, ...]
    emboldened: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its runs from left to right, its width in thousandths of the font size, and the text it stands for.

    `replaced` says that the glyphs alone do not tell the text (several for a character, marks off the line, a text cut
    short), so that it must be told to whoever searches, copies or listens. Not for what reads leftwards: viewers turn
    that round themselves, and some would turn the told text round too.
    """

    text: str
    runs: tuple[Run, ...]
    width: float
    rtl: bool
    replaced: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one font size, in points; `shortened` when an ellipsis stands for the end of the text."""

    size: float
    lines: tuple[Line, ...]
    shortened: bool


def clean(text: str) -> str:
    """The text as it can be printed on a line: NFC, white space single, without controls and invisible characters.

    Joiners and variation selectors, by which scripts and emoji are spelt, stay. A character that no font has is spelt
    out as `[U+XXXX]`.
    """
    if _PLAIN.fullmatch(text):
        return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip() or _NOTHING
    printable = "".join(_printable(character) for character in unicodedata.normalize("NFC", text))
    return _SPACES.sub(" ", printable).strip(" " + _JOINERS) or _NOTHING


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    if character in _JOINERS or _selects(character):
        return character
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Zl", "Zp") or character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0":
        return ""
    if typeface_for(character) is None:
        return f"[U+{ord(character):04X}]"
    return character


def _selects(character: str) -> bool:
    """A variation selector, or a tag by which the flags of regions are spelt."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0020" <= character <= "\U000e01ef"


def _clusters(text: str) -> Iterator[str]:
    """What a reader sees as one character, near enough to UAX #29 to choose fonts and to break what has no spaces."""
    start = 0
    for at in range(1, len(text)):
        character, before = text[at], text[at - 1]
        extends = (
            unicodedata.category(character).startswith("M")
            or character in _JOINERS
            or before == "\u200d"
            or _selects(character)
            or "\U0001f3fb" <= character <= "\U0001f3ff"
            or (_regional(character) and at - start == 1 and _regional(before))
        )
        if not extends:
            yield text[start:at]
            start = at
    yield text[start:]


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _in_typefaces(text: str, bold: bool) -> Iterator[tuple[Typeface, str]]:
    """The text in pieces of one typeface each."""
    main = BOLD if bold else REGULAR
    if _PLAIN.fullmatch(text):
        yield main, text
        return
    current, piece = main, ""
    for cluster in _clusters(text):
        for typeface, part in _cluster_in_typefaces(cluster):
            chosen = main if typeface is REGULAR else typeface
            if chosen is not current and piece:
                yield current, piece
                piece = ""
            current, piece = chosen, piece + part
    yield current, piece


def _cluster_in_typefaces(cluster: str) -> Iterator[tuple[Typeface, str]]:
    drawn = "".join(character for character in cluster if character not in _JOINERS and not _selects(character))
    together = typeface_for(drawn, emoji=_EMOJI_STYLE in cluster)
    if together is not None:
        yield together, cluster
        return
    for character in drawn:
        yield typeface_for(character) or REGULAR, character


@lru_cache(maxsize=2048)
def set_line(text: str, bold: bool = False, rtl: bool | None = None) -> Line:
    """A cleaned text on one line, in the paragraph's direction (by default that of its first letter)."""
    pieces = _visual_order(text, rtl)
    runs: list[Run] = []
    for piece, leftwards in pieces:
        shaped = [
            Run(face, tuple(face.shape(part, leftwards)), emboldened=bold and face is not BOLD)
            for face, part in _in_typefaces(piece, bold)
        ]
        runs += reversed(shaped) if leftwards else shaped
    return Line(
        text,
        tuple(runs),
        sum(glyph.advance for run in runs for glyph in run.glyphs),
        rtl=bool(rtl) if rtl is not None else _reads_leftwards(text),
        replaced=not any(leftwards for _, leftwards in pieces)
        and any(not glyph.text or glyph.y_offset for run in runs for glyph in run.glyphs),
    )


def _reads_leftwards(text: str) -> bool:
    if _PLAIN.fullmatch(text):
        return False
    return auto_detect_base_direction(text) is TextDirection.RTL


def _visual_order(text: str, rtl: bool | None) -> list[tuple[str, bool]]:
    """Pieces of one direction each, from left to right, and whether each is read leftwards (UAX #9, rule L2)."""
    if _PLAIN.fullmatch(text) or not any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text):
        return [(text, False)]
    base = None if rtl is None else TextDirection.RTL if rtl else TextDirection.LTR
    levels = [
        (character.character, character.embedding_level)
        for character in BidiParagraph(text, base, preserve_bn_chars=True).get_characters_with_embedding_level()
    ]
    pieces: list[tuple[str, int]] = []
    for character, level in levels:
        if pieces and pieces[-1][1] == level:
            pieces[-1] = (pieces[-1][0] + character, level)
        else:
            pieces.append((character, level))
    for lowest in range(max(level for _, level in pieces), 0, -1):
        pieces = _reversed_from(pieces, lowest)
    return [(piece, level % 2 == 1) for piece, level in pieces]


def _reversed_from(pieces: list[tuple[str, int]], lowest: int) -> list[tuple[str, int]]:
    result: list[tuple[str, int]] = []
    held: list[tuple[str, int]] = []
    for piece in pieces:
        if piece[1] >= lowest:
            held.insert(0, piece)
        else:
            result += [*held, piece]
            held = []
    return result + held


@lru_cache(maxsize=1024)
def fit(text: str, width: float, height: float, sizes: tuple[float, ...], leading: float, bold: bool = False) -> Block:
    """The text in a box, all lengths in points: the largest of the sizes at which it fits, wrapped where it must be.

    What does not fit at the smallest size either ends in an ellipsis, and its last line keeps the rest as its text.
    """
    cleaned = clean(text)
    rtl = _reads_leftwards(cleaned)
    for size in sizes:
        room, lines = _tried(cleaned, width / size, height / (size * leading), bold)
        if len(lines) <= room:
            return _block((set_line(line.rstrip(), bold, rtl) for line in lines), size, width, shortened=False)
    size = sizes[-1]
    room, lines = _tried(cleaned, width / size, height / (size * leading), bold)
    *full, cut = lines[:room]
    rest = cleaned[len("".join(full)) :]
    last = _shortened(cut, 1000 * width / size, bold, rtl, rest)
    return _block((*(set_line(line.rstrip(), bold, rtl) for line in full), last), size, width, shortened=True)


def _block(lines: Iterable[Line], size: float, width: float, shortened: bool) -> Block:
    """The lines at the size, or smaller when what cannot be parted, a chain of joined emoji say, is wider still."""
    block = Block(size, tuple(lines), shortened)
    widest = max(line.width for line in block.lines) * size / 1000
    return replace(block, size=size * width / widest) if widest > width else block


def _tried(text: str, ems: float, lines: float, bold: bool) -> tuple[int, list[str]]:
    """How many lines there is room for, and the text in lines of so many ems, one too many when it does not fit."""
    room = max(1, int(lines + 1e-6))
    return room, _wrap(text, 1000 * ems, room, bold)


def _shortened(text: str, width: float, bold: bool, rtl: bool, stands_for: str) -> Line:
    clusters = list(_clusters(text))
    line = set_line(_ELLIPSIS, bold, rtl)
    while clusters:
        longer = set_line("".join(clusters).rstrip() + _ELLIPSIS, bold, rtl)
        if longer.width <= width:
            line = longer
            break
        clusters.pop()
    return Line(stands_for, line.runs, line.width, rtl, replaced=True)


def _wrap(text: str, width: float, room: int, bold: bool) -> list[str]:
    """The text in lines not wider than `width`, at most one more than there is room for."""
    lines, line, used = [""], "", 0.0
    for word in _words(text):
        taken = set_line(word.rstrip(" "), bold).width
        if line and used + taken > width:
            lines[-1], line, used = line, "", 0.0
            lines.append("")
        if taken > width:
            *whole, word = _pieces(word, width, bold)
            lines[-1:] = [*whole, ""]
            taken = set_line(word.rstrip(" "), bold).width
        if len(lines) > room + 1:
            return lines[: room + 1]
        line += word
        used += taken + (set_line(" ", bold).width if word.endswith(" ") else 0)
    lines[-1] = line
    return lines


def _words(text: str) -> Iterator[str]:
    """What stays together on a line, with the space after it; ideographs and kana may part (UAX #14, ID)."""
    if _PLAIN.fullmatch(text):
        yield from _SPACED.findall(text)
        return
    word = ""
    for cluster in _clusters(text):
        if word and (word.endswith(" ") or _may_part_before(cluster[0])):
            yield word
            word = ""
        word += cluster
    if word:
        yield word


def _may_part_before(character: str) -> bool:
    """Ideographs, kana and emoji; Korean keeps its words whole."""
    return (
        unicodedata.east_asian_width(character) == "W"
        and unicodedata.category(character)[0] in "LS"
        and not "\uac00" <= character <= "\ud7a3"
        and character not in _NEVER_FIRST
    )


def _pieces(word: str, width: float, bold: bool) -> list[str]:
    """A word that is wider than a line, in pieces that are not."""
    pieces, used = [""], 0.0
    for cluster in _clusters(word):
        taken = set_line(cluster, bold).width
        if pieces[-1] and used + taken > width:
            pieces.append("")
            used = 0.0
        pieces[-1] += cluster
        used += taken
    return pieces
