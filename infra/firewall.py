"""WAF before the API: rules that AWS keeps up to date, a bound to bodies, and a rate that only counts at first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.settings import Environment

MAX_BODY_BYTES = 16 * 1024
"""As much as WAF inspects of a body, so nothing comes in that it has not seen (WAF Developer Guide, body inspection).
The largest order has some 5 KB; the services take 64 KB.
"""

RATE = 2_000
WINDOW_SECONDS = 300
"""A buyer's whole purchase is some forty requests, with waiting. Behind the carrier NAT of a mobile network, a crowd
before a hall has one address: fifty buyers of it in five minutes are no attack.
"""


@dataclass(frozen=True)
class Managed:
    """A rule group of AWS's. ``counted`` are rules of it that would refuse what we take: they count only."""

    name: str
    counted: Sequence[str] = ()


MANAGED: Mapping[str, Managed] = MappingProxyType(
    {
        # Addresses that are known for attacks, before anything that costs more to look at.
        "reputation": Managed("AWSManagedRulesAmazonIpReputationList"),
        "common": Managed(
            "AWSManagedRulesCommonRuleSet",
            # The bound is ours, below. A payment gateway's webhook, or a gate's device, may not say what it is.
            counted=("SizeRestrictions_BODY", "NoUserAgent_HEADER"),
        ),
        "known-bad-inputs": Managed("AWSManagedRulesKnownBadInputsRuleSet"),
        "sql": Managed("AWSManagedRulesSQLiRuleSet"),
    }
)
"""In the order in which they are asked. In units of capacity: 25, 700, 200, 200, of 1,500 that cost nothing extra."""


class Firewall(Construct):
    """A web ACL of this region for one stage, and the log of what it stopped or counted.

    *Rate.* The rule blocks nobody until its counts have been looked at over a sale or two: set too low, it would turn
    away buyers just when a sale opens. API Gateway's throttling protects the services meanwhile.
    """

    def __init__(self, scope: Construct, settings: Environment, stage_arn: str) -> None:
        super().__init__(scope, "firewall")
        name = f"{settings.prefix}api"
        rules = [_managed(key, group) for key, group in MANAGED.items()]
        rules += [_bounded_body(), _rate()]
        acl = waf.CfnWebACL(
            self,
            "acl",
            name=name,
            scope="REGIONAL",
            default_action={"allow": {}},
            visibility_config=_visible(name),
            rules=[{**rule, "priority": place} for place, rule in enumerate(rules)],
        )
        waf.CfnWebACLAssociation(self, "association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)
        self._log(name, acl)

    def _log(self, name: str, acl: waf.CfnWebACL) -> None:
        group = logs.LogGroup(
            self,
            "log",
            # WAF writes to names that begin so only (WAF Developer Guide, logging to CloudWatch Logs).
            log_group_name=f"aws-waf-logs-{name}",
            # Long enough to ask what somebody tried, a month after it was noticed.
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        waf.CfnLoggingConfiguration(
            self,
            "logging",
            resource_arn=acl.attr_arn,
            # Without the ``:*`` of the group's own ARN, which WAF refuses.
            log_destination_configs=[
                Stack.of(self).format_arn(
                    service="logs", resource=f"log-group:aws-waf-logs-{name}", account=Stack.of(self).account
                )
            ],
            redacted_fields=[{"singleHeader": {"Name": "authorization"}}],
            # What was let through is in the API's access log.
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": action}} for action in ("BLOCK", "COUNT")],
                    }
                ],
            },
        ).node.add_dependency(group)


def _managed(key: str, group: Managed) -> dict[str, Any]:
    return {
        "name": key,
        # A group has actions of its own, and this says to leave them as they are.
        "overrideAction": {"none": {}},
        "visibilityConfig": _visible(key),
        "statement": {
            "managedRuleGroupStatement": {
                "vendorName": "AWS",
                "name": group.name,
                "ruleActionOverrides": [{"name": rule, "actionToUse": {"count": {}}} for rule in group.counted],
            }
        },
    }


def _bounded_body() -> dict[str, Any]:
    return {
        "name": "body",
        "action": {"block": {}},
        "visibilityConfig": _visible("body"),
        "statement": {
            "sizeConstraintStatement": {
                # A body that is longer than what is inspected matches, too.
                "fieldToMatch": {"body": {"oversizeHandling": "MATCH"}},
                "comparisonOperator": "GT",
                "size": MAX_BODY_BYTES,
                "textTransformations": [{"priority": 0, "type": "NONE"}],
            }
        },
    }


def _rate() -> dict[str, Any]:
    return {
        "name": "rate",
        "action": {"count": {}},
        "visibilityConfig": _visible("rate"),
        "statement": {
            "rateBasedStatement": {
                "aggregateKeyType": "IP",
                "limit": RATE,
                "evaluationWindowSec": WINDOW_SECONDS,
            }
        },
    }


def _visible(metric: str) -> dict[str, Any]:
    return {"cloudWatchMetricsEnabled": True, "metricName": metric, "sampledRequestsEnabled": True}
