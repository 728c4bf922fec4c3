"""Ticket types, issued tickets with their PDFs, and the gate."""

from services.chassis.http import Router
from services.ticket.adapters.http import issued, ticket_types
from services.ticket.adapters.http.desk import Desk
from services.ticket.adapters.http.ticket_types import restated

__all__ = ["Desk", "restated", "router"]

router = Router()
# The {id} of a ticket type also matches the words under which issued tickets are found: those come first. Routes of
# an included router would not show in this one, where the chassis compares them with the choreography.
router.routes += [*issued.router.routes, *ticket_types.router.routes]
