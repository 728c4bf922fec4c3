"""Who may ask for which route: a scope of the user pool for each, or none with the reason. No CDK in it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from contracts import open_routes

RESOURCE_SERVER = "bilhetagem"
"""In front of every scope in a token: ``bilhetagem/buyer.read``."""

ANY_METHOD = "x-amazon-apigateway-any-method"


def _as_documented(route: str) -> str:
    method, _, path = route.partition(" ")
    return f"{method.lower()} {path}"


class Scope(StrEnum):
    """What an app may do in somebody's name. Who somebody is, a token's ``cognito:groups`` says."""

    BUYER_READ = "buyer.read"
    BUYER_WRITE = "buyer.write"
    ORGANISER_READ = "organiser.read"
    ORGANISER_WRITE = "organiser.write"
    OPERATOR_READ = "operator.read"
    OPERATOR_WRITE = "operator.write"

    @property
    def full(self) -> str:
        """As it stands in a token, and at a method of API Gateway."""
        return f"{RESOURCE_SERVER}/{self}"


MEANING: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.BUYER_READ: "See what is on sale, and a buyer's reservations, orders, payments and tickets",
        Scope.BUYER_WRITE: "Register, reserve, order and cancel as a buyer",
        Scope.ORGANISER_READ: "See what is on sale",
        Scope.ORGANISER_WRITE: "Put events, ticket types and products on sale, change them, and call them off",
        Scope.OPERATOR_READ: "See everything that clients see, of any buyer",
        Scope.OPERATOR_WRITE: "Cancel orders, call events off and erase buyers, who asked for it by another way",
    }
)
"""What a person reads who is asked to agree."""

BUYER = (Scope.BUYER_READ, Scope.BUYER_WRITE)

_CATALOGUE = frozenset({Scope.BUYER_READ, Scope.ORGANISER_READ, Scope.OPERATOR_READ})
_OFFER = frozenset({Scope.ORGANISER_WRITE})
_OFFER_OR_CALL_OFF = frozenset({Scope.ORGANISER_WRITE, Scope.OPERATOR_WRITE})
_OWN = frozenset({Scope.BUYER_READ, Scope.OPERATOR_READ})
_BUY = frozenset({Scope.BUYER_WRITE})
_BUY_OR_UNDO = frozenset({Scope.BUYER_WRITE, Scope.OPERATOR_WRITE})
_EVERYBODY_S = frozenset({Scope.OPERATOR_READ})

ASKED: Mapping[str, frozenset[Scope]] = MappingProxyType(
    {
        "get /events": _CATALOGUE,
        "post /events": _OFFER,
        "get /events/{id}": _CATALOGUE,
        "put /events/{id}": _OFFER,
        "delete /events/{id}": _OFFER_OR_CALL_OFF,
        "get /products": _CATALOGUE,
        "post /products": _OFFER,
        "get /products/{id}": _CATALOGUE,
        "put /products/{id}": _OFFER,
        "delete /products/{id}": _OFFER,
        "get /tickets": _CATALOGUE,
        "post /tickets": _OFFER,
        "get /tickets/{id}": _CATALOGUE,
        "put /tickets/{id}": _OFFER,
        "get /tickets/{id}/pdf": _OWN,
        "get /tickets/issued": _OWN,
        "get /tickets/issued/{id}": _OWN,
        "post /reservations": _BUY,
        "get /reservations/{id}": _OWN,
        "delete /reservations/{id}": _BUY_OR_UNDO,
        "get /reservations/availability/{ticket_id}": _CATALOGUE,
        "get /reservations/user/{user_id}": _OWN,
        "get /orders": _OWN,
        "post /orders": _BUY,
        "get /orders/{id}": _OWN,
        "delete /orders/{id}": _BUY_OR_UNDO,
        "get /payments": _OWN,
        "get /payments/{id}": _OWN,
        "get /users": _EVERYBODY_S,
        "post /users": _BUY,
        "get /users/{id}": _OWN,
        "put /users/{id}": _BUY,
        "delete /users/{id}": _BUY_OR_UNDO,
    }
)
"""A token needs one of a route's scopes."""

OPEN: Mapping[str, str] = MappingProxyType({_as_documented(route): why for route, why in open_routes.OPEN.items()})
"""Routes that no token is asked for, and why; the services ask for none there either."""


class Unguarded(Exception):
    """A route that is neither asked a scope for nor open: nobody has decided who may ask for it."""


def scopes(path: str, method: str, methods: Sequence[str]) -> frozenset[Scope]:
    """The scopes of a method of a path, any of which will do; none where it is open. Raises Unguarded.

    ``methods`` are all of the path's. Any other one is HEAD, which is a GET, or is refused by the service.
    """
    if method == ANY_METHOD:
        method = "get" if "get" in methods else methods[0]
    route = f"{method} {path}"
    if route in OPEN:
        return frozenset()
    try:
        return ASKED[route]
    except KeyError:
        raise Unguarded(f"{route}: say in infra/access.py who may ask for it.") from None
