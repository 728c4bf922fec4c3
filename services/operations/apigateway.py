"""The REST API of API Gateway (v1, the kind that WAF attaches to), generated from the merged OpenAPI document.

What differs between deployments are stage variables, so one definition serves all of them:

- ``target``: host and port behind the gateway, which routes by path (the base URL's process, an internal ALB);
- ``prefix``: the path of the API's own URL, ``/v1`` for instance, which ``Location`` begins with; ``/`` for none;
- ``vpcLink``: the id of the VPC link to the target. A laptop has none, and deploys without (``localstack.front_door``).

Extensions: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from contracts.open_routes import OPEN
from services.chassis.config import INTEGRATION_SECONDS
from services.chassis.cors import MAX_AGE_SECONDS, ORIGIN, REQUEST_HEADERS, RESPONSE_HEADERS
from services.chassis.documents import CALLER
from services.chassis.edge import PREFIX_HEADER
from services.chassis.problems import RETRY_AFTER_SECONDS, Problem, document
from services.operations.openapi_30 import as_3_0

INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"
BINARY_MEDIA_TYPES = "x-amazon-apigateway-binary-media-types"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"

_METHODS = ("get", "put", "post", "delete")
_OPEN_PATHS = frozenset(route.partition(" ")[2] for route in OPEN)
"""What else such a path is asked, HEAD for instance, is open as well: the service answers or refuses it."""

_CALLER = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "Who asks. As long as no x-amazon-apigateway-authorizer is attached here, everybody may.",
}


def definition(merged: Mapping[str, Any]) -> dict[str, Any]:
    """The document that ImportRestApi and PutRestApi take.

    A path that nobody knows is answered by the gateway itself, a method that a path does not know by the service.
    """
    api = as_3_0(merged)
    api["paths"] = {
        **{path.rstrip("/"): _path(path.rstrip("/"), operations) for path, operations in api["paths"].items()},
        "/": {ANY_METHOD: _nothing_here()},
        "/{proxy+}": {ANY_METHOD: {"parameters": [_path_parameter("proxy")], **_nothing_here()}},
    }
    api["components"]["securitySchemes"][CALLER] = _CALLER
    # Binary, whatever it is: of a browser's Accept header the gateway sees the first type only, often */*.
    api[BINARY_MEDIA_TYPES] = ["*/*"]
    api[GATEWAY_RESPONSES] = {kind: _gateway_response(*problem) for kind, problem in _GATEWAY_PROBLEMS.items()}
    return api


def _path(path: str, operations: Mapping[str, Any]) -> dict[str, Any]:
    methods = [method for method in _METHODS if method in operations]
    own = {method: _operation(path, method, operations[method]) for method in methods}
    parameters = [_path_parameter(name) for name in re.findall(r"\{(\w+)\}", path)]
    responses = {"default": {"description": "As the service answers: HEAD, or 405 with the methods there are"}}
    others = {"parameters": parameters, "responses": responses, "security": _security(path, {})}
    return {
        **own,
        ANY_METHOD: {**others, INTEGRATION: _proxied(path, "ANY")},
        "options": {"parameters": parameters, **_preflight([method.upper() for method in methods])},
    }


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    responses = {status: _without_examples(response) for status, response in operation["responses"].items()}
    return {
        **operation,
        "responses": responses,
        "security": _security(path, operation),
        INTEGRATION: _proxied(path, method.upper()),
    }


def _without_examples(response: Mapping[str, Any]) -> dict[str, Any]:
    """API Gateway ignores them, and they are most of the document."""
    content = response.get("content", {})
    bare = {kind: {name: part for name, part in of.items() if name != "examples"} for kind, of in content.items()}
    return {**response, "content": bare} if content else dict(response)


def _security(path: str, operation: Mapping[str, Any]) -> list[dict[str, list[str]]]:
    security: list[dict[str, list[str]]] = operation.get("security", [] if path in _OPEN_PATHS else [{CALLER: []}])
    return security


def _proxied(path: str, method: str) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    return {
        "type": "http_proxy",
        "httpMethod": method,
        "uri": f"http://${{stageVariables.target}}{path}",
        "connectionType": "VPC_LINK",
        "connectionId": "${stageVariables.vpcLink}",
        "requestParameters": {
            f"integration.request.header.{PREFIX_HEADER}": "stageVariables.prefix",
            **{f"integration.request.path.{name}": f"method.request.path.{name}" for name in names},
        },
        "passthroughBehavior": "when_no_match",
        "timeoutInMillis": INTEGRATION_SECONDS * 1000,
    }


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _preflight(methods: list[str]) -> dict[str, Any]:
    return _mock(
        204,
        "",
        {
            "Access-Control-Allow-Origin": ORIGIN,
            "Access-Control-Allow-Methods": ", ".join(sorted(["HEAD", *methods] if "GET" in methods else methods)),
            "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        },
    )


def _nothing_here() -> dict[str, Any]:
    return _mock(404, _text(Problem(404)), _PROBLEM_HEADERS)


def _mock(status: int, body: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The gateway's own answer. Without CONVERT_TO_TEXT its templates would be binary too, and fail."""
    return {
        "responses": {
            str(status): {
                "description": "The gateway's own answer",
                "headers": {name: {"schema": {"type": "string"}} for name in headers},
            }
        },
        "security": [],
        INTEGRATION: {
            "type": "mock",
            "passthroughBehavior": "never",
            "contentHandling": "CONVERT_TO_TEXT",
            "requestTemplates": {kind: json.dumps({"statusCode": status}) for kind in _BODIES},
            "responses": {
                "default": {
                    "statusCode": str(status),
                    "contentHandling": "CONVERT_TO_TEXT",
                    "responseParameters": {f"method.response.header.{n}": f"'{text}'" for n, text in headers.items()},
                    "responseTemplates": {"application/json": body},
                }
            },
        },
    }


