"""A service's OpenAPI document: complete, with the errors that follow from a route's shape."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Path
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from contracts.open_routes import OPEN
from services.chassis.answers import Pending
from services.chassis.problems import ProblemDocument, problems

IdPath = Annotated[UUID, Path(alias="id", description="The id that the resource's `Location` ends with")]
"""The ``{id}`` of a path. Anything but a UUID is answered with 404."""

CALLER = "caller"
"""The security scheme of every route that is a buyer's: of the gateway, whose authorizer is attached there, and of a
service that verifies tokens itself."""

_METHODS = ("get", "put", "post", "delete")


def accepted(outcome: type[BaseModel] | None = None) -> dict[int | str, dict[str, Any]]:
    """The answers of ``ingress.accept``, or of ``ingress.command`` without an outcome, for ``responses=``."""
    headers = {name: _HEADERS[name] for name in ("Location", "Retry-After")}
    pending: dict[int | str, dict[str, Any]] = {
        202: {"model": Pending, "description": "Accepted, not decided yet", "headers": headers},
    }
    if outcome is None:
        return pending
    applied = {name: _HEADERS[name] for name in ("Location", "Preference-Applied")}
    return {
        200: {"model": outcome, "description": "With `Prefer: wait`: rejected, and why", "headers": applied},
        201: {"model": outcome, "description": "With `Prefer: wait`: made", "headers": applied},
        **pending,
    }


def awaited() -> dict[int | str, dict[str, Any]]:
    """The answer of ``ingress.get`` with ``settled``, for ``responses=``; the route's model is named as always."""
    headers = {name: _HEADERS[name] for name in ("Retry-After", "Preference-Applied")}
    return {200: {"description": "The resource, or that it is pending", "headers": headers}}


def openapi_of(app: FastAPI, *, asks_for_tokens: bool = False) -> dict[str, Any]:
    """FastAPI's document, with problem documents in the place of its own validation errors, and where the service asks
    for access tokens by itself, with that.
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        if asks_for_tokens:
            document["components"].setdefault("securitySchemes", {})[CALLER] = _BEARER
        for path, operations in document.get("paths", {}).items():
            for method in operations.keys() & set(_METHODS):
                if asks_for_tokens and f"{method.upper()} {path}" not in OPEN:
                    operations[method]["security"] = [{CALLER: []}]
                _complete(operations[method], is_post=method == "post")
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any], *, is_post: bool) -> None:
    responses = operation["responses"]
    parameters = operation.get("parameters", [])
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    statuses = [500, 503]
    if "security" in operation:
        statuses.append(401)
    if "requestBody" in operation:
        statuses += [400, 413, 415, 422]
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.append(404)
    if any(parameter["in"] == "query" for parameter in parameters):
        statuses.append(422)
    if any(parameter["name"] == "cursor" for parameter in parameters):
        responses["200"]["headers"] = {"Link": _HEADERS["Link"]}
    if "201" in responses:
        responses["201"].setdefault("headers", {"Location": _HEADERS["Location"]})
    if is_post:
        parameters.append(_IDEMPOTENCY_KEY)
        statuses += [400, 422]  # a key that cannot be read, or that came with another body before
    if "Preference-Applied" in str(responses):
        parameters.append(_PREFER)
    if parameters:
        operation["parameters"] = parameters
    for status, response in problems(*sorted(set(statuses))).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of the user pool",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key makes the same resource; with another body it is refused (422).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` holds the answer for up to N seconds, until there is an outcome (RFC 7240).",
    "schema": {"type": "string"},
    "example": "wait=10",
}
_HEADERS: dict[str, dict[str, Any]] = {
    "Location": {"description": "Where to ask for the resource", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds until asking again is worth while", "schema": {"type": "integer"}},
    "Preference-Applied": {"description": "How long the answer may have been held", "schema": {"type": "string"}},
    "Link": {
        "description": "The next page, relative to this one, where there is one (RFC 8288)",
        "schema": {"type": "string"},
        "example": '<?limit=20&cursor=AZAAAAAAcACAAAAAAAAAAA>; rel="next"',
    },
}
