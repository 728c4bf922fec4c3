"""A picture as draw.io's file: mxGraph XML with draw.io's own AWS shapes, to be opened and edited there.

Texts are plain (``html=0``), so an export has them as SVG text, which every viewer shows, and not as embedded HTML.
"""

from xml.etree import ElementTree

from infra.drawings.parts import (
    FONT_SIZE,
    PAGE_WIDTH,
    Arrow,
    Box,
    Frame,
    Icon,
    Part,
    Picture,
    Point,
    Rect,
    Step,
    Text,
)

INK = "#232F3E"
"""AWS's dark blue, for texts and arrows."""

_FONTS = "Helvetica,Arial,Nimbus Sans,Liberation Sans,sans-serif"

_FONT = f"html=0;fontFamily={_FONTS};fontSize={FONT_SIZE};fontColor={INK};"
_AWS_GROUP = (
    "shape=mxgraph.aws4.group;outlineConnect=0;gradientColor=none;verticalAlign=top;align=left;spacingLeft=30;"
    "spacingTop=2;container=1;collapsible=0;recursiveResize=0;pointerEvents=0;"
)
_SUBNET = f"{_AWS_GROUP}grIcon=mxgraph.aws4.group_security_group;grStroke=0;"
_FRAMES = {
    "cloud": f"{_AWS_GROUP}grIcon=mxgraph.aws4.group_aws_cloud_alt;strokeColor={INK};fillColor=none;",
    "region": f"{_AWS_GROUP}grIcon=mxgraph.aws4.group_region;strokeColor=#00A4A6;fillColor=none;dashed=1;",
    "vpc": f"{_AWS_GROUP}grIcon=mxgraph.aws4.group_vpc;strokeColor=#8C4FFF;fillColor=none;",
    "public": f"{_SUBNET}strokeColor=#7AA116;fillColor=#F2F6E8;",
    "private": f"{_SUBNET}strokeColor=#00A4A6;fillColor=#E6F6F7;",
    "isolated": f"{_SUBNET}strokeColor=#C925D1;fillColor=#FAEBFB;",
    "zone": (
        "rounded=0;strokeColor=#147EBA;fillColor=none;dashed=1;verticalAlign=top;align=center;spacingTop=2;container=1;"
        "collapsible=0;recursiveResize=0;pointerEvents=0;"
    ),
    "plain": (
        "rounded=1;arcSize=4;absoluteArcSize=1;strokeColor=#AAB7B8;fillColor=none;dashed=1;verticalAlign=top;align=left;"
        "spacingLeft=8;spacingTop=2;container=1;collapsible=0;recursiveResize=0;pointerEvents=0;"
    ),
}
_LABEL_SIDES = {
    "bottom": "verticalLabelPosition=bottom;verticalAlign=top;labelPosition=center;align=center;",
    "top": "verticalLabelPosition=top;verticalAlign=bottom;labelPosition=center;align=center;",
    "left": "labelPosition=left;align=right;verticalLabelPosition=middle;verticalAlign=middle;spacingRight=4;",
    "right": "labelPosition=right;align=left;verticalLabelPosition=middle;verticalAlign=middle;spacingLeft=4;",
}
_ARROWS = {
    "request": "strokeWidth=2;endArrow=block;endFill=1;endSize=5;",
    "answer": "strokeWidth=1.5;endArrow=block;endFill=1;endSize=4;dashed=1;dashPattern=4 3;",
    "both": "strokeWidth=2;endArrow=block;endFill=1;endSize=5;startArrow=block;startFill=1;startSize=5;",
    "plain": "strokeWidth=1;endArrow=block;endFill=1;endSize=4;startArrow=block;startFill=1;startSize=4;",
}


def xml(picture: Picture) -> str:
    """The whole ``.drawio`` file. The same picture gives the same bytes."""
    file = ElementTree.Element("mxfile", host="app.diagrams.net", compressed="false")
    diagram = ElementTree.SubElement(file, "diagram", id=picture.name, name=picture.title)
    model = ElementTree.SubElement(
        diagram, "mxGraphModel", grid="1", gridSize="2", guides="1", tooltips="1", connect="1", arrows="1", fold="1",
        page="1", pageScale="1", pageWidth=str(PAGE_WIDTH), pageHeight=_number(picture.height), background="#FFFFFF",
    )  # fmt: skip
    root = ElementTree.SubElement(model, "root")
    _cell(root, id="0")
    _cell(root, id="1", parent="0")
    # Without it an export would be cropped to what is drawn, and be narrower than the page.
    paper = _cell(root, id="paper", style="fillColor=#FFFFFF;strokeColor=none;locked=1;", vertex="1", parent="1")
    _place(paper, picture.page)
    # Arrows lie above frames and below the numbers that stand on them.
    for part in picture.parts:
        if not isinstance(part, Step):
            _vertex(root, picture, part)
    for arrow in picture.arrows:
        _edge(root, picture, arrow)
    for part in picture.parts:
        if isinstance(part, Step):
            _vertex(root, picture, part)
    ElementTree.indent(file)
    return ElementTree.tostring(file, encoding="unicode") + "\n"


