"""The API's document, its stage and its firewall, as the templates say: cfn-lint does not look into the document, and
LocalStack makes no firewall.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV30SpecValidator

from infra.access import ANY_METHOD, ASKED, OPEN, Scope, Unguarded
from infra.edge import CALLER, INTEGRATION, INTEGRATION_TARGET, definition, filled_in
from infra.settings import SettingsError, environments
from infra.tests.conftest import Template
from infra.tests.front import front, settings_of
from infra.tests.intrinsics import resolved
from infra.tests.synthesis import Synthesised
from infra.tests.test_lint import findings as lint

SCHEMA = Draft202012Validator(json.loads(Path(__file__).with_name("gateway.schema.json").read_text()))
DEPLOYMENTS = ["dev", "prod", "named", "laptop"]
POOL = "arn:aws:cognito-idp:sa-east-1:123456789012:userpool/sa-east-1_pool"
BALANCER = "arn:aws:elasticloadbalancing:sa-east-1:123456789012:loadbalancer/app/a/b"


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Both environments without a name of their own; a third with one, and a fourth that has no private network."""
    nameless = {"api_domain": None, "api_certificate": None}
    certificate = "arn:aws:acm:sa-east-1:123456789012:certificate/of-api"
    return front(
        tmp_path_factory.mktemp("front"),
        {
            "dev": settings_of("dev", **nameless),
            "prod": settings_of("prod", **nameless),
            "named": settings_of("prod", api_domain="api.bilhetagem.example", api_certificate=certificate),
            "laptop": settings_of("dev", **nameless, target="127.0.0.1:8000"),
        },
    )


def edge(fronts: Synthesised, name: str) -> Template:
    return fronts.templates[f"Bilhetagem-{name}-Edge"]


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    resources = template["Resources"]
    return [resolved(one["Properties"], resources) for one in resources.values() if one["Type"] == f"AWS::{kind}"]


def the(template: Template, kind: str) -> dict[str, Any]:
    (found,) = of_type(template, kind)
    return found


def routes(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is handed on to a service, by method and path."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation[INTEGRATION]["type"] != "mock":
                yield f"{method} {path}", operation


def reached(document: dict[str, Any], *scopes: Scope) -> set[str]:
    """What a token with these scopes is let through to, and nobody is without one."""
    full = {each.full for each in scopes}
    return {
        route
        for route, operation in routes(document)
        if operation["security"] and full & set(operation["security"][0][CALLER])
    }


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return filled_in(definition(), POOL, BALANCER)


def test_nothing_is_found_in_what_no_environment_has_yet(fronts: Synthesised) -> None:
    assert fronts.findings == []
    assert lint(fronts.files["Bilhetagem-named-Edge"].read_text()) == []


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_document_uses_what_api_gateway_knows_and_is_openapi(fronts: Synthesised, name: str) -> None:
    body = the(edge(fronts, name), "ApiGateway::RestApi")["Body"]

    assert [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(body)] == []
    assert list(OpenAPIV30SpecValidator(body).iter_errors()) == []
    kinds = {operation[INTEGRATION]["connectionType"] for _, operation in routes(body)}
    assert kinds == {"INTERNET" if name == "laptop" else "VPC_LINK"}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((INTEGRATION, "integration-targets"), BALANCER),
        ((INTEGRATION, INTEGRATION_TARGET), None),
        ((INTEGRATION, "connectionId"), None),
        ((INTEGRATION, "connectionType"), "INTERNET"),
        ((INTEGRATION, "uri"), "http://elsewhere.example/orders/{id}"),
        ((INTEGRATION, "timeoutInMillis"), 30_000),
        ((INTEGRATION, "requestParameters"), {"integration.request.header.X": "method.response.header.X"}),
        (("security",), None),
        (("security",), [{CALLER: []}]),
        (("security",), [{CALLER: ["bilhetagem/everything"]}]),
        (("security",), [{"operators": []}]),
        (("x-amazon-apigateway-intergration",), {}),
    ],
)
def test_a_document_that_api_gateway_would_take_otherwise_than_meant_is_refused(
    document: dict[str, Any], place: tuple[str, ...], value: Any
) -> None:
    wrong = copy.deepcopy(document)
    node = wrong["paths"]["/orders/{id}"]["get"]
    for key in place[:-1]:
        node = node[key]
    node.pop(place[-1], None)
    if value is not None:
        node[place[-1]] = value

    assert SCHEMA.is_valid(document)
    assert not SCHEMA.is_valid(wrong)


def test_a_document_is_filled_in_without_touching_the_generated_one() -> None:
    generated = definition()

    filled_in(generated, POOL, BALANCER)

    assert generated == definition()


