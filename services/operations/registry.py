"""The seven services, by name, in the order of ``contracts.routes.SERVICES``."""

from collections.abc import Mapping
from types import MappingProxyType

from contracts.routes import SERVICES as NAMES
from services.chassis.service import Service
from services.event.service import event
from services.operations.errors import Trouble
from services.order.service import order
from services.payment.service import payment
from services.product.service import product
from services.reservation.service import reservation
from services.ticket.service import ticket
from services.user.service import user

_ALL = (user, event, product, ticket, reservation, order, payment)

SERVICES: Mapping[str, Service] = MappingProxyType({name: next(s for s in _ALL if s.name == name) for name in NAMES})


def service_named(name: str) -> Service:
    """A service. Raises Trouble for a name that is none's."""
    if name not in SERVICES:
        raise Trouble(f"There is no service {name!r}: it is one of {', '.join(SERVICES)}.")
    return SERVICES[name]
