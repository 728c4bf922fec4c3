"""What an account has once: the image's repository, GitHub's way in, and two switches of API Gateway and X-Ray."""

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_xray as xray
from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import Construct

from infra.settings import Environment, SettingsError

REPOSITORY = "bilhetagem"

IMAGES_KEPT = 100
"""Releases that one can go back to: half a year of one on every working day."""

GITHUB = "token.actions.githubusercontent.com"

REPOSITORY_OF_GITHUB = re.compile(r"[\w-]+(@\d+)?/[\w.-]+(@\d+)?")
"""``OWNER/NAME``; of one that was made, renamed or transferred since July 2026, GitHub's tokens tell the ids as well
(GitHub Docs, immutable subject claims).
"""

SPANS_INDEXED_PERCENT = 1
"""Of all traces, how many X-Ray summarises; every span is in the log group all the same. One per cent is free."""

IDS_BEHIND_NAMES = {
    "regex": r"/^Resource::.*:(stack\/Bilhetagem-.*|task-definition\/.+:|task\/.+\/|userpool\/)\*$/",
}

CDK_ROLES = ("deploy", "file-publishing", "lookup")
"""Made by ``cdk bootstrap``; the deployment is done with these (CDK Developer Guide, bootstrapping)."""

_QUALIFIER = "hnb659fds"

API_GATEWAY_LOGS_BY = (
    "CreateLogGroup",
    "CreateLogStream",
    "DescribeLogGroups",
    "DescribeLogStreams",
    "FilterLogEvents",
    "GetLogEvents",
    "PutLogEvents",
)

CREATE_DATABASES, MIGRATE = "create-databases", "migrate"
"""What the pipeline runs as single tasks, and the commands that they carry out."""

AGENTS = ("agent", "agent-of-databases")
"""Who starts tasks: ``tasks.py`` makes these roles."""


