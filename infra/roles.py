"""The roles of the running system: one for each ingress, one for each worker, one for operators."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import Construct

from contracts.choreography import CHOREOGRAPHY, Step
from infra.grants import Grants, grants
from infra.settings import Environment


class Roles(Stack):
    """What they may do at queues is here, by names that the contracts give. A stack that owns something else (a bucket,
    a secret, a database) grants it to ``of(service, part)``.
    """

    def __init__(
        self, scope: Construct, settings: Environment, table: tuple[Step, ...] = CHOREOGRAPHY, **stack: Any
    ) -> None:
        super().__init__(scope, settings.stack("Roles"), **stack)
        self._roles = {
            name: iam.Role(
                self,
                name,
                role_name=f"{settings.prefix}{name}",
                assumed_by=self._of_account() if name == "operator" else self._of_tasks(),
                inline_policies=self._policies(settings, granted),
            )
            for name, granted in grants(table).items()
        }
        self._let_everywhere("operator-metrics", "cloudwatch:GetMetricStatistics", [self.operator])
        processes = [role for name, role in self._roles.items() if name != "operator"]
        self._let_everywhere("traces", "xray:PutTraceSegments", processes)

    @property
    def operator(self) -> iam.Role:
        """Of whoever runs ``bilhetagem queues``, ``dlq`` and the console. Who may take it is said where people's own
        roles are: the account trusts itself.
        """
        return self._roles["operator"]

    def of(self, service: str, part: Literal["ingress", "worker"]) -> iam.Role:
        """The task role of a service's ingress or worker."""
        return self._roles[f"{service}-{part}"]

    def _of_account(self) -> iam.IPrincipal:
        return iam.AccountRootPrincipal()

    def _of_tasks(self) -> iam.IPrincipal:
        # Only for tasks of this account: the confused deputy (ECS Developer Guide, task IAM role).
        return iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        )

    def _policies(self, settings: Environment, granted: Grants) -> dict[str, iam.PolicyDocument]:
        statements = list(self._statements(settings, granted))
        return {"queues": iam.PolicyDocument(statements=statements)} if statements else {}

    def _statements(self, settings: Environment, granted: Grants) -> Iterator[iam.PolicyStatement]:
        for right, names in granted.items():
            if names:
                yield iam.PolicyStatement(
                    sid=right.name.title().replace("_", ""),
                    actions=list(right.value),
                    resources=[
                        self.format_arn(service="sqs", resource=f"{settings.prefix}{name}") for name in sorted(names)
                    ],
                )

    def _let_everywhere(self, name: str, action: str, roles: Sequence[iam.Role]) -> None:
        statement = iam.PolicyStatement(actions=[action], resources=["*"])
        policy = iam.Policy(self, name, statements=[statement], roles=list(roles))
        NagSuppressions.add_resource_suppressions(
            policy,
            [
                NagPackSuppression(
                    id="AwsSolutions-IAM5",
                    reason="Neither metrics nor spans are resources that an action could name (Service Authorization "
                    "Reference).",
                    applies_to=["Resource::*"],
                )
            ],
        )