def _gateway_response(status: int, slug: str | None, detail: str | None) -> dict[str, Any]:
    again = {"Retry-After": RETRY_AFTER_SECONDS} if status in {429, 503, 504} else {}
    who = {"WWW-Authenticate": 'Bearer realm="bilhetagem"'} if status == 401 else {}  # RFC 9110, 11.6.1
    headers = {**_PROBLEM_HEADERS, **again, **who}
    return {
        "statusCode": str(status),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{text}'" for name, text in headers.items()},
        "responseTemplates": {"application/json": _text(Problem(status, slug, detail))},
    }


def _text(problem: Problem) -> str:
    """A problem document as a template; a path is percent-encoded, so it needs no escaping."""
    return json.dumps({**document(problem, ""), "instance": "$context.path"})


_BODIES = (
    "application/json",  # also when the request says nothing
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "text/plain",
)
"""What may be sent to a mock; of anything else the gateway says that it is an unsupported media type."""
_PROBLEM_HEADERS = {
    "Content-Type": "application/problem+json",
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Expose-Headers": ", ".join(RESPONSE_HEADERS),
}
_AGAIN = "Under one Idempotency-Key nothing is made twice."
_GATEWAY_PROBLEMS: dict[str, tuple[int, str | None, str | None]] = {
    "ACCESS_DENIED": (403, None, None),
    "API_CONFIGURATION_ERROR": (500, None, None),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, None, None),
    "AUTHORIZER_FAILURE": (500, None, None),
    "BAD_REQUEST_BODY": (400, None, None),
    "BAD_REQUEST_PARAMETERS": (400, None, None),
    "DEFAULT_4XX": (400, None, None),
    "DEFAULT_5XX": (500, None, None),
    "EXPIRED_TOKEN": (401, "token_expired", "The token has expired: get a new one."),
    "INTEGRATION_FAILURE": (503, None, None),
    "INTEGRATION_TIMEOUT": (504, "timeout", f"There was no answer in time; it may come about all the same. {_AGAIN}"),
    "INVALID_API_KEY": (403, None, None),
    "INVALID_SIGNATURE": (403, None, None),
    "MISSING_AUTHENTICATION_TOKEN": (404, None, None),
    "QUOTA_EXCEEDED": (429, "quota_exceeded", "The quota of this client is used up."),
    "REQUEST_TOO_LARGE": (413, None, None),
    "RESOURCE_NOT_FOUND": (404, None, None),
    "THROTTLED": (429, "throttled", f"Too many requests at once: wait a moment. {_AGAIN}"),
    "UNAUTHORIZED": (401, None, None),
    "UNSUPPORTED_MEDIA_TYPE": (415, None, None),
    "WAF_FILTERED": (403, "filtered", "The request looks like an attack."),
}
"""Every kind of answer that the gateway gives itself: status, slug and detail, the chassis's own unless named.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
What is neither a route nor a method is MISSING_AUTHENTICATION_TOKEN there: a path that does not exist, to a client.
"""
