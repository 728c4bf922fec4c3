"""Settings, from the environment only (https://12factor.net/config): ``BILHETAGEM_...``, and AWS's own names."""

from datetime import timedelta
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.decision import RETENTION, SHORTEST_RETENTION

INTEGRATION_SECONDS = 29
"""API Gateway ends an integration after this time (API Gateway Developer Guide, quotas of REST APIs)."""


class Settings(BaseSettings):
    """What every service needs. A service with settings of its own adds a subclass."""

    model_config = SettingsConfigDict(
        env_prefix="BILHETAGEM_", populate_by_name=True, extra="ignore", use_attribute_docstrings=True
    )

    database_url: str = "sqlite+aiosqlite:///.bilhetagem/{service}.db"
    """An SQLAlchemy URL; ``{service}`` stands for the service's name, since each has a database of its own."""

    queue_prefix: str = "bilhetagem-"
    """In front of every queue's name, so that deployments can share an account."""

    aws_endpoint_url: Annotated[str | None, Field(validation_alias=AliasChoices("AWS_ENDPOINT_URL"))] = None
    """Where AWS is: LocalStack's URL, or none for AWS itself."""

    aws_region: Annotated[str, Field(validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))] = "sa-east-1"

    operators_secret: SecretStr
    """Operators' routes ask for it as a bearer token."""

    pending_horizon: timedelta = timedelta(hours=1)
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

    def database_url_of(self, service: str) -> str:
        """The URL of one service's database."""
        return self.database_url.replace("{service}", service)
