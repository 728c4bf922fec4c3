"""Settings, from the environment, with a message that a person can act on when they are wrong."""

from collections.abc import Iterator

from pydantic import AliasChoices, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from services.chassis.config import Settings
from services.chassis.service import Service
from services.operations.errors import BadInput


def settings_of(service: Service) -> Settings:
    """Read a service's settings. Raises BadInput, naming each variable that is missing or wrong."""
    return complete(service.settings, f"the {service.name} service")


def complete[Wanted: BaseSettings](settings: type[Wanted], whose: str) -> Wanted:
    """Read settings. Raises BadInput, naming each variable that is missing or wrong, without what it was."""
    try:
        return settings()
    except ValidationError as error:
        # Without the input: it may be a secret.
        wrong = "\n".join(_complaints(settings, error.errors(include_url=False, include_input=False)))
        raise BadInput(f"The settings of {whose} are not complete:\n{wrong}") from None


def variables_of(settings: type[BaseSettings]) -> dict[str, str]:
    """The environment's name of each field; of several names for one field, the first."""
    prefix = settings.model_config["env_prefix"]
    return {
        name: str(field.validation_alias.choices[0])
        if isinstance(field.validation_alias, AliasChoices)
        else f"{prefix}{name}".upper()
        for name, field in settings.model_fields.items()
    }


def _complaints(settings: type[BaseSettings], errors: list[ErrorDetails]) -> Iterator[str]:
    variables = variables_of(settings)
    for wrong in errors:
        problem = "is not set" if wrong["type"] == "missing" else wrong["msg"].removeprefix("Value error, ")
        told = wrong["loc"][:1]
        for name in [name for name, variable in variables.items() if told in ((name,), (variable,))]:
            meaning = " ".join((settings.model_fields[name].description or "").split())
            yield f"  {variables[name]}: {problem} ({meaning})"
        if not told:
            yield f"  {problem}"
