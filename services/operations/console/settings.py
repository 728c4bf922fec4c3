"""The console's settings, from the environment: ``BILHETAGEM_CONSOLE_...``."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.chassis.forms import Unguessable
from services.operations.settings import complete

type HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]


def _split(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


class ConsoleSettings(BaseSettings):
    """How the console is entered, and what it calls stuck."""

    model_config = SettingsConfigDict(env_prefix="BILHETAGEM_CONSOLE_", extra="ignore", use_attribute_docstrings=True)

    password: Unguessable | None = None
    """What operators sign in with: 16 characters or more. The operators' secret, unless given."""

    hosts: Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_split)] = ()
    """Further names that the console is reached by, with spaces between them. Requests that name another host are
    refused, since a page elsewhere could have its own name lead here (DNS rebinding)."""

    https_only: bool = False
    """Behind a proxy that speaks TLS: browsers then send the session's cookie over TLS only."""

    stuck_after: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=1)
    """A purchase is stuck when a worker or relay should have acted so long ago."""


def console_settings() -> ConsoleSettings:
    """Read them. Raises BadInput, naming each variable that is wrong."""
    return complete(ConsoleSettings, "the console")
