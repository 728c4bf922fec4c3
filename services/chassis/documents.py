"""A service's OpenAPI document: complete, with the errors that follow from a route's shape."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.chassis.problems import ProblemDocument, problems

_METHODS = ("get", "put", "post", "delete")


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with problem documents in the place of its own validation errors."""
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
        for path in document.get("paths", {}).values():
            for method in path.keys() & set(_METHODS):
                _complete(path[method], is_post=method == "post")
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any], *, is_post: bool) -> None:
    responses = operation["responses"]
    parameters = operation.get("parameters", [])
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    statuses = [500, 503]
    if "requestBody" in operation:
        statuses += [400, 413, 415, 422]
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.append(404)
    if any(parameter["in"] == "query" for parameter in parameters):
        statuses.append(422)
    if is_post:
        parameters.append(_IDEMPOTENCY_KEY)
        operation["parameters"] = parameters
    for status, response in problems(*sorted(set(statuses))).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key makes the same resource; with another body it is refused (422).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
