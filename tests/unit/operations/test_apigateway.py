"""The definition that API Gateway gets: OpenAPI 3.0, every route, integrations that work, and problems only."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from localstack.front_door import definition
from services.chassis.config import Settings
from services.chassis.documents import CALLER
from services.operations.apigateway import ANY_METHOD, GATEWAY_RESPONSES, INTEGRATION
from services.operations.documents import ROOT

METHODS = {"get", "put", "post", "delete"}
MOCKED = {"/", "/{proxy+}"}
STAGE_VARIABLES = {"target", "vpcLink", "prefix"}
KINDS_OF_GATEWAY_RESPONSE = [
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
]
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    """The committed file, as it is deployed."""
    return definition()


@pytest.fixture(scope="module")
def merged() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
    return document


def routes(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every path, method and operation that is handed on to a service."""
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            if path not in MOCKED and method != "options":
                yield path, method, operation


def test_it_is_openapi_3_0(api: dict[str, Any]) -> None:
    assert api["openapi"] == "3.0.1"
    assert list(OpenAPIV30SpecValidator(api).iter_errors()) == []


def test_every_route_of_the_merged_document_is_there_and_no_other(api: dict[str, Any], merged: dict[str, Any]) -> None:
    wanted = {(path.rstrip("/"), method) for path, methods in merged["paths"].items() for method in methods}

    assert {(path, method) for path, method, _ in routes(api) if method != ANY_METHOD} == wanted
    for path, method, operation in routes(api):
        if method != ANY_METHOD:
            known = merged["paths"].get(path) or merged["paths"][f"{path}/"]
            assert operation["operationId"] == known[method]["operationId"]
            assert operation["responses"].keys() == known[method]["responses"].keys()
            assert operation.get("requestBody", {}).keys() == known[method].get("requestBody", {}).keys()


def test_every_path_knows_what_to_do_with_any_method(api: dict[str, Any]) -> None:
    for path, operations in api["paths"].items():
        assert operations.keys() - METHODS == ({ANY_METHOD} if path in MOCKED else {ANY_METHOD, "options"}), path


def test_every_integration_reaches_the_same_path_of_the_target_in_time(api: dict[str, Any]) -> None:
    for path, method, operation in routes(api):
        integration = operation[INTEGRATION]
        names = re.findall(r"\{(\w+)\}", path)
        assert integration["type"] == "http_proxy"
        assert integration["httpMethod"] == ("ANY" if method == ANY_METHOD else method.upper())
        assert integration["uri"] == f"http://${{stageVariables.target}}{path}"
        assert (integration["connectionType"], integration["connectionId"]) == (
            "VPC_LINK",
            "${stageVariables.vpcLink}",
        )
        assert integration["timeoutInMillis"] == 29_000
        assert integration["requestParameters"] == {
            "integration.request.header.X-Forwarded-Prefix": "stageVariables.prefix",
            **{f"integration.request.path.{name}": f"method.request.path.{name}" for name in names},
        }
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path" and p["required"]}
        assert declared == set(names), f"{method} {path}"
    assert set(re.findall(r"stageVariables\.(\w+)", json.dumps(api))) == STAGE_VARIABLES


def test_waiting_ends_before_the_gateway_does() -> None:
    longest = Settings.model_fields["longest_wait_seconds"]
    assert any(getattr(bound, "lt", None) == 29 for bound in longest.metadata)


def test_siblings_name_a_path_parameter_alike(api: dict[str, Any]) -> None:
    """API Gateway refuses two names at one place of the tree."""
    names: dict[str, set[str]] = {}
    for path in api["paths"]:
        for match in re.finditer(r"/\{([^}]+)\}", path):
            names.setdefault(path[: match.start()], set()).add(match[1])
    assert {place: found for place, found in names.items() if len(found) > 1} == {}


def test_models_have_names_that_api_gateway_takes(api: dict[str, Any]) -> None:
    assert [name for name in api["components"]["schemas"] if not name.isalnum()] == []


