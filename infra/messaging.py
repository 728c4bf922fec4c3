"""The queues of the choreography, each with its dead letters: encrypted, and for TLS only."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.queues import QueueMade, queues_made
from infra.settings import Environment


class Messaging(Stack):
    """Whoever sends or receives names a queue by its ARN as the contracts give it, never by an export of this stack:
    an export that is in use cannot be taken away, and then no row could leave the choreography.
    """

    def __init__(
        self, scope: Construct, settings: Environment, table: tuple[Step, ...] = CHOREOGRAPHY, **stack: Any
    ) -> None:
        super().__init__(scope, settings.stack("Messaging"), **stack)
        made: dict[str, sqs.CfnQueue] = {}
        for queue in queues_made(settings.prefix, table):
            made[queue.name] = self._queue(queue, queue.name.removeprefix(settings.prefix), made)

    def _queue(self, queue: QueueMade, name: str, made: dict[str, sqs.CfnQueue]) -> sqs.CfnQueue:
        construct = sqs.CfnQueue(
            self,
            name,
            queue_name=queue.name,
            message_retention_period=queue.retention_seconds,
            visibility_timeout=queue.visibility_seconds,
            receive_message_wait_time_seconds=queue.long_poll_seconds,
            sqs_managed_sse_enabled=queue.encrypted,
            redrive_policy=queue.dead_letters and queue.redrive_policy(made[queue.dead_letters].attr_arn),
            redrive_allow_policy=queue.source
            and queue.redrive_allow_policy(self.format_arn(service="sqs", resource=queue.source)),
        )
        sqs.CfnQueuePolicy(
            self,
            f"{name}-tls",
            queues=[construct.ref],
            policy_document=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        sid="TlsOnly",
                        effect=iam.Effect.DENY,
                        principals=[iam.AnyPrincipal()],
                        actions=["sqs:*"],
                        resources=[construct.attr_arn],
                        conditions={"Bool": {"aws:SecureTransport": "false"}},
                    )
                ]
            ),
        )
        return construct