def test_somebody_has_decided_about_every_route_and_about_no_other(document: dict[str, Any]) -> None:
    known = {route for route, _ in routes(document) if not route.startswith(ANY_METHOD)}

    assert ASKED.keys() | OPEN.keys() == known
    assert ASKED.keys() & OPEN.keys() == set()
    assert all(ASKED.values())


def test_a_route_that_nobody_has_decided_about_is_not_deployed() -> None:
    generated = definition()
    generated["paths"]["/vouchers"] = {"post": generated["paths"]["/orders"]["post"]}

    with pytest.raises(Unguarded, match="post /vouchers"):
        filled_in(generated, POOL, BALANCER)


def test_no_token_is_asked_for_where_another_proof_is(document: dict[str, Any]) -> None:
    unguarded = {route for route, operation in routes(document) if not operation["security"]}

    others = {f"{ANY_METHOD} {route.partition(' ')[2]}" for route in OPEN}
    assert unguarded == OPEN.keys() | others


def test_preflights_and_unknown_paths_are_answered_to_anybody(document: dict[str, Any]) -> None:
    mocks = [
        operation
        for operations in document["paths"].values()
        for operation in operations.values()
        if operation[INTEGRATION]["type"] == "mock"
    ]

    assert len(mocks) == len(document["paths"])  # a preflight each, and the two paths of what is nowhere
    assert all(operation["security"] == [] for operation in mocks)


def test_a_buyer_puts_nothing_on_sale_and_an_organiser_sees_no_buyer(document: dict[str, Any]) -> None:
    buyer = reached(document, Scope.BUYER_READ, Scope.BUYER_WRITE)
    organiser = reached(document, Scope.ORGANISER_READ, Scope.ORGANISER_WRITE)

    collections = ("/events", "/products", "/tickets")
    offer = {f"post {path}" for path in collections} | {
        f"{method} {path}/{{id}}" for method in ("put", "delete") for path in collections
    }
    assert not buyer & offer
    assert {"post /events", "put /tickets/{id}", "delete /products/{id}"} <= organiser
    assert not [route for route in organiser if route.partition(" ")[2].startswith(("/users", "/orders", "/payments"))]
    assert {"post /orders", "get /tickets/{id}/pdf", "delete /reservations/{id}"} <= buyer
    assert "get /users" not in buyer | organiser


def test_who_may_read_changes_nothing(document: dict[str, Any]) -> None:
    readers = reached(document, Scope.BUYER_READ, Scope.ORGANISER_READ, Scope.OPERATOR_READ)

    # A method that has no place of its own is HEAD, or is refused by the service.
    assert {route.partition(" ")[0] for route in readers} == {"get", ANY_METHOD}


