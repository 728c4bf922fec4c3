"""The architecture: the way of a purchase through AWS, step by step."""

from collections.abc import Iterable

from contracts.choreography import CHOREOGRAPHY
from contracts.choreography import Step as Row
from contracts.routes import SERVICES, Queue, queues_of
from infra.drawings.parts import Box, Colour, Frame, Icon, Picture, Point, Rect, Step, Text

STEPS = (
    "Buyer reserves, then orders: HTTPS, token",
    "WAF lets the request pass",
    "The token is checked against Cognito",
    "Over the private link into the VPC",
    "The path says which service it is for",
    "Its ingress queues a command, says 202",
    "Its worker takes up to ten at once",
    "One transaction: journal, state, outbox",
    "What became of it, to all it concerns",
    "Buyer pays at the payment gateway",
    "Its signed webhook; again 2, then 4 to 9",
    "Seats confirmed: the PDF is stored",
    "Buyer fetches the PDF: 1 to 5, and back",
)
"""The way of a purchase. The picture's numbers are places in it, from 1."""

_DATABASE = "RDS PostgreSQL,\nMulti-AZ: a database\nfor each service"
_CHIPS_IN_A_ROW = 4
_CHIP_WIDTH = 76
_GAP = 4


def architecture(table: tuple[Row, ...] = CHOREOGRAPHY) -> Picture:
    """The picture for a choreography: its services, its queues, and what they stand on."""
    picture = Picture("architecture", "The way of a purchase", height=672)
    _frames(picture)
    _front_door(picture)
    _services(picture, table)
    _queues(picture, [queue for service in SERVICES for queue in queues_of(service, table)])
    _storage(picture)
    _for_all(picture)
    _way_in(picture)
    _way_on(picture)
    _legend(picture, (22, 566))
    return picture


def _frames(picture: Picture) -> None:
    picture.add(
        Frame("cloud", Rect(88, 4, 788, 540), "cloud", "AWS Cloud"),
        Frame("region", Rect(96, 32, 772, 504), "region", "Region"),
        Frame("vpc", Rect(226, 60, 480, 468), "vpc", "VPC over three zones"),
        Frame("private", Rect(258, 88, 440, 316), "private", "Private subnets"),
        Frame("isolated", Rect(258, 428, 440, 92), "isolated", "Isolated subnets"),
    )


def _front_door(picture: Picture) -> None:
    picture.add(
        Icon("buyer", _around(38, 90), "user", Colour.OUTSIDE, "Buyer", "top"),
        Icon("gateway", _around(38, 270), "internet_alt1", Colour.OUTSIDE, "Payment\ngateway\n(a mock)"),
        Icon("waf", _around(140, 90), "waf", Colour.SECURITY, "WAF", "right"),
        Icon("api", _around(140, 182), "api_gateway", Colour.INTEGRATION),
        Text("api-label", Rect(168, 124, 56, 30), "API\nGateway"),
        Icon("cognito", _around(140, 274), "cognito", Colour.SECURITY, "Cognito", "right"),
        Icon("link", _around(226, 182, 44), "vpc_privatelink", Colour.NETWORKING),
        Text("link-label", Rect(168, 208, 54, 16), "VPC link", align="right"),
        Icon("balancer", _around(298, 182), "application_load_balancer", Colour.NETWORKING, "Internal\nbalancer"),
    )


def _services(picture: Picture, table: tuple[Row, ...]) -> None:
    for card, top, title, work in (
        ("ingress", 124, "Ingress services", "FastAPI on Fargate, each behind its paths"),
        ("workers", 284, "Workers", "Fargate; dashed: no queue, it only sends"),
    ):
        picture.add(
            Box(card, Rect(364, top, 326, 108), "card", colour=Colour.COMPUTE),
            Icon(f"{card}-icon", Rect(370, top + 7, 36, 36), "fargate", Colour.COMPUTE),
            Text(f"{card}-title", Rect(412, top + 8, 272, 16), title, bold=True),
            Text(f"{card}-work", Rect(412, top + 26, 274, 16), work),
        )
        for place, service in enumerate(SERVICES):
            row, along = divmod(place, _CHIPS_IN_A_ROW)
            idle = card == "workers" and not queues_of(service, table)
            at = Rect(369 + along * (_CHIP_WIDTH + _GAP), top + 51 + row * (22 + _GAP), _CHIP_WIDTH, 22)
            picture.add(Box(f"{card}-{service}", at, "muted" if idle else "chip", service, Colour.COMPUTE))


