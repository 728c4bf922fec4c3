"""Access tokens, verified at the ingress as well: a request that comes past the gateway is not let in.

What is looked at is what Amazon Cognito says of its own (Cognito Developer Guide, *Verifying JSON web tokens*): a
signature with RS256 by one of the issuer's keys, ``iss``, the time, and that ``token_use`` is ``access``. Whether its
scopes are enough for a route, the gateway looks at; whose a resource is, nobody does yet.

Operators' routes take their secret in the header that a token would take, so none is asked for there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.open_routes import OPEN
from services.chassis.config import Settings
from services.chassis.jwks import Keys, NoKeys, reading
from services.chassis.kernel import Clock
from services.chassis.problems import Problem, answer

CHALLENGE = 'Bearer realm="bilhetagem"'

_ALGORITHM = "RS256"
_LEEWAY_SECONDS = 30
"""How far the issuer's clock may be from ours."""

log = structlog.get_logger()


class NotGood(Exception):
    """A text that is no access token of the issuer's; the text says why."""


@dataclass(frozen=True)
class AccessTokens:
    """Verifies the access tokens of one issuer."""

    issuer: str
    keys: Keys
    clock: Clock

    async def verify(self, token: str) -> Mapping[str, Any]:
        """A token's claims. Raises NotGood, joserfc's ExpiredTokenError, and NoKeys."""
        try:
            header = jws.extract_compact(token.encode()).headers()
            # Asked before the key is: what says that it is signed otherwise has nobody look for its key.
            if header["alg"] != _ALGORITHM or not isinstance(header.get("kid"), str):
                raise NotGood(f"It is not signed with {_ALGORITHM} and a key that it names.")
            key = await self.keys.find(header["kid"])
            if key is None:
                raise NotGood("It names a key that the issuer does not have.")
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
            self._rules().validate(claims)
        except ExpiredTokenError:
            raise
        # The library looks into a header before it has looked at its shape.
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise NotGood(str(error)) from error
        return claims

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self.clock().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            exp={"essential": True},
            token_use={"essential": True, "value": "access"},
        )


def guard(app: Starlette, settings: Settings, clock: Clock, routes: Sequence[Route]) -> None:
    """Have an app ask for tokens of the settings' issuer, whose keys are read when the first one comes."""
    assert settings.jwks_url is not None, "both are set, or neither"
    assert settings.jwt_issuer is not None, "both are set, or neither"
    keys = Keys(reading(settings.jwks_url, settings.aws_endpoint_url, settings.aws_region))
    app.add_middleware(Guarded, tokens=AccessTokens(settings.jwt_issuer, keys, clock), routes=routes)


class Guarded:
    """ASGI middleware: asks for a token for each of ``routes`` that is not open (``contracts/open_routes.py``)."""

    def __init__(self, app: ASGIApp, tokens: AccessTokens, routes: Sequence[Route]) -> None:
        self._app = app
        self._tokens = tokens
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._asks(scope):
            try:
                await self._admit(Headers(scope=scope).get("authorization", ""))
            except Problem as problem:
                log.warning(
                    "request_not_admitted", path=scope["path"], slug=problem.slug, because=str(problem.__cause__)
                )
                await answer(problem, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _asks(self, scope: Scope) -> bool:
        meant = next((route for route in self._routes if route.matches(scope)[0] is Match.FULL), None)
        return meant is not None and f"{scope['method']} {meant.path}" not in OPEN

    async def _admit(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, headers={"WWW-Authenticate": CHALLENGE})
        try:
            await self._tokens.verify(token)
        except ExpiredTokenError as error:
            raise _refused("The token has expired: get a new one.", "token_expired") from error
        except NotGood as error:
            raise _refused("The token is no access token that this API takes.") from error
        except NoKeys as error:
            raise Problem(503) from error


def _refused(detail: str, slug: str | None = None) -> Problem:
    # RFC 6750, section 3.1
    challenge = f'{CHALLENGE}, error="invalid_token", error_description="{detail}"'
    return Problem(401, slug, detail, headers={"WWW-Authenticate": challenge})
