"""What a process is told when it starts: its command, its variables, its secrets. No CDK in it.

A test holds this against the settings that the services read (``docs/run-instructions.md``, *Settings*).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from contracts.routes import SERVICES
from infra.network import SERVICE_PORT

type Part = Literal["ingress", "worker"]

PARTS: tuple[Part, ...] = ("ingress", "worker")

HEALTH = "/health"
"""Says that the process lives, and asks no database: if it did, an outage there would have every task replaced, over
and over, by one that is no better.
"""

HEALTHY = (
    "CMD",
    "python",
    "-c",
    "import sys, urllib.request as http; http.urlopen(sys.argv[1], timeout=4)",
    f"http://127.0.0.1:{SERVICE_PORT}{HEALTH}",
)
"""What ECS runs in a container, which has no curl: it fails unless the process answers with a success, within less than
the five seconds after which ECS ends it.
"""


RDS_AUTHORITIES = "/etc/ssl/rds.pem"
"""Where the Dockerfile puts the bundle of those who vouch for RDS's certificates."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A secret that is made in the account and seen by nobody: letters and digits, as many as said."""

    name: str
    what: str
    variable: str
    length: int
    """48 of 62 characters are 285 bits: more than the 256 that an HMAC by SHA-256 has use for."""

    services: tuple[str, ...]


SECRETS = (
    Secret(
        name="operators",
        what="What operators and gates show to be let in",
        variable="BILHETAGEM_OPERATORS_SECRET",
        length=48,
        services=SERVICES,
    ),
    Secret(
        name="webhook",
        what="Shared with the payment gateway, which signs its webhooks with it",
        variable="BILHETAGEM_PAYMENT_WEBHOOK_SECRET",
        length=48,
        services=("payment",),
    ),
    Secret(
        name="pdf",
        what="Makes the PDFs' keys impossible to guess",
        variable="BILHETAGEM_TICKETS_PDF_SECRET",
        length=48,
        services=("ticket",),
    ),
    Secret(
        name="signing-key",
        what="The Ed25519 seed that signs QR codes",
        variable="BILHETAGEM_TICKETS_SIGNING_KEY",
        # So many letters and digits are base64 of 32 bytes, without its padding; of 256 bits, two are lost to the two
        # characters that are none.
        length=43,
        services=("ticket",),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What processes are told of the environment that they are in."""

    region: str
    queue_prefix: str
    database: str
    """Host and port."""

    bucket: str
    stage: str
    """Of API Gateway, which sends it in front of every path."""

    traces_sampled: float
    retired_ticket_keys: tuple[str, ...]


def command(service: str, part: Part) -> list[str]:
    """How the image starts it."""
    if part == "ingress":
        return ["serve", service, "--host", "0.0.0.0", "--port", str(SERVICE_PORT)]  # noqa: S104
    # Only ECS asks for a worker's health, from inside the container.
    return ["work", service, "--health-port", str(SERVICE_PORT)]


def secrets_of(service: str) -> tuple[Secret, ...]:
    """The secrets that a service reads."""
    return tuple(secret for secret in SECRETS if service in secret.services)


def observed(around: Surroundings, part: Part) -> Mapping[str, str]:
    """The variables of a process that is seen from outside. Spans go straight to X-Ray, no collector runs beside it;
    metrics go with the log, of which CloudWatch makes them. What an ingress does, the balancer counts.
    """
    told = {"BILHETAGEM_TRACES_TO": "xray", "BILHETAGEM_TRACES_SAMPLED": f"{around.traces_sampled:g}"}
    return told | {"BILHETAGEM_METRICS_TO": "emf"} if part == "worker" else told


def way_to_the_database(around: Surroundings) -> Mapping[str, str]:
    """The variables of whatever gets into a database: all that migrations need."""
    return {
        "AWS_REGION": around.region,
        "BILHETAGEM_DATABASE_URL": f"postgresql+asyncpg://{{service}}@{around.database}/{{service}}",
        "BILHETAGEM_DATABASE_AUTH": "iam",
        "BILHETAGEM_DATABASE_CA_FILE": RDS_AUTHORITIES,
    }


def variables(around: Surroundings, service: str) -> Mapping[str, str]:
    """The variables of a service's processes. None is a secret."""
    told = {
        **way_to_the_database(around),
        "BILHETAGEM_QUEUE_PREFIX": around.queue_prefix,
        "BILHETAGEM_STAGE_PREFIX": f"/{around.stage}",
    }
    if service == "ticket":
        told["BILHETAGEM_TICKETS_BUCKET"] = around.bucket
        told["BILHETAGEM_TICKETS_RETIRED_KEYS"] = json.dumps(around.retired_ticket_keys)
    return told
