"""What differs between environments, read from the CDK's context (``cdk.json``), and the names that follow from it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from infra.access import Scope


class SettingsError(Exception):
    """The context is wrong; the text says where, and what it should look like."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Span:
    """How many tasks a service has: never fewer, never more."""

    fewest: Annotated[int, Field(ge=1)]
    most: Annotated[int, Field(ge=1)]

    def __post_init__(self) -> None:
        if self.fewest > self.most:
            raise ValueError(f"fewest is {self.fewest}, which is more than most, {self.most}")


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Restored:
    """A database that has taken the place, and the name, of the one that CloudFormation has made: what of it is another
    one's (docs/deploy.md, A restore drill).
    """

    resource_id: Annotated[str, Field(pattern=r"^db-[A-Z0-9]+$")]
    """By which IAM names logins."""

    master_secret: Annotated[str, Field(pattern=r"^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+$")]
    """The ARN of the master's login."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Environment:
    """One deployment of the whole system: ``dev`` or ``prod``."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,8}$")]
    """Part of every name. Short, since a target group's name has 32 characters, and ``reservation`` takes eleven."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}-[a-z]+-\d$")]
    """São Paulo: the buyers are in Brazil, and personal data stays there."""

    zones: Annotated[tuple[str, ...], Field(min_length=1)]
    """Named, since without an account at hand the CDK would take two of them only. Three in prod, so that losing one
    leaves two thirds; one in dev, which may stand still.
    """

    spare_zones: tuple[str, ...] = ()
    """Have subnets, and nothing that costs: RDS and load balancers take no fewer than two zones (RDS User Guide, DB
    subnet groups; Elastic Load Balancing, Application Load Balancers), so dev needs a second one.
    """

    cidr: Annotated[str, Field(pattern=r"^10\.\d{1,3}\.0\.0/16$")]
    """The VPC's addresses. Another one for each environment, so that they could be peered."""

    way_out: Literal["endpoints", "nat"]
    """How tasks reach AWS: by interface endpoints, or through a NAT gateway. ``network.py`` has the trade, priced."""

    s3_prefix_list: Annotated[str, Field(pattern=r"^pl-[0-9a-f]+$")]
    """S3's addresses in the region, as AWS names their list (``aws ec2 describe-managed-prefix-lists --filters
    Name=prefix-list-name,Values=com.amazonaws.sa-east-1.s3``): a template cannot look it up.
    """

    database_class: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*\.[a-z0-9]+$")]
    """RDS's instance class, without its ``db.``. In prod memory more than cores: every connection costs some megabytes,
    and the rows of a sale that runs stay in memory; two cores carry some forty purchases a second.
    """

    database_connections: Annotated[int, Field(ge=100)]
    """PostgreSQL's ``max_connections``: well over the pools of all tasks, those of two releases at once included, and
    well under what the class has memory for (RDS's own default is about one for 9.5 MB).
    """

    database_gib: Annotated[int, Field(ge=20)]
    """Storage at first. It grows by itself, to five times this at most: growing beyond is somebody's decision."""

    standby: bool
    """Whether a second instance waits in another zone (Multi-AZ): twice the price, and a minute's outage instead of a
    restore. dev may stand still.
    """

    backup_days: Annotated[int, Field(ge=1, le=35)]
    """How far back a point-in-time restore reaches. In prod past the longest holiday; not to RDS's limit, since whoever
    was erased is in the backups still.
    """

    restored: Restored | None = None
    """Where a restored database serves, from the drill on and for as long as it does; CloudFormation knows the one that
    it has made.
    """

    ingress_tasks: Span
    """Of each service. In prod two at least, in two zones, so that losing one stops nothing."""

    worker_tasks: Span
    """Of each service. Never none, since a worker's relay fires the timers. What all of them may have at the database
    bounds the most: ``scaling.connections`` counts it. In dev one more than needed, so that scaling is seen at work.
    """

    traces_sampled: Annotated[float, Field(ge=0, le=1)]
    """Of the traces that begin in a service, how many are kept: timers, the webhook from inside. In prod as many as API
    Gateway keeps of those that begin there, X-Ray's default of one in twenty; each gigabyte of spans is paid for.
    """

    alarm_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    """Whom alarms and the budget write to: a list that people on call read, rather than a person."""

    monthly_budget_usd: Annotated[int, Field(ge=1)]
    """What a month may cost before somebody is told: about a third over what it costs idle (docs/deploy.md)."""

    login_domain: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
    """The first label of the sign-in's address. One of all accounts of the region, so another account needs another;
    ``aws``, ``amazon`` and ``cognito`` may not be part of it.
    """

    app_urls: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(https://|http://localhost[:/])")], ...], Field(min_length=1)
    ]
    """Where the shop's sign-in ends, and its sign-out: nowhere else is a code sent. In dev also on developers' own
    machines, which the buyers' pool must not have.
    """

    mail_from: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """Who sends codes to whoever signs up, through SES, where its domain is verified. Cognito's own sender, without it,
    has 50 letters a day (Cognito Developer Guide, email settings): enough for dev, and for no sale.
    """

    partners: Mapping[
        Annotated[str, Field(pattern=r"^[a-z]{1,30}$")], Annotated[tuple[Scope, ...], Field(min_length=1)]
    ]
    """Machines that ask in their own name, and what for: the pipeline's purchase, organisers' own systems. Each has a
    secret, and each costs about six dollars a month.
    """

    deletion_protection: bool
    """Whether stacks, and the user pool, of which no backup exists, can be deleted only by saying so twice, and the
    API's access log outlives its stack.
    """

    requests_per_second: Annotated[int, Field(ge=1)]
    """What the API takes in, and as many at once; more is told to come again. In prod half of what a region gives an
    account, so that a second API can live beside it, and as many at once as it gives (API Gateway Developer Guide,
    quotas: 10,000 a second, out of a bucket of 5,000). In dev so little that a loop costs nothing.
    """

    api_domain: Annotated[str, Field(pattern=r"^([a-z0-9-]+\.)+[a-z]{2,}$")] | None = None
    """The API's own name; API Gateway's long one without it. Both or neither of this and ``api_certificate``."""

    api_certificate: Annotated[str, Field(pattern=r"^arn:aws:acm:.+:certificate/.+$")] | None = None
    """The ARN of its certificate, in the same region: it is asked for by hand, since it waits for a DNS record."""

    retired_ticket_keys: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")], ...] = ()
    """Public keys that signed tickets which are still good, as ``GET /tickets/keys`` tells them (``x``): 32 bytes in
    base64url. They are no secret, and a release tells of a new one.
    """

    target: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:\d+$")] | None = None
    """Host and port that serve all paths, in place of the private link: where there is no VPC, as on LocalStack."""

    def __post_init__(self) -> None:
        if (self.api_domain is None) != (self.api_certificate is None):
            raise ValueError("api_domain and api_certificate go together: a name needs a certificate")

    @property
    def prefix(self) -> str:
        """In front of the names of queues."""
        return f"bilhetagem-{self.name}-"

    def stack(self, name: str) -> str:
        """The id of one of its stacks."""
        return f"Bilhetagem-{self.name}-{name}"


