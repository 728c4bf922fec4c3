"""The console's settings, from the environment: ``BILHETAGEM_CONSOLE_...``."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.operations.errors import Trouble

type HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]


def _split(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


class ConsoleSettings(BaseSettings):
    """How the console is entered, and what it calls stuck."""

    model_config = SettingsConfigDict(env_prefix="BILHETAGEM_CONSOLE_", extra="ignore", use_attribute_docstrings=True)

    password: SecretStr | None = None
    """What operators sign in with; the operators' secret, unless given."""

    hosts: Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_split)] = ()
    """Further names that the console is reached by, with spaces between them. Requests that name another host are
    refused, since a page elsewhere could have its own name lead here (DNS rebinding)."""

    https_only: bool = False
    """Behind a proxy that speaks TLS: browsers then send the session's cookie over TLS only."""

    stuck_after: timedelta = timedelta(minutes=5)
    """A purchase is stuck when a worker or relay should have acted so long ago."""


def console_settings() -> ConsoleSettings:
    """Read them. Raises Trouble, naming the variable that is wrong."""
    try:
        return ConsoleSettings()
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        name = f"BILHETAGEM_CONSOLE_{wrong['loc'][0]}".upper()
        raise Trouble(f"{name} cannot be used: {wrong['msg']}.") from None