class Bootstrap(Stack):
    """Deployed by hand, once for an account, by an administrator: whoever may change this may do anything.

    GitHub's jobs get no key. They show a token that GitHub signed, and each role asks what the token must say: a role
    that deploys to an environment can be taken only by a job of that environment, whose protection rules GitHub has
    checked by then. But the CDK's own roles, through which it deploys, may do anything in the account: what keeps
    ``dev`` from ``prod`` is an account for each. ``github`` is the repository, as GitHub's tokens call it.
    """

    def __init__(self, scope: Construct, github: Any, environments: Sequence[Environment], **stack: Any) -> None:
        super().__init__(scope, "Bilhetagem-Bootstrap", **stack)
        if not isinstance(github, str) or not REPOSITORY_OF_GITHUB.fullmatch(github):
            raise SettingsError(
                f"`github` in the CDK's context is {github!r}, and no repository: OWNER/NAME, or OWNER@ID/NAME@ID as "
                "GitHub's tokens call those made since July 2026 (docs/deploy.md, What is yours)."
            )
        self._github = github
        self._provider = iam.CfnOIDCProvider(
            self, "github", url=f"https://{GITHUB}", client_id_list=["sts.amazonaws.com"]
        )
        repository = self._repository()
        self._image_role(repository)
        self._diff_role(environments)
        for settings in environments:
            self._deploy_role(settings)
        self._let_api_gateway_log()
        self._search_traces()
        CfnOutput(self, "ImageRepository", value=repository.repository_uri)

    def _repository(self) -> ecr.Repository:
        return ecr.Repository(
            self,
            "images",
            repository_name=REPOSITORY,
            image_scan_on_push=True,
            # A commit's name means the same for ever.
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=IMAGES_KEPT)],
            # But not when its creation is rolled back: whoever tried again would meet it.
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )

    def _role(
        self, name: str, subject: str, *statements: iam.PolicyStatement, left_open: Any = IDS_BEHIND_NAMES
    ) -> iam.Role:
        role = iam.Role(
            self,
            name,
            role_name=f"bilhetagem-github-{name}",
            # Exactly this subject: with a pattern, a branch could be called so that it fits.
            assumed_by=iam.WebIdentityPrincipal(
                self._provider.attr_arn,
                {
                    "StringEquals": {
                        f"{GITHUB}:aud": "sts.amazonaws.com",
                        f"{GITHUB}:sub": f"repo:{self._github}:{subject}",
                    }
                },
            ),
            # The least that IAM has; a release that takes longer assumes its role again.
            max_session_duration=Duration.hours(1),
            inline_policies={"github": iam.PolicyDocument(statements=list(statements))},
        )
        NagSuppressions.add_resource_suppressions(
            role,
            [
                NagPackSuppression(
                    id="AwsSolutions-IAM5",
                    reason="What is left open are ids that AWS makes up behind a name: of a stack, a task, a "
                    "revision, a pool. A login to ECR has no resource at all (Service Authorization Reference).",
                    applies_to=[left_open],
                )
            ],
        )
        CfnOutput(self, f"{''.join(word.capitalize() for word in name.split('-'))}Role", value=role.role_arn)
        return role

    def _image_role(self, repository: ecr.Repository) -> None:
        self._role(
            "image",
            "ref:refs/heads/main",
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:DescribeImages",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ],
                resources=[repository.repository_arn],
            ),
            left_open="Resource::*",
        )

    def _diff_role(self, environments: Sequence[Environment]) -> None:
        # Templates only. The CDK's own role for this reads everything in the account, buyers' tickets included.
        stacks = [self._stacks(settings.stack("")) for settings in environments]
        self._role(
            "diff",
            "pull_request",
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
                resources=[*stacks, self._stacks(self.stack_name)],
            ),
        )

    def _deploy_role(self, settings: Environment) -> None:
        cluster = settings.prefix.removesuffix("-")
        families = [f"{settings.prefix}{task}" for task in (CREATE_DATABASES, MIGRATE)]
        # A one-off task's role is called as its family.
        roles = [*families, *(f"{settings.prefix}{agent}" for agent in AGENTS)]
        self._role(
            f"deploy-{settings.name}",
            f"environment:{settings.name}",
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[
                    self._iam_role(f"cdk-{_QUALIFIER}-{role}-role-{Aws.ACCOUNT_ID}-{settings.region}")
                    for role in CDK_ROLES
                ],
            ),
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks"], resources=[self._stacks(settings.stack(""))]
            ),
            iam.PolicyStatement(
                actions=["ecs:RunTask"],
                resources=[self._arn("ecs", f"task-definition/{family}:*") for family in families],
                conditions={"ArnEquals": {"ecs:cluster": self._arn("ecs", f"cluster/{cluster}")}},
            ),
            iam.PolicyStatement(actions=["ecs:DescribeTasks"], resources=[self._arn("ecs", f"task/{cluster}/*")]),
            # The purchase after a release asks as a partner's app, whose secret Cognito tells.
            iam.PolicyStatement(
                actions=["cognito-idp:DescribeUserPoolClient"],
                resources=[self._arn("cognito-idp", "userpool/*")],
                conditions={"StringEquals": {"aws:ResourceTag/environment": settings.name}},
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self._iam_role(role) for role in roles],
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
        )

    def _let_api_gateway_log(self) -> None:
        role = iam.Role(
            self,
            "api-gateway-log",
            assumed_by=iam.ServicePrincipal(
                "apigateway.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
            inline_policies={
                "log": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=[f"logs:{action}" for action in API_GATEWAY_LOGS_BY], resources=["*"]
                        )
                    ]
                )
            },
        )
        NagSuppressions.add_resource_suppressions(
            role,
            [
                NagPackSuppression(
                    id="AwsSolutions-IAM5",
                    reason="API Gateway refuses a role that lacks any of these actions on all logs, whichever stages "
                    "log (API Gateway Developer Guide, permissions for CloudWatch logging).",
                    applies_to=["Resource::*"],
                )
            ],
        )
        apigateway.CfnAccount(self, "api-gateway", cloud_watch_role_arn=role.role_arn)

    def _search_traces(self) -> None:
        """X-Ray takes spans by OTLP only when it keeps them in CloudWatch Logs (X-Ray Developer Guide, Transaction
        Search).
        """
        allowed = logs.CfnResourcePolicy(
            self,
            "spans",
            policy_name="bilhetagem-spans",
            policy_document=self.to_json_string(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "TransactionSearch",
                            "Effect": "Allow",
                            "Principal": {"Service": "xray.amazonaws.com"},
                            "Action": "logs:PutLogEvents",
                            "Resource": [
                                self._arn("logs", f"log-group:{group}:*")
                                for group in ("aws/spans", "/aws/application-signals/data")
                            ],
                            "Condition": {
                                "ArnLike": {"aws:SourceArn": self._arn("xray", "*")},
                                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                            },
                        }
                    ],
                }
            ),
        )
        search = xray.CfnTransactionSearchConfig(self, "traces", indexing_percentage=SPANS_INDEXED_PERCENT)
        search.add_resource_dependency(allowed)

    def _stacks(self, name: str) -> str:
        return self._arn("cloudformation", f"stack/{name}*/*")

    def _iam_role(self, name: str) -> str:
        return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{Aws.PARTITION}:{service}:{self.region}:{Aws.ACCOUNT_ID}:{resource}"
