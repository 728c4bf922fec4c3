"""What SQS is told of every queue. LocalStack's queues and AWS's are both made from here, so they cannot differ."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.routes import DEAD_LETTER_RETENTION_SECONDS, MAX_RECEIVES, queues

VISIBILITY_SECONDS = 60
"""How long a received message stays invisible: three heartbeats of a worker."""

LONG_POLL_SECONDS = 20
"""The longest that SQS lets a receive wait (SQS Developer Guide, quotas-messages)."""

RETENTION_SECONDS = 4 * 24 * 3600
"""How long a message waits for a worker: a long weekend. It is SQS's default, and must end well before its dead
letters' retention does, which counts from the same sending (SQS Developer Guide, dead-letter queues).
"""


@dataclass(frozen=True, kw_only=True)
class QueueMade:
    """A queue as SQS has it. Names are full: with the prefix that separates deployments in one account."""

    name: str
    retention_seconds: int
    dead_letters: str | None = None
    """Where SQS puts what was received too often; None for a dead-letter queue itself."""
    source: str | None = None
    """The only queue that may name this one as its dead-letter queue; None for any but a dead-letter queue."""

    visibility_seconds: int = VISIBILITY_SECONDS
    long_poll_seconds: int = LONG_POLL_SECONDS
    encrypted: bool = True
    """With SQS's own keys: they cost nothing, and no key policy has to name who may send."""

    def redrive_policy(self, arn_of_dead_letters: str) -> dict[str, Any]:
        """SQS's net for workers that crash."""
        return {"deadLetterTargetArn": arn_of_dead_letters, "maxReceiveCount": MAX_RECEIVES}

    def redrive_allow_policy(self, arn_of_source: str) -> dict[str, Any]:
        """Nobody else's letters can get in."""
        return {"redrivePermission": "byQueue", "sourceQueueArns": [arn_of_source]}

    def attributes(self, arns: str) -> dict[str, str]:
        """All attributes as ``SetQueueAttributes`` takes them. ``arns`` is what an ARN begins with, up to the queue's
        name: ``arn:aws:sqs:sa-east-1:000000000000:``.
        """
        attributes = {
            "MessageRetentionPeriod": str(self.retention_seconds),
            "VisibilityTimeout": str(self.visibility_seconds),
            "ReceiveMessageWaitTimeSeconds": str(self.long_poll_seconds),
            "SqsManagedSseEnabled": str(self.encrypted).lower(),
        }
        if self.dead_letters is not None:
            attributes["RedrivePolicy"] = json.dumps(self.redrive_policy(f"{arns}{self.dead_letters}"))
        if self.source is not None:
            attributes["RedriveAllowPolicy"] = json.dumps(self.redrive_allow_policy(f"{arns}{self.source}"))
        return attributes


def queues_made(prefix: str, table: tuple[Step, ...] = CHOREOGRAPHY) -> tuple[QueueMade, ...]:
    """Every queue and dead-letter queue that the table needs, a dead-letter queue before the queue that names it."""

    def pairs() -> Iterator[QueueMade]:
        for queue in queues(table):
            live, dead = f"{prefix}{queue.name}", f"{prefix}{queue.dead_letter_name}"
            yield QueueMade(name=dead, retention_seconds=DEAD_LETTER_RETENTION_SECONDS, source=live)
            yield QueueMade(name=live, retention_seconds=RETENTION_SECONDS, dead_letters=dead)

    return tuple(pairs())
