"""What the routes of tickets are handed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.chassis.http import IngressDep
from services.ticket.ports import Press

if TYPE_CHECKING:
    from services.ticket.adapters.s3 import Archive
    from services.ticket.adapters.sql import Catalogue


@dataclass(frozen=True)
class Desk:
    """What the routes are handed, as ``ingress.adapters``. ``keys`` is the JWK set of the QR signatures."""

    catalogue: "Catalogue"
    archive: "Archive"
    press: Press
    keys: Mapping[str, Any]


def desk_of(ingress: IngressDep) -> Desk:
    """The service's desk."""
    desk: Desk = ingress.adapters
    return desk
