"""The seven services, by name, in the order of ``contracts.routes.SERVICES``."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from contracts.routes import SERVICES as NAMES
from services.chassis.service import Service
from services.operations.errors import BadInput


class _Services(Mapping[str, Service]):
    """Each is imported when it is asked for: a process that runs one service loads no other's libraries."""

    def __getitem__(self, name: str) -> Service:
        if name not in NAMES:
            raise KeyError(name)
        service: Service = getattr(import_module(f"services.{name}.service"), name)
        return service

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


SERVICES: Mapping[str, Service] = _Services()


def service_named(name: str) -> Service:
    """A service. Raises BadInput for a name that is none's."""
    try:
        return SERVICES[name]
    except KeyError:
        raise BadInput(f"There is no service {name!r}: it is one of {', '.join(SERVICES)}.") from None
