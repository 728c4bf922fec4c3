"""Where things of a picture really are: texts measured, arrows taken to pieces."""

from functools import cache
from itertools import pairwise
from pathlib import Path

from fontTools.ttLib import TTFont

from infra.drawings.parts import FONT_SIZE, LINE_HEIGHT, Arrow, Box, Frame, Icon, Part, Picture, Point, Rect, Step, Text

_FONTS = Path(__file__).parents[3] / "services" / "ticket" / "adapters" / "fonts"
_GROUP_ICON = 25
"""Pixels: the square in the corner of one of AWS's groups."""

_EPSILON = 0.01

type Segment = tuple[Point, Point]


@cache
def _widths(bold: bool) -> dict[int, float]:
    """Of each character, in ems. The font is wider than the Helvetica that the pictures ask for, and so are those that
    a machine without Helvetica takes.
    """
    font = TTFont(_FONTS / ("main-bold.ttf" if bold else "main-regular.ttf"))
    return {code: font["hmtx"][name][0] / font["head"].unitsPerEm for code, name in font.getBestCmap().items()}


def size_of(text: str, size: int = FONT_SIZE, *, bold: bool = False) -> tuple[float, float]:
    """Width and height of lines of text, in pixels."""
    lines = text.split("\n")
    widest = max(sum(_widths(bold)[ord(character)] for character in line) for line in lines)
    return widest * size, len(lines) * size * LINE_HEIGHT


def label_of(part: Part) -> Rect | None:
    """Where a part's text is; None where it has none."""
    if isinstance(part, Step) or not part.label:
        return None
    rect = part.rect
    (x, y), (width, height) = rect.centre, size_of(part.label, bold=isinstance(part, Text) and part.bold)
    centred = Rect(x - width / 2, y - height / 2, width, height)
    match part:
        case Frame(kind="zone"):
            return Rect(centred.x, rect.y + 5, width, height)
        case Frame(kind="plain"):
            return Rect(rect.x + 8, rect.y + 5, width, height)
        case Frame():
            return Rect(rect.x, rect.y, 32 + width, _GROUP_ICON)
        case Icon(label_side="bottom"):
            return Rect(centred.x, rect.bottom + 4, width, height)
        case Icon(label_side="top"):
            return Rect(centred.x, rect.y - 4 - height, width, height)
        case Icon(label_side="left"):
            return Rect(rect.x - 6 - width, centred.y, width, height)
        case Icon(label_side="right"):
            return Rect(rect.right + 6, centred.y, width, height)
        case Text(align="left"):
            return Rect(rect.x, centred.y, width, height)
        case Text(align="right"):
            return Rect(rect.right - width, centred.y, width, height)
        case Box() | Icon() | Text():
            return centred


def solid(picture: Picture) -> dict[str, Rect]:
    """What nothing may lie on: icons, boxes that hold nothing, and every text."""
    found: dict[str, Rect] = {}
    for part in picture.parts:
        if isinstance(part, Icon) or (isinstance(part, Box) and part.kind != "card"):
            found[part.id] = part.rect
        label = label_of(part)
        if label and not isinstance(part, Box):
            found[f"{part.id}'s text"] = label
    return found


def overlap(one: Rect, other: Rect) -> bool:
    """Whether they share more than an edge."""
    return (
        one.x < other.right - _EPSILON
        and other.x < one.right - _EPSILON
        and one.y < other.bottom - _EPSILON
        and other.y < one.bottom - _EPSILON
    )


def segments_of(arrow: Arrow) -> list[Segment]:
    return list(pairwise(arrow.points))


def cuts(segment: Segment, rect: Rect) -> bool:
    """Whether an upright or level piece goes through a rectangle; touching its edge is not through."""
    (x1, y1), (x2, y2) = segment
    left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
    return (
        left < rect.right - _EPSILON
        and right > rect.x + _EPSILON
        and top < rect.bottom - _EPSILON
        and bottom > rect.y + _EPSILON
    )


def is_on(point: Point, segment: Segment) -> bool:
    """Whether a point lies on an upright or level piece."""
    (x1, y1), (x2, y2) = segment
    return min(x1, x2) <= point[0] <= max(x1, x2) and min(y1, y2) <= point[1] <= max(y1, y2)


def is_on_edge(point: Point, rect: Rect) -> bool:
    x, y = point
    upright = x in (rect.x, rect.right) and rect.y <= y <= rect.bottom
    level = y in (rect.y, rect.bottom) and rect.x <= x <= rect.right
    return upright or level
