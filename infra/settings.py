"""What differs between environments, read from the CDK's context (``cdk.json``), and the names that follow from it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass


class SettingsError(Exception):
    """The context is wrong; the text says where, and what it should look like."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Environment:
    """One deployment of the whole system: ``dev`` or ``prod``."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,9}$")]
    """Part of every name. Short, since a load balancer's name has 32 characters."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}-[a-z]+-\d$")]
    """São Paulo: the buyers are in Brazil, and personal data stays there."""

    zones: Annotated[tuple[str, ...], Field(min_length=1)]
    """Named, since without an account at hand the CDK would take two of them only. Three in prod, so that losing one
    leaves two thirds; one in dev, which may stand still.
    """

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


def _environment(name: str, values: Any) -> Environment:
    try:
        return TypeAdapter(Environment).validate_python({"name": name, **values})
    except TypeError:
        raise SettingsError(f"environments.{name} is no object of settings.") from None
    except ValidationError as error:
        found = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        raise SettingsError(f"environments.{name} in the CDK's context: {'; '.join(found)}.") from None
