"""What a picture is made of: frames, boxes, icons, texts, steps and arrows, each with an absolute place."""

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["left", "right", "top", "bottom"]
Point = tuple[float, float]
End = tuple[str, Side, float | None]
"""Where an arrow ends: a part's id, one of its sides, and where on that side (see ``Rect.on``)."""

ArrowKind = Literal["request", "answer", "both", "plain"]
"""Solid, dashed, solid with two heads, thin with two heads."""

PAGE_WIDTH = 880
"""Pixels: as wide as GitHub shows a README, so what is drawn is what is read."""

FONT_SIZE = 12
"""Pixels: the smallest text that is read without zooming."""

LINE_HEIGHT = 1.2
"""Of the font's size, as draw.io sets it."""


class Colour:
    """AWS's colours for the kinds of its services, and one for what is not of AWS."""

    COMPUTE = "#ED7100"
    INTEGRATION = "#E7157B"
    NETWORKING = "#8C4FFF"
    DATABASE = "#C925D1"
    STORAGE = "#7AA116"
    SECURITY = "#DD344C"
    OUTSIDE = "#232F3E"


@dataclass(frozen=True)
class Rect:
    """An upright rectangle, in pixels of the page; y grows downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def on(self, side: Side, at: float | None = None) -> Point:
        """The point of a side at this x (top, bottom) or y (left, right) of the page; without one, its middle."""
        x, y = self.centre
        return {
            "left": (self.x, y if at is None else at),
            "right": (self.right, y if at is None else at),
            "top": (x if at is None else at, self.y),
            "bottom": (x if at is None else at, self.bottom),
        }[side]

    def holds(self, other: "Rect") -> bool:
        """Whether the other lies within it, edges included."""
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom


@dataclass(frozen=True)
class Frame:
    """One of AWS's groups: what lies within its rectangle lies within it, and moves with it in draw.io."""

    id: str
    rect: Rect
    kind: Literal["cloud", "region", "vpc", "zone", "public", "private", "isolated", "plain"]
    label: str = ""


@dataclass(frozen=True)
class Box:
    """A rectangle with a text in its middle: a card that carries others, a chip for a service or a queue."""

    id: str
    rect: Rect
    kind: Literal["card", "chip", "muted"] = "chip"
    label: str = ""
    colour: str = "#5A6B7B"


@dataclass(frozen=True)
class Icon:
    """One of AWS's icons, by draw.io's name for it, with its label on one of its sides."""

    id: str
    rect: Rect
    shape: str
    colour: str
    label: str = ""
    label_side: Side = "bottom"


@dataclass(frozen=True)
class Text:
    """Lines of text; the rectangle is where they may go."""

    id: str
    rect: Rect
    label: str
    bold: bool = False
    align: Literal["left", "center", "right"] = "left"
    size: int = FONT_SIZE


@dataclass(frozen=True)
class Step:
    """A number on an arrow, or before its caption in the legend."""

    id: str
    centre: Point
    number: int

    RADIUS = 9

    @property
    def rect(self) -> Rect:
        x, y = self.centre
        return Rect(x - self.RADIUS, y - self.RADIUS, 2 * self.RADIUS, 2 * self.RADIUS)


@dataclass(frozen=True)
class Arrow:
    """A line of straight pieces from a point on the edge of one part to one on the edge of another."""

    id: str
    source: str
    target: str
    points: tuple[Point, ...]
    kind: ArrowKind = "request"


Part = Frame | Box | Icon | Text | Step


@dataclass
class Picture:
    """A page of parts, frames before what they hold, and the arrows between them."""

    name: str
    title: str
    height: float
    parts: list[Part] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    @property
    def page(self) -> Rect:
        return Rect(0, 0, PAGE_WIDTH, self.height)

    def add(self, *parts: Part) -> None:
        self.parts.extend(parts)

    def part(self, name: str) -> Part:
        """The part of this id. Raises StopIteration when there is none."""
        return next(part for part in self.parts if part.id == name)

    def connect(
        self,
        source: End,
        target: End,
        *between: Point,
        kind: ArrowKind = "request",
        step: tuple[int, Point] | None = None,
    ) -> None:
        """An arrow from one part's side to another's through the points between, and the number that stands on it."""
        start, end = (self.part(name).rect.on(side, at) for name, side, at in (source, target))
        arrow = f"{source[0]}-to-{target[0]}"
        self.arrows.append(Arrow(arrow, source[0], target[0], (start, *between, end), kind))
        if step:
            self.add(Step(f"step-{step[0]}-{arrow}", step[1], step[0]))

    def holder(self, part: Part) -> Frame | Box | None:
        """The innermost frame or card that was added before a part and holds it."""
        before = self.parts[: self.parts.index(part)]
        frames = (f for f in reversed(before) if isinstance(f, Frame) or (isinstance(f, Box) and f.kind == "card"))
        return next((frame for frame in frames if frame.rect.holds(part.rect)), None)
