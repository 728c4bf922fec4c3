"""The network: zones, subnets, what stands in them, and who may speak to whom."""

from infra.drawings.parts import Box, Colour, Frame, Icon, Picture, Rect, Text

ZONES = ("a", "b", "c")

BALANCER_PORT, SERVICE_PORT, DATABASE_PORT, HTTPS_PORT = 80, 8000, 5433, 443

ENDPOINTS = (
    ("sqs", Colour.INTEGRATION, "SQS", "sqs"),
    ("secrets_manager", Colour.SECURITY, "Secrets", "secretsmanager"),
    ("cloudwatch", Colour.INTEGRATION, "CloudWatch", "logs"),
    ("xray", Colour.INTEGRATION, "X-Ray", "xray"),
    ("ecr", Colour.COMPUTE, "ECR: the image", "ecr.api, ecr.dkr"),
)
"""What is reached over an interface endpoint: icon, colour, service, and the endpoints' names."""

IN_DEV = (
    "prod has no NAT: what no endpoint leads to cannot be reached from inside, and nothing outside reaches in but by\n"
    "the private link. dev is one zone, with a NAT gateway and the S3 endpoint in place of the interface endpoints."
)

_LEFT, _ZONE_WIDTH, _ZONE_GAP = 144, 162, 8
_VPC_LEFT, _VPC_RIGHT = 116, 664


def network() -> Picture:
    """The picture of the network that ``prod`` has, with what differs in ``dev``."""
    picture = Picture("network", "The network", height=690)
    picture.add(
        Frame("cloud", Rect(4, 4, 872, 498), "cloud", "AWS Cloud"),
        Frame("region", Rect(12, 32, 856, 462), "region", "Region"),
        Frame("vpc", Rect(_VPC_LEFT, 60, _VPC_RIGHT - _VPC_LEFT, 426), "vpc", "VPC"),
    )
    for place, zone in enumerate(ZONES):
        _zone(picture, zone, _LEFT + place * (_ZONE_WIDTH + _ZONE_GAP))
    _databases(picture)
    _doors(picture)
    _endpoints(picture)
    _groups(picture, top=514)
    picture.add(Text("in-dev", Rect(16, 650, 848, 32), IN_DEV))
    return picture


def _zone(picture: Picture, zone: str, left: float) -> None:
    inside, first, second = _ZONE_WIDTH - 12, left + 24, left + 100
    picture.add(
        Frame(f"zone-{zone}", Rect(left, 88, _ZONE_WIDTH, 390), "zone", f"Availability Zone {zone}"),
        Frame(f"public-{zone}", Rect(left + 6, 114, inside, 76), "public", "Public subnet"),
        Frame(f"private-{zone}", Rect(left + 6, 196, inside, 170), "private", "Private subnet"),
        Icon(f"balancer-{zone}", Rect(first, 226, 40, 40), "application_load_balancer", Colour.NETWORKING, "Balancer"),
        Icon(f"ingress-{zone}", Rect(second, 226, 40, 40), "fargate", Colour.COMPUTE, "Ingress"),
        Icon(f"workers-{zone}", Rect(first, 296, 40, 40), "fargate", Colour.COMPUTE, "Workers"),
        Icon(f"endpoints-{zone}", Rect(second, 296, 40, 40), "endpoints", Colour.NETWORKING, "Endpoints"),
        Frame(f"isolated-{zone}", Rect(left + 6, 372, inside, 100), "isolated", "Isolated subnet"),
    )
    if zone != ZONES[0]:
        picture.add(Text(f"empty-{zone}", Rect(left + 6, 144, inside, 36), "empty", align="center"))
    picture.connect((f"balancer-{zone}", "right", None), (f"ingress-{zone}", "left", None))
    picture.connect((f"workers-{zone}", "right", None), (f"endpoints-{zone}", "left", None))


def _databases(picture: Picture) -> None:
    """Two of the three subnets have one; the third is where the other goes should a zone be lost."""
    for zone, role in zip(ZONES, ("primary", "standby"), strict=False):
        subnet = picture.part(f"isolated-{zone}").rect
        place = Rect(subnet.x + 55, subnet.y + 34, 40, 40)
        picture.add(Icon(role, place, "rds", Colour.DATABASE, f"RDS {role}"))
    picture.connect(("primary", "right", None), ("standby", "left", None))
    spare = picture.part(f"isolated-{ZONES[2]}").rect
    picture.add(
        Text("spare", Rect(spare.x + 10, spare.y + 34, 130, 48), "for RDS, should\na zone be lost", align="center")
    )


