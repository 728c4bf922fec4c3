"""Where the services find the keys that access tokens are signed with: a copy in S3, not older than a minute."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.routes import SERVICES
from infra.data import Data
from infra.identity import Identity
from infra.roles import Roles
from infra.settings import Environment

KEY = "identity/jwks.json"

CODE = Path(__file__).with_name("copy_keys.py")

EVERY = Duration.minutes(1)
"""Cognito may change its keys at any time, and tells nobody (Cognito Developer Guide, *Verifying JSON web tokens*). For
so long a new key is unknown to the services; a day of looks costs less than a cent.
"""

MEGABYTES = 256
"""Lambda gives a core's share by memory: with less, loading boto3 takes seconds."""

LONGEST = Duration.seconds(30)
"""Of a copy. The pool has five seconds to answer (``copy_keys.py``), the rest is for a start from nothing and for S3 to
be asked again; and it is over before the next one begins.
"""


def key_copy(settings: Environment) -> str:
    """The name of the function that copies."""
    return f"{settings.prefix}keys"


class KeyCopy(Construct):
    """The copy, and who may read it.

    Cognito publishes the keys on the internet, to which tasks of ``prod`` have no way, and its interface endpoint does
    not serve a pool with a domain. S3 they reach. So a function outside the network copies them there; ``dev`` has it
    too, though it could do without, since what ``prod`` runs on should have been tried.

    One small object is no reason for another bucket: it lies beside the tickets, in a folder of its own.
    """

    def __init__(self, settings: Environment, identity: Identity, data: Data, roles: Roles) -> None:
        super().__init__(identity, "key-copy")
        self._name = key_copy(settings)
        self.url = f"s3://{data.bucket.bucket_name}/{KEY}"
        """Where the copy is, as the services' setting has it."""
        self.issuer = identity.issuer
        copy = data.bucket.arn_for_objects(KEY)
        environment = {"JWKS_URL": identity.jwks_url, "BUCKET": data.bucket.bucket_name, "KEY": KEY}
        function = self._function(copy, environment)
        events.Rule(
            self,
            "every-minute",
            description=f"Starts {self._name}",
            schedule=events.Schedule.rate(EVERY),
            targets=[targets.LambdaFunction(function)],
        )
        iam.Policy(
            roles,
            "keys",
            roles=[roles.of(service, "ingress") for service in SERVICES],
            statements=[iam.PolicyStatement(actions=["s3:GetObject"], resources=[copy])],
        )

    def _function(self, copy: str, environment: Mapping[str, str]) -> lambda_.Function:
        log = logs.LogGroup(
            self,
            "log",
            log_group_name=f"/aws/lambda/{self._name}",
            # As the tasks' logs.
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "role",
            role_name=self._name,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={
                "copy": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(actions=["s3:PutObject"], resources=[copy]),
                        iam.PolicyStatement(
                            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.log_group_arn]
                        ),
                    ]
                )
            },
        )
        return lambda_.Function(
            self,
            "function",
            function_name=self._name,
            description="Copies the keys that access tokens are signed with to where the services can read them",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE.read_text()),
            role=role.without_policy_updates(),
            log_group=log,
            memory_size=MEGABYTES,
            timeout=LONGEST,
            environment=dict(environment),
        )