def _queues(picture: Picture, queues: Iterable[Queue]) -> None:
    """One lane for newcomers, one for what is under way, each with the services that read it."""
    lanes: dict[str, list[Queue]] = {"new": [], "underway": []}
    for queue in queues:
        lanes[queue.lane].append(queue)
    picture.add(
        Box("queues", Rect(752, 140, 96, 266), "card", colour=Colour.INTEGRATION),
        Icon("queues-icon", Rect(758, 146, 40, 40), "sqs", Colour.INTEGRATION),
        Text("queues-title", Rect(804, 158, 38, 16), "SQS", bold=True),
    )
    # Up to nine fit: what more there is, the test of the layout would find outside of the card.
    pitch = min(24, 172 / sum(map(len, lanes.values())))
    top = 191.0
    for lane, members in lanes.items():
        picture.add(Text(f"lane-{lane}", Rect(760, top, 80, 16), lane))
        top += 18
        for queue in members:
            chip = Rect(760, top, 80, pitch - _GAP)
            picture.add(Box(queue.name, chip, "chip", queue.service, Colour.INTEGRATION))
            top += pitch


def _storage(picture: Picture) -> None:
    picture.add(
        Icon("bucket", _around(800, 90), "s3", Colour.STORAGE, "S3: PDF tickets"),
        Icon("database", _around(527, 480), "rds", Colour.DATABASE, _DATABASE, "right"),
    )


def _for_all(picture: Picture) -> None:
    picture.add(Text("for-all", Rect(104, 314, 118, 16), "For all services:"))
    for top, shape, colour, label in (
        (336, "secrets_manager", Colour.SECURITY, "Secrets\nManager"),
        (386, "lambda", Colour.COMPUTE, "Lambda:\nkeys to S3"),
        (436, "cloudwatch", Colour.INTEGRATION, "CloudWatch"),
        (486, "xray", Colour.INTEGRATION, "X-Ray"),
    ):
        picture.add(Icon(shape, Rect(104, top, 40, 40), shape, colour, label, "right"))


def _way_in(picture: Picture) -> None:
    """From the buyer to an ingress, and each answer back."""
    picture.connect(("buyer", "right", 70), ("waf", "left", 70), step=(1, (84, 70)))
    picture.connect(("waf", "left", 90), ("buyer", "right", 90), kind="answer", step=(13, (84, 90)))
    picture.connect(("waf", "bottom", 132), ("api", "top", 132), step=(2, (132, 134)))
    picture.connect(("api", "top", 148), ("waf", "bottom", 148), kind="answer")
    picture.connect(("api", "bottom", None), ("cognito", "top", None), kind="both", step=(3, (140, 228)))
    picture.connect(("api", "right", 174), ("link", "left", 174), step=(4, (182, 174)))
    picture.connect(("link", "left", 190), ("api", "right", 190), kind="answer")
    picture.connect(("link", "right", 174), ("balancer", "left", 174))
    picture.connect(("balancer", "left", 190), ("link", "right", 190), kind="answer")
    picture.connect(("balancer", "right", 174), ("ingress", "left", 174), step=(5, (341, 174)))
    picture.connect(("ingress", "left", 190), ("balancer", "right", 190), kind="answer")
    picture.connect(("buyer", "bottom", None), ("gateway", "top", None), step=(10, (38, 180)))
    picture.connect(("gateway", "right", None), ("waf", "left", 110), (76, 270), (76, 110), step=(11, (76, 222)))


def _way_on(picture: Picture) -> None:
    """From an ingress over the queues to the workers, and what these leave."""
    picture.connect(("ingress", "right", 214), ("queues", "left", 214), step=(6, (726, 214)))
    picture.connect(("queues", "left", 314), ("workers", "right", 314), step=(7, (726, 314)))
    picture.connect(("workers", "right", 364), ("queues", "left", 364), step=(9, (726, 364)))
    picture.connect(("workers", "bottom", 539), ("database", "top", 539), kind="both", step=(8, (539, 416)))
    below_the_balancer: tuple[Point, ...] = ((384, 258), (346, 258), (346, 416), (515, 416))
    picture.connect(("ingress", "bottom", 384), ("database", "top", 515), *below_the_balancer, kind="plain")
    around_the_queues: tuple[Point, ...] = ((660, 416), (858, 416), (858, 90))
    picture.connect(("workers", "bottom", 660), ("bucket", "right", None), *around_the_queues, step=(12, (726, 416)))
    picture.connect(("bucket", "left", None), ("ingress", "top", 640), (640, 90), kind="answer", step=(13, (726, 90)))


def _legend(picture: Picture, corner: Point) -> None:
    """The steps in three columns, and what a dashed arrow is."""
    rows = 5
    for place, caption in enumerate((*STEPS, "Dashed: an answer. Thin: reads, catalogue")):
        along, down = divmod(place, rows)
        x, y = corner[0] + along * 292, corner[1] + down * 23
        if place < len(STEPS):
            picture.add(Step(f"legend-{place + 1}", (x, y), place + 1))
        picture.add(Text(f"caption-{place + 1}", Rect(x + 15, y - 9, 252, 18), caption))


def _around(x: float, y: float, size: float = 52) -> Rect:
    """The place of an icon by its middle."""
    return Rect(x - size / 2, y - size / 2, size, size)