def test_head_is_asked_what_get_is(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        if "get" in operations:
            assert operations[ANY_METHOD]["security"] == operations["get"]["security"], path


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_private_link_leads_to_the_balancer(fronts: Synthesised, name: str) -> None:
    template = edge(fronts, name)
    link, stage = the(template, "ApiGatewayV2::VpcLink"), the(template, "ApiGateway::Stage")
    body = the(template, "ApiGateway::RestApi")["Body"]
    targets = {operation[INTEGRATION][INTEGRATION_TARGET] for _, operation in routes(body)}

    assert all("privateSubnet" in subnet for subnet in link["SubnetIds"])
    assert len(link["SubnetIds"]) == (3 if name == "prod" else 2)
    (group,) = link["SecurityGroupIds"]
    assert "link" in group
    (target,) = targets
    assert f"Bilhetagem-{name}-Balancer" in target
    assert "DNSName" in stage["Variables"]["target"]
    assert stage["Variables"]["vpcLink"].startswith("<link")
    assert stage["Variables"]["prefix"] == "/v1"


def test_without_a_private_network_there_is_no_link(fronts: Synthesised) -> None:
    template = edge(fronts, "laptop")

    assert of_type(template, "ApiGatewayV2::VpcLink") == []
    assert the(template, "ApiGateway::Stage")["Variables"] == {"target": "127.0.0.1:8000", "prefix": "/v1"}


def test_another_document_is_another_deployment(fronts: Synthesised) -> None:
    """Else CloudFormation would change the API, and its stage would go on with what it had."""
    deployments = {
        key
        for name in ("dev", "laptop")
        for key, one in edge(fronts, name)["Resources"].items()
        if one["Type"] == "AWS::ApiGateway::Deployment"
    }

    assert len(deployments) == 2


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_stage_throttles_traces_and_logs_errors_without_bodies(fronts: Synthesised, name: str) -> None:
    stage = the(edge(fronts, name), "ApiGateway::Stage")

    assert stage["TracingEnabled"] is True
    (every,) = stage["MethodSettings"]
    assert (every["ResourcePath"], every["HttpMethod"]) == ("/*", "*")
    rate = settings_of(name)["requests_per_second"]
    assert (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) == (rate, rate)
    assert (every["LoggingLevel"], every["DataTraceEnabled"]) == ("ERROR", False)


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_access_log_is_json_says_who_and_is_kept_as_the_law_wants(fronts: Synthesised, name: str) -> None:
    template = edge(fronts, name)
    line = json.loads(the(template, "ApiGateway::Stage")["AccessLogSetting"]["Format"])
    (group,) = (
        each for each in of_type(template, "Logs::LogGroup") if each["LogGroupName"] == f"/bilhetagem/{name}/api"
    )

    assert {"requestId", "time", "ip", "route", "status", "client", "subject", "trace"} <= line.keys()
    assert not [each for each in line.values() if "header" in each or "query" in each or "email" in each]
    assert group["RetentionInDays"] >= 184, "six months, whichever"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_firewall_stands_before_the_stage(fronts: Synthesised, name: str) -> None:
    template = edge(fronts, name)
    acl, association = the(template, "WAFv2::WebACL"), the(template, "WAFv2::WebACLAssociation")

    assert acl["Scope"] == "REGIONAL"
    assert association["WebACLArn"].startswith("<firewallacl")
    assert "/restapis/<api" in association["ResourceArn"]
    assert "/stages/<apiDeploymentStagev1" in association["ResourceArn"]
    managed = [
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in acl["Rules"]
        if "ManagedRuleGroupStatement" in rule["Statement"]
    ]
    assert managed == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet",
    ]
    assert all(rule["OverrideAction"] == {"None": {}} for rule in acl["Rules"] if rule["Name"] not in ("body", "rate"))
    assert [rule["Priority"] for rule in acl["Rules"]] == list(range(6))


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_no_body_comes_in_that_was_not_looked_at(fronts: Synthesised, name: str) -> None:
    rules = {rule["Name"]: rule for rule in the(edge(fronts, name), "WAFv2::WebACL")["Rules"]}
    bound = rules["body"]["Statement"]["SizeConstraintStatement"]

    assert rules["body"]["Action"] == {"Block": {}}
    assert (bound["ComparisonOperator"], bound["Size"]) == ("GT", 16 * 1024)
    assert bound["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_crowd_behind_one_address_is_counted_and_not_turned_away(fronts: Synthesised, name: str) -> None:
    rules = {rule["Name"]: rule for rule in the(edge(fronts, name), "WAFv2::WebACL")["Rules"]}

    assert rules["rate"]["Action"] == {"Count": {}}
    assert rules["rate"]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    assert rules["rate"]["VisibilityConfig"]["CloudWatchMetricsEnabled"] is True


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_was_stopped_or_counted_is_logged_without_tokens(fronts: Synthesised, name: str) -> None:
    template = edge(fronts, name)
    logging = the(template, "WAFv2::LoggingConfiguration")
    (destination,) = logging["LogDestinationConfigs"]
    groups = {each["LogGroupName"] for each in of_type(template, "Logs::LogGroup")}

    assert destination.partition(":log-group:")[2] in groups
    assert destination.partition(":log-group:")[2].startswith("aws-waf-logs-")
    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]
    (kept,) = logging["LoggingFilter"]["Filters"]
    assert [each["ActionCondition"]["Action"] for each in kept["Conditions"]] == ["BLOCK", "COUNT"]
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"


def test_with_a_name_of_its_own_the_api_has_no_other_and_no_stage_in_its_paths(fronts: Synthesised) -> None:
    template = edge(fronts, "named")
    domain, mapping = the(template, "ApiGateway::DomainName"), the(template, "ApiGateway::BasePathMapping")

    assert (domain["DomainName"], domain["SecurityPolicy"]) == ("api.bilhetagem.example", "TLS_1_2")
    assert "BasePath" not in mapping
    assert the(template, "ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assert the(template, "ApiGateway::Stage")["Variables"]["prefix"] == "/"
    assert template["Outputs"]["Url"]["Value"] == "https://api.bilhetagem.example"
    assert template["Outputs"]["Alias"]["Value"]["Fn::GetAtt"][1] == "RegionalDomainName"
    assert "Alias" not in edge(fronts, "prod")["Outputs"]


def test_a_name_without_a_certificate_is_refused() -> None:
    with pytest.raises(SettingsError, match="a name needs a certificate"):
        environments({"prod": settings_of("prod", api_domain="api.bilhetagem.example", api_certificate=None)})
