"""The pictures can be read: nothing lies on anything else, no arrow goes through what it does not lead to."""

import re
from itertools import combinations, pairwise

import pytest

from infra.drawings.architecture import STEPS, architecture
from infra.drawings.drawio import xml
from infra.drawings.network import network
from infra.drawings.parts import FONT_SIZE, Box, Frame, Icon, Picture, Rect, Step, Text
from tests.unit.drawings.geometry import cuts, is_on, is_on_edge, label_of, overlap, segments_of, size_of, solid

PICTURES = [architecture(), network()]
HEAD = 7
"""Pixels: the length of an arrow's head, which no number may cover."""

of_each = pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)


@of_each
def test_everything_is_on_the_page(picture: Picture) -> None:
    places = {part.id: part.rect for part in picture.parts} | solid(picture)
    assert [name for name, rect in places.items() if not picture.page.holds(rect)] == []


@of_each
def test_nothing_lies_on_anything(picture: Picture) -> None:
    places = solid(picture) | {part.id: part.rect for part in picture.parts if isinstance(part, Step)}
    assert [(a, b) for (a, one), (b, other) in combinations(places.items(), 2) if overlap(one, other)] == []


@of_each
def test_a_frame_or_card_holds_a_part_or_does_not(picture: Picture) -> None:
    """What straddles an edge is an icon on the edge of a network, where it lets something through."""
    doors = {"link", "internet", "s3-endpoint"}
    holders = [part for part in picture.parts if part.id not in doors and not isinstance(part, Icon | Step | Text)]
    parts = [part for part in picture.parts if part.id not in doors and not isinstance(part, Step)]
    torn = [
        (holder.id, part.id)
        for holder in holders
        for part in parts
        if overlap(holder.rect, part.rect) and not (holder.rect.holds(part.rect) or part.rect.holds(holder.rect))
    ]
    assert torn == []


@of_each
def test_texts_fit_into_their_places(picture: Picture) -> None:
    texts = [part for part in picture.parts if isinstance(part, Box | Text) and part.label]
    assert [part.label for part in texts if not part.rect.holds(label_of(part) or part.rect)] == []


@of_each
def test_no_text_lies_on_the_edge_of_a_frame(picture: Picture) -> None:
    frames = [part for part in picture.parts if isinstance(part, Frame)]
    texts = {part.id: label for part in picture.parts if (label := label_of(part))}
    torn = [
        (frame.id, name)
        for frame in frames
        for name, text in texts.items()
        if overlap(frame.rect, text) and not frame.rect.holds(text)
    ]
    assert torn == []


@of_each
def test_no_text_is_smaller_than_can_be_read(picture: Picture) -> None:
    assert min(int(size) for size in re.findall(r"fontSize=(\d+)", xml(picture))) >= FONT_SIZE == 12


@of_each
def test_arrows_are_level_or_upright_and_end_at_what_they_name(picture: Picture) -> None:
    for arrow in picture.arrows:
        assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in segments_of(arrow)), arrow.id
        assert is_on_edge(arrow.points[0], picture.part(arrow.source).rect), arrow.id
        assert is_on_edge(arrow.points[-1], picture.part(arrow.target).rect), arrow.id


@of_each
def test_no_arrow_goes_through_an_icon_a_box_or_a_text(picture: Picture) -> None:
    places = solid(picture) | {part.id: part.rect for part in picture.parts if isinstance(part, Box)}
    through = [
        (arrow.id, name)
        for arrow in picture.arrows
        for name, rect in places.items()
        if any(cuts(segment, rect) for segment in segments_of(arrow))
    ]
    assert through == []


@of_each
def test_no_two_arrows_touch(picture: Picture) -> None:
    def thick(arrow_segment: tuple[tuple[float, float], tuple[float, float]]) -> Rect:
        (x1, y1), (x2, y2) = arrow_segment
        return Rect(min(x1, x2) - 2, min(y1, y2) - 2, abs(x2 - x1) + 4, abs(y2 - y1) + 4)

    pieces = [(arrow.id, thick(segment)) for arrow in picture.arrows for segment in segments_of(arrow)]
    touching = [(a, b) for (a, one), (b, other) in combinations(pieces, 2) if a != b and overlap(one, other)]
    assert touching == []


@of_each
def test_numbers_stand_on_their_arrows_and_cover_no_head(picture: Picture) -> None:
    arrows = {arrow.id: arrow for arrow in picture.arrows}
    for step in (part for part in picture.parts if isinstance(part, Step) and not part.id.startswith("legend")):
        arrow = arrows[step.id.removeprefix(f"step-{step.number}-")]
        assert any(is_on(step.centre, segment) for segment in segments_of(arrow)), step.id
        for end in (arrow.points[0], arrow.points[-1]):
            distance = abs(end[0] - step.centre[0]) + abs(end[1] - step.centre[1])
            assert distance >= Step.RADIUS + HEAD, step.id


def test_every_step_is_on_an_arrow_and_in_the_legend() -> None:
    steps = [part for part in architecture().parts if isinstance(part, Step)]
    expected = set(range(1, len(STEPS) + 1))
    assert {step.number for step in steps if not step.id.startswith("legend")} == expected
    assert {step.number for step in steps if step.id.startswith("legend")} == expected


def test_the_way_leads_from_the_buyer_to_the_ticket() -> None:
    """Each numbered arrow of the front door and of the services begins where the one before it ended."""
    picture = architecture()
    way = {
        step.number: next(arrow for arrow in picture.arrows if step.id.endswith(f"-{arrow.id}"))
        for step in picture.parts
        if isinstance(step, Step) and not step.id.startswith("legend")
    }
    between = {("link", "balancer")} & {(arrow.source, arrow.target) for arrow in picture.arrows}
    assert between, "the private link ends at the balancer"
    links = [(way[number].source, way[number].target) for number in (1, 2, 4, 5, 6, 7, 12)]
    hops = [*links[:3], *between, *links[3:]]
    assert hops[0][0] == "buyer"
    assert all(one[1] == other[0] for one, other in pairwise(hops))
    assert hops[-1][1] == "bucket"


def test_a_measure_knows_wide_from_narrow() -> None:
    assert size_of("WWW")[0] > 2 * size_of("iii")[0]
    assert size_of("a\nb")[1] == 2 * size_of("a")[1]


def test_a_cut_is_told_from_a_touch() -> None:
    box = Rect(10, 10, 20, 20)
    assert cuts(((0, 15), (40, 15)), box)
    assert not cuts(((0, 15), (10, 15)), box)
    assert not cuts(((0, 10), (40, 10)), box)