def test_whatever_a_body_is_it_is_not_touched(api: dict[str, Any]) -> None:
    assert api["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_browsers_may_ask_first(api: dict[str, Any]) -> None:
    for path in api["paths"].keys() - MOCKED:
        options = api["paths"][path]["options"]
        answer = assert_mock(options, 204)
        origin, methods, headers = (
            answer["responseParameters"][f"method.response.header.Access-Control-Allow-{what}"].strip("'").split(", ")
            for what in ("Origin", "Methods", "Headers")
        )
        assert origin == ["*"]
        assert set(methods) - {"HEAD"} == {m.upper() for m in api["paths"][path].keys() & METHODS}
        assert {"Authorization", "Idempotency-Key", "Prefer", "traceparent"} <= set(headers)
        assert options["security"] == []


@pytest.mark.parametrize("path", sorted(MOCKED))
def test_a_path_that_nobody_knows_is_a_problem_document(api: dict[str, Any], path: str) -> None:
    answer = assert_mock(api["paths"][path][ANY_METHOD], 404)
    assert answer["responseParameters"]["method.response.header.Content-Type"] == "'application/problem+json'"
    assert_problem(answer["responseTemplates"]["application/json"], 404, "not_found")


def assert_mock(operation: dict[str, Any], status: int) -> dict[str, Any]:
    """The gateway's own answer, whose headers are declared and whose templates are text."""
    integration = operation[INTEGRATION]
    answer: dict[str, Any] = integration["responses"]["default"]
    assert (integration["type"], answer["statusCode"]) == ("mock", str(status))
    assert json.loads(integration["requestTemplates"]["application/json"]) == {"statusCode": status}
    assert integration["contentHandling"] == answer["contentHandling"] == "CONVERT_TO_TEXT"
    declared = {f"method.response.header.{name}" for name in operation["responses"][str(status)]["headers"]}
    assert answer["responseParameters"].keys() == declared
    return answer


def test_the_gateways_own_answers_are_problem_documents(api: dict[str, Any]) -> None:
    assert sorted(api[GATEWAY_RESPONSES]) == KINDS_OF_GATEWAY_RESPONSE
    for kind, answer in api[GATEWAY_RESPONSES].items():
        headers = answer["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'", kind
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'", kind
        assert_problem(answer["responseTemplates"]["application/json"], int(answer["statusCode"]))


@pytest.mark.parametrize(
    ("kind", "status", "slug", "again"),
    [
        ("THROTTLED", 429, "throttled", True),
        ("INTEGRATION_FAILURE", 503, "unavailable", True),
        ("INTEGRATION_TIMEOUT", 504, "timeout", True),
        ("UNAUTHORIZED", 401, "unauthorized", False),
        ("REQUEST_TOO_LARGE", 413, "too_large", False),
        ("WAF_FILTERED", 403, "filtered", False),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found", False),
    ],
)
def test_a_client_learns_what_was_wrong_and_whether_to_try_again(
    api: dict[str, Any], kind: str, status: int, slug: str, again: bool
) -> None:
    answer = api[GATEWAY_RESPONSES][kind]
    assert_problem(answer["responseTemplates"]["application/json"], status, slug)
    assert ("gatewayresponse.header.Retry-After" in answer["responseParameters"]) == again
    assert ("gatewayresponse.header.WWW-Authenticate" in answer["responseParameters"]) == (status == 401)


def assert_problem(template: str, status: int, slug: str | None = None) -> None:
    """The template is a whole problem document; ``$context.path`` is filled in by the gateway."""
    problem = json.loads(template)
    assert (problem["status"], problem["slug"]) == (status, slug or problem["slug"])
    assert problem["type"].endswith(f"/{problem['slug']}")
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == "$context.path"


def test_an_authorizer_is_attached_in_one_place_and_guards_every_buyers_route(api: dict[str, Any]) -> None:
    unguarded = {
        f"{method} {path}": operation["security"]
        for path, method, operation in routes(api)
        if operation["security"] != [{CALLER: []}]
    }

    assert api["components"]["securitySchemes"][CALLER]["name"] == "Authorization"
    assert unguarded == {
        "post /payments/webhook": [],
        f"{ANY_METHOD} /payments/webhook": [],
        "get /tickets/keys": [],
        f"{ANY_METHOD} /tickets/keys": [],
        "post /tickets/from-order": [{"operators": []}],
        f"{ANY_METHOD} /tickets/from-order": [],
        "post /tickets/issued/{id}/check-in": [{"operators": []}],
        f"{ANY_METHOD} /tickets/issued/{{id}}/check-in": [],
    }