def _vertex(root: ElementTree.Element, picture: Picture, part: Part) -> None:
    holder = None if isinstance(part, Step) else picture.holder(part)
    label = str(part.number) if isinstance(part, Step) else part.label
    parent, corner = (holder.id, holder.rect) if holder else ("1", picture.page)
    cell = _cell(root, id=part.id, value=label, style=_style(part), vertex="1", parent=parent)
    _place(cell, Rect(part.rect.x - corner.x, part.rect.y - corner.y, part.rect.width, part.rect.height))


def _cell(root: ElementTree.Element, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(root, "mxCell", attributes)


def _place(cell: ElementTree.Element, rect: Rect) -> None:
    numbers = {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height}
    attributes = {name: _number(value) for name, value in numbers.items()}
    ElementTree.SubElement(cell, "mxGeometry", attributes | {"as": "geometry"})


def _style(part: Part) -> str:
    match part:
        case Frame():
            return _FONT + _FRAMES[part.kind]
        case Box(kind="card"):
            return (
                f"{_FONT}rounded=1;arcSize=6;absoluteArcSize=1;fillColor=#FFFFFF;strokeColor={part.colour};strokeWidth=1.5;"
                "container=1;collapsible=0;recursiveResize=0;pointerEvents=0;"
            )
        case Box():
            look = "dashed=1;fillColor=#FFFFFF;" if part.kind == "muted" else "fillColor=#F4F6F7;"
            return f"{_FONT}rounded=1;arcSize=4;absoluteArcSize=1;strokeColor={part.colour};{look}"
        case Icon():
            return (
                f"{_FONT}sketch=0;outlineConnect=0;shape=mxgraph.aws4.resourceIcon;resIcon=mxgraph.aws4.{part.shape};"
                f"fillColor={part.colour};strokeColor=#FFFFFF;gradientColor=none;aspect=fixed;{_LABEL_SIDES[part.label_side]}"
            )
        case Text():
            weight = "fontStyle=1;" if part.bold else ""
            return (
                f"{_FONT}text;strokeColor=none;fillColor=none;align={part.align};verticalAlign=middle;spacing=0;"
                f"{weight}fontSize={part.size};"
            )
        case Step():
            return (
                f"ellipse;html=0;fillColor={INK};strokeColor=#FFFFFF;strokeWidth=1.5;fontFamily={_FONTS};"
                f"fontColor=#FFFFFF;fontSize={FONT_SIZE};fontStyle=1;spacing=0;"
            )


def _edge(root: ElementTree.Element, picture: Picture, arrow: Arrow) -> None:
    source, target = picture.part(arrow.source).rect, picture.part(arrow.target).rect
    style = (
        f"edgeStyle=none;rounded=0;html=0;strokeColor={INK};{_ARROWS[arrow.kind]}"
        f"{_end('exit', source, arrow.points[0])}{_end('entry', target, arrow.points[-1])}"
    )
    cell = _cell(root, id=arrow.id, style=style, edge="1", parent="1", source=arrow.source, target=arrow.target)
    geometry = ElementTree.SubElement(cell, "mxGeometry", {"as": "geometry"}, relative="1")
    if arrow.points[1:-1]:
        between = ElementTree.SubElement(geometry, "Array", {"as": "points"})
        for x, y in arrow.points[1:-1]:
            ElementTree.SubElement(between, "mxPoint", x=_number(x), y=_number(y))


def _end(which: str, rect: Rect, point: Point) -> str:
    x, y = (point[0] - rect.x) / rect.width, (point[1] - rect.y) / rect.height
    return f"{which}X={_number(x)};{which}Y={_number(y)};{which}Dx=0;{which}Dy=0;{which}Perimeter=0;"


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
