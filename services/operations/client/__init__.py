"""A client of the REST API, for programs in Python: the demonstration, tests, and whoever buys by program.

    async with Bilhetagem.at("http://127.0.0.1:4566/_aws/execute-api/bilhetagem/v1") as api:
        ana = await api.register(UserBody(name="Ana Souza", email="ana@example.com"))
        seats = await api.reserve(ReservationBody(user_id=ana.id, ticket_id=ticket_id, quantity=2))

What is sent are the contracts' own bodies, what comes back are the models of ``answers``. It knows the API's URL only.
"""

from services.operations.client.answers import (
    Availability,
    Event,
    IssuedTicket,
    Order,
    Payment,
    Pending,
    Problem,
    Product,
    Reservation,
    TicketType,
    User,
)
from services.operations.client.api import Bilhetagem
from services.operations.client.wire import ApiError, Refused, StillPending, Unexpected

__all__ = [
    "ApiError",
    "Availability",
    "Bilhetagem",
    "Event",
    "IssuedTicket",
    "Order",
    "Payment",
    "Pending",
    "Problem",
    "Product",
    "Refused",
    "Reservation",
    "StillPending",
    "TicketType",
    "Unexpected",
    "User",
]
