"""Settings, from the environment only (https://12factor.net/config): ``BILHETAGEM_...``, and AWS's own names."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

from services.chassis.database_login import Login
from services.chassis.decision import RETENTION, SHORTEST_RETENTION
from services.chassis.forms import (
    POSTGRES_URL,
    Authorities,
    DatabaseUrl,
    HttpUrl,
    JwksUrl,
    QueuePrefix,
    Region,
    Unguessable,
)

INTEGRATION_SECONDS = 29
"""API Gateway ends an integration after this time (API Gateway Developer Guide, quotas of REST APIs)."""


class DatabaseSettings(BaseSettings):
    """Where the services' databases are: all that is needed to bring them up to a release."""

    model_config = SettingsConfigDict(
        env_prefix="BILHETAGEM_", populate_by_name=True, extra="ignore", use_attribute_docstrings=True
    )

    aws_region: Annotated[Region, Field(validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))] = (
        "sa-east-1"
    )
    """Where in AWS all of it is, such as ``sa-east-1``."""

    database_url: DatabaseUrl = "sqlite+aiosqlite:///.bilhetagem/{service}.db"
    """An SQLAlchemy URL; ``{service}`` stands for the service's name, since each has a database of its own."""

    database_auth: Literal["password", "iam"] = "password"
    """``password``: the URL has one, if one is needed. ``iam``: it is a token of RDS, by AWS credentials."""

    database_ca_file: Annotated[Authorities | None, Field(validate_default=True)] = None
    """Authorities in PEM: PostgreSQL shows a certificate of theirs, for its name. Required for ``iam``."""

    @field_validator("database_auth")
    @classmethod
    def _iam_finds_a_login(cls, auth: str, told: ValidationInfo) -> str:
        if auth == "iam" and "database_url" in told.data:
            url = make_url(told.data["database_url"])
            if url.get_backend_name() != "postgresql" or not (url.host and url.username) or url.password:
                raise ValueError(f"iam is for a BILHETAGEM_DATABASE_URL such as {POSTGRES_URL}, without a password")
        return auth

    @field_validator("database_ca_file")
    @classmethod
    def _tokens_are_for_rds_only(cls, file: Path | None, told: ValidationInfo) -> Path | None:
        if file is None and told.data.get("database_auth") == "iam":
            raise ValueError("is not set")
        return file

    def database_url_of(self, service: str) -> str:
        """The URL of one service's database."""
        return self.database_url.replace("{service}", service)

    @property
    def login(self) -> Login:
        """How a service gets into its database."""
        return Login(ca_file=self.database_ca_file, iam_region=self.aws_region if self.database_auth == "iam" else None)


class Settings(DatabaseSettings):
    """What every service needs. A service with settings of its own adds a subclass."""

    queue_prefix: QueuePrefix = "bilhetagem-"
    """In front of every queue's name, so that deployments can share an account."""

    aws_endpoint_url: Annotated[HttpUrl | None, Field(validation_alias=AliasChoices("AWS_ENDPOINT_URL"))] = None
    """Where AWS is: LocalStack's URL, or none for AWS itself."""

    operators_secret: Unguessable
    """Operators' routes ask for it as a bearer token. 16 characters or more."""

    jwks_url: JwksUrl | None = None
    """Where the keys are that access tokens are signed with, a JWK set: an ``https:``, ``s3:`` or ``file:`` URL. With
    it, an ingress verifies them too."""

    jwt_issuer: Annotated[HttpUrl | None, Field(validate_default=True)] = None
    """Whose access tokens are taken: their ``iss``."""

    pending_horizon: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(hours=1)
    """How long a resource that no worker has made yet is called pending."""

    retention: Annotated[timedelta, Field(ge=SHORTEST_RETENTION)] = RETENTION
    """How long a journal remembers. An older message could be a forgotten repeat, so it is buried."""

    stuck_after: Annotated[timedelta, Field(ge=timedelta(minutes=1))] = timedelta(minutes=10)
    """How long nobody has carried a purchase on that the metrics call stuck."""

    longest_wait_seconds: Annotated[int, Field(ge=0, lt=INTEGRATION_SECONDS)] = 25
    """The most that ``Prefer: wait`` holds an answer."""

    stage_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_-]+)?$")] = ""
    """Such as ``/v1``: a private integration of API Gateway sends the stage in front of a path. Paths without it work
    as well."""

    @field_validator("jwt_issuer")
    @classmethod
    def _issuer_and_keys_go_together(cls, issuer: str | None, told: ValidationInfo) -> str | None:
        if "jwks_url" in told.data and (issuer is None) != (told.data["jwks_url"] is None):
            raise ValueError("goes with BILHETAGEM_JWKS_URL: both are set, or neither is")
        return issuer
