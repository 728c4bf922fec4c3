"""A service's settings, from the environment, with a message that a person can act on when they are wrong."""

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, ValidationError
from pydantic_settings import BaseSettings

from services.chassis.config import Settings
from services.chassis.service import Service
from services.operations.errors import Trouble


def settings_of(service: Service) -> Settings:
    """Read a service's settings. Raises Trouble, naming each variable that is missing or wrong."""
    return complete(service.settings, f"the {service.name} service")


def complete[Wanted: BaseSettings](settings: type[Wanted], whose: str) -> Wanted:
    """Read settings. Raises Trouble, naming each variable that is missing or wrong."""
    try:
        return settings()
    except ValidationError as error:
        wrong = "\n".join(_complaints(settings, error))
        raise Trouble(f"The settings of {whose} are not complete:\n{wrong}") from None


def _complaints(settings: type[BaseSettings], error: ValidationError) -> Iterator[str]:
    # Without the input: it may be a secret.
    for wrong in error.errors(include_url=False, include_input=False):
        name = str(wrong["loc"][0]) if wrong["loc"] else ""
        field = next((f for n, f in settings.model_fields.items() if name in (n, *_aliases(f.validation_alias))), None)
        variable = _variable(settings, name, field.validation_alias if field else None)
        problem = "is not set" if wrong["type"] == "missing" else wrong["msg"]
        meaning = f" ({' '.join(field.description.split())})" if field and field.description else ""
        yield f"  {variable}: {problem}{meaning}"


def _variable(settings: type[BaseSettings], name: str, alias: Any) -> str:
    aliases = _aliases(alias)
    return aliases[0] if aliases else f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def _aliases(alias: Any) -> list[str]:
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias] if isinstance(alias, str) else []