def environments(context: Any) -> tuple[Environment, ...]:
    """The environments of a context's ``environments``: settings by name. Raises SettingsError."""
    if not isinstance(context, Mapping) or not context:
        raise SettingsError("The CDK's context has no `environments`: run it in infra/, where cdk.json is.")
    return tuple(_environment(name, values) for name, values in context.items())


def refuse_examples(github: Any, chosen: Iterable[Environment]) -> None:
    """Nothing is deployed for a repository that is nobody's, or with alarms that nobody reads. Raises SettingsError."""
    # No name on GitHub begins with a hyphen, and no letter gets to `.example` (RFC 2606).
    left = ["github"] if str(github).startswith("-") else []
    left += [f"environments.{each.name}.alarm_email" for each in chosen if each.alarm_email.endswith(".example")]
    if left:
        raise SettingsError(
            f"cdk.json still has its examples as {', '.join(left)}: put your own there (docs/deploy.md, What is yours)."
        )


def _environment(name: str, values: Any) -> Environment:
    try:
        return TypeAdapter(Environment).validate_python({"name": name, **values})
    except TypeError:
        raise SettingsError(f"environments.{name} is no object of settings.") from None
    except ValidationError as error:
        found = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        raise SettingsError(f"environments.{name} in the CDK's context: {'; '.join(found)}.") from None
