"""The API as the world sees it: API Gateway before the private balancer, with WAF, throttling and an access log."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import Construct

import contracts
from infra.access import ANY_METHOD, scopes
from infra.firewall import Firewall
from infra.identity import Identity
from infra.network import Network
from infra.settings import Environment

STAGE = "v1"

CALLER = "caller"
"""The definition's security scheme of whoever asks, where the authoriser is attached."""
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"

INTEGRATION_TARGET = "integration-target"
"""Of a private integration by a VPC link of the second version: the balancer's ARN. API Gateway's guide spells it so,
public code ``integrationTarget``, and nothing but an account can tell (docs/deploy.md, *The private integration's
target*): should that one be right, change it here.
"""

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "path": "$context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "integrationMilliseconds": "$context.integrationLatency",
    "integrationStatus": "$context.integration.status",
    "error": "$context.error.messageString",
    "waf": "$context.wafResponseCode",
    "client": "$context.authorizer.claims.client_id",
    "subject": "$context.authorizer.claims.sub",
    "trace": "$context.xrayTraceId",
}
"""Who asked what, and what came of it. No query, which may hold a name, no header and no body."""


@dataclass(frozen=True)
class Behind:
    """What the private link leads to."""

    network: Network
    balancer: elb.ApplicationLoadBalancer


class Edge(Stack):
    """``behind`` is None where the settings name a public target instead: a LocalStack has no private network.

    The link and the balancer's name are variables of the stage, see ``contracts/apigateway.json``.
    """

    def __init__(
        self, scope: Construct, settings: Environment, identity: Identity, behind: Behind | None, **stack: Any
    ) -> None:
        super().__init__(scope, settings.stack("Edge"), **stack)
        balancer = behind.balancer.load_balancer_arn if behind else None
        document = filled_in(definition(), identity.pool.user_pool_arn, balancer)
        self.api = self._api(settings, document, self._variables(settings, behind))
        self._keep_errors_short()
        Firewall(self, settings, self.api.deployment_stage.stage_arn)
        CfnOutput(self, "Url", value=f"https://{settings.api_domain}" if settings.api_domain else self._own_url())
        CfnOutput(self, "Api", value=self.api.rest_api_id)
        if self.api.domain_name is not None:
            # Where DNS has to lead the name: no template here has its zone.
            CfnOutput(self, "Alias", value=self.api.domain_name.domain_name_alias_domain_name)

    def _own_url(self) -> str:
        return f"https://{self.api.rest_api_id}.execute-api.{self.region}.{self.url_suffix}/{STAGE}"

    def _variables(self, settings: Environment, behind: Behind | None) -> dict[str, str]:
        # A name of its own leads to the stage without one.
        prefix = "/" if settings.api_domain else f"/{STAGE}"
        if behind is None:
            assert settings.target is not None, "neither a target nor a balancer"
            return {"target": settings.target, "prefix": prefix}
        link = apigatewayv2.VpcLink(
            self,
            "link",
            vpc_link_name=f"{settings.prefix}api",
            vpc=behind.network.vpc,
            subnets=behind.network.door_subnets,
            security_groups=[behind.network.link_group],
        )
        return {"target": behind.balancer.load_balancer_dns_name, "prefix": prefix, "vpcLink": link.vpc_link_id}

    def _api(
        self, settings: Environment, document: dict[str, Any], variables: Mapping[str, str]
    ) -> apigateway.SpecRestApi:
        log = logs.LogGroup(
            self,
            "access-log",
            log_group_name=f"/bilhetagem/{settings.name}/api",
            # Who offers an application in Brazil keeps when it was used and from which address for six months (Lei
            # 12.965/2014, Marco Civil da Internet, art. 15). CloudWatch has 180 days, which is less, and then a year.
            retention=logs.RetentionDays.ONE_YEAR,
            # Not kept when its creation is rolled back: whoever deployed again would meet it.
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            if settings.deletion_protection
            else RemovalPolicy.DESTROY,
        )
        api = apigateway.SpecRestApi(
            self,
            "api",
            rest_api_name=f"{settings.prefix}api",
            api_definition=apigateway.ApiDefinition.from_inline(document),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            disable_execute_api_endpoint=settings.api_domain is not None,
            # The account's own, in the Bootstrap stack.
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                variables=variables,
                throttling_rate_limit=settings.requests_per_second,
                throttling_burst_limit=settings.requests_per_second,
                access_log_destination=apigateway.LogGroupLogDestination(log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                # Errors only, and never bodies: those hold names.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                # Of each method they would cost; the stage's own, and the balancer's of each service, are free.
                metrics_enabled=False,
                tracing_enabled=True,
            ),
            domain_name=self._domain(settings),
        )
        api.node.try_remove_child(
            "Endpoint"
        )  # the CDK's own output: its URL ends with a slash, and paths begin with one
        NagSuppressions.add_resource_suppressions(
            api,
            [
                NagPackSuppression(
                    id="AwsSolutions-APIG2",
                    reason="The services validate every request against the models that this definition is generated "
                    "from, more strictly than its schemas can say, and answer with what is wrong with which field.",
                )
            ],
        )
        return api

    def _keep_errors_short(self) -> None:
        """API Gateway would make the group of its own log itself, with the stage, and keep it for ever: a month is what
        the tasks' logs have.
        """
        log = logs.LogGroup(
            self,
            "errors",
            log_group_name=f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{STAGE}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.api.deployment_stage.node.add_dependency(log)

    def _domain(self, settings: Environment) -> apigateway.DomainNameOptions | None:
        if settings.api_domain is None or settings.api_certificate is None:
            return None
        return apigateway.DomainNameOptions(
            domain_name=settings.api_domain,
            certificate=acm.Certificate.from_certificate_arn(self, "certificate", settings.api_certificate),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )


def definition() -> dict[str, Any]:
    """The API as it is generated, the same for every deployment."""
    api: dict[str, Any] = json.loads((Path(contracts.__path__[0]) / "apigateway.json").read_text())
    return api


def filled_in(api: Mapping[str, Any], pool_arn: str, balancer_arn: str | None) -> dict[str, Any]:
    """The definition for one deployment: tokens of this pool, and the private link to this balancer, or no link.

    Every route asks for one of the scopes that ``infra/access.py`` names, or for none where it is open. Raises
    Unguarded for a route that is neither.
    """
    document = copy.deepcopy(dict(api))
    document["components"]["securitySchemes"] = {CALLER: _authoriser(pool_arn)}
    for path, operations in document["paths"].items():
        # What the gateway answers itself (preflights, unknown paths) tells nobody anything.
        ours = {method: each for method, each in operations.items() if each[INTEGRATION]["type"] != "mock"}
        for method, operation in ours.items():
            asked = scopes(path, method, [each for each in ours if each != ANY_METHOD])
            # With no scope named, an ID token would do as well.
            operation["security"] = [{CALLER: sorted(each.full for each in asked)}] if asked else []
            operation[INTEGRATION] = _reaching(operation[INTEGRATION], balancer_arn)
    return document


def _authoriser(pool_arn: str) -> dict[str, Any]:
    return {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        AUTHORIZER: {"type": "cognito_user_pools", "providerARNs": [pool_arn]},
    }


def _reaching(integration: Mapping[str, Any], balancer_arn: str | None) -> dict[str, Any]:
    if balancer_arn is not None:
        return {**integration, INTEGRATION_TARGET: balancer_arn}
    without_link = {key: value for key, value in integration.items() if key != "connectionId"}
    return {**without_link, "connectionType": "INTERNET"}
