"""Routes that no access token is asked for, at the gateway and in the services, and why. All others ask for one."""

from collections.abc import Mapping
from types import MappingProxyType

OPEN: Mapping[str, str] = MappingProxyType(
    {
        "POST /payments/webhook": "the payment gateway has no account with us: it signs, and the service verifies",
        "GET /tickets/keys": "public keys, asked for by gates",
        "POST /tickets/from-order": "the service asks for the operators' secret, in the header that a token would take",
        "POST /tickets/issued/{id}/check-in": "as above: a gate's device has the secret and no account",
    }
)