def _doors(picture: Picture) -> None:
    """How a request comes in, and how ``dev`` gets out."""
    picture.add(
        Icon("api", Rect(24, 226, 40, 40), "api_gateway", Colour.INTEGRATION, "API\nGateway"),
        Icon("link", Rect(_VPC_LEFT - 18, 228, 36, 36), "vpc_privatelink", Colour.NETWORKING),
        Text("link-label", Rect(_VPC_LEFT - 58, 206, 54, 16), "VPC link", align="right"),
        Icon(
            "internet",
            Rect(_VPC_LEFT - 18, 144, 36, 36),
            "internet_gateway",
            Colour.NETWORKING,
            "Internet\ngateway",
            "left",
        ),
        Icon("nat", Rect(_LEFT + 24, 144, 36, 36), "nat_gateway", Colour.NETWORKING, "NAT, in dev", "right"),
    )
    picture.connect(("api", "right", None), ("link", "left", None))
    picture.connect(("link", "right", None), ("balancer-a", "left", None))
    picture.connect(("nat", "left", None), ("internet", "right", None), kind="answer")


def _endpoints(picture: Picture) -> None:
    """What the services reach of AWS, and over which endpoint."""
    picture.add(Frame("interface", Rect(704, 88, 156, 278), "plain", "Interface endpoints"))
    for place, (shape, colour, service, names) in enumerate(ENDPOINTS):
        at = Rect(710, 116 + place * 50, 40, 40)
        picture.add(Icon(shape, at, shape, colour, f"{service}\n{names}", "right"))
    picture.connect(("endpoints-c", "right", None), ("interface", "left", 316))
    picture.add(
        Frame("by-gateway", Rect(704, 386, 156, 80), "plain", "Gateway endpoint"),
        Icon("s3", Rect(710, 416, 40, 40), "s3", Colour.STORAGE, "S3: tickets,\nimage layers", "right"),
        Icon("s3-endpoint", Rect(_VPC_RIGHT - 16, 420, 32, 32), "endpoints", Colour.NETWORKING),
    )
    picture.connect(("s3-endpoint", "right", None), ("by-gateway", "left", 436))


def _groups(picture: Picture, top: float) -> None:
    """Security groups as a chain: each may be reached by the one before it, on one port. The mock payment gateway runs
    among the services, so they reach the balancer too.
    """
    heading = "Security groups: who may open a connection to whom, and on which port"
    picture.add(
        Text("groups", Rect(16, top, 848, 16), heading, bold=True),
        Box("group-link", Rect(16, top + 60, 120, 26), label="VPC link"),
        Box("group-balancer", Rect(216, top + 60, 120, 26), label="Balancer"),
        Box("group-app", Rect(416, top + 26, 168, 94), label="Services:\ningress, workers,\none-off tasks"),
        Box("group-database", Rect(664, top + 26, 200, 26), label="RDS PostgreSQL"),
        Box("group-endpoints", Rect(664, top + 60, 200, 26), label="Interface endpoints"),
        Box("group-s3", Rect(664, top + 94, 200, 26), label="S3, by its prefix list"),
    )
    for source, target, port, y in (
        ("link", "balancer", BALANCER_PORT, top + 73),
        ("balancer", "app", SERVICE_PORT, top + 73),
        ("app", "database", DATABASE_PORT, top + 39),
        ("app", "endpoints", HTTPS_PORT, top + 73),
        ("app", "s3", HTTPS_PORT, top + 107),
    ):
        left = picture.part(f"group-{source}").rect.right
        picture.connect((f"group-{source}", "right", y), (f"group-{target}", "left", y))
        picture.add(Text(f"port-{target}", Rect(left + 18, y - 18, 40, 15), str(port), align="center"))
    picture.connect(("group-app", "left", top + 107), ("group-balancer", "bottom", None), (276, top + 107))
    picture.add(Text("port-webhook", Rect(286, top + 89, 124, 15), f"{BALANCER_PORT}: webhooks", align="center"))
