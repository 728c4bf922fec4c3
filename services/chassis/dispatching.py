"""From messages to outbox rows: an envelope for each, a row for each queue that listens."""

from datetime import datetime, timedelta
from uuid import UUID

from contracts.message import Envelope, Message
from contracts.routes import listeners
from services.chassis.handling import Emitted, Later
from services.chassis.ids import Mint
from services.chassis.store import Dispatch

LEASE = timedelta(seconds=15)
"""How long the process that wrote an outbox row has it for itself, to send it; then it is the relay's."""


class Dispatcher:
    """Collects the outbox rows of one transaction."""

    def __init__(self, service: str, now: datetime, mint: Mint) -> None:
        self.service = service
        self.now = now
        self._mint = mint
        self.at_once: list[Dispatch] = []
        """Rows to be sent right after the commit."""
        self.later: list[Dispatch] = []
        """Timers."""

    @property
    def dispatches(self) -> list[Dispatch]:
        """Every row, to be written in the transaction."""
        return [*self.at_once, *self.later]

    def follow(self, cause: Envelope, emission: Emitted, traceparent: str | None = None) -> Envelope:
        """Enqueue what a handler emitted on ``cause``. It is traced where the cause was, unless told otherwise."""
        message = emission.message if isinstance(emission, Later) else emission
        envelope = cause.followed_by(message, by=self.service, at=self.now, traceparent=traceparent)
        due = emission.due if isinstance(emission, Later) else None
        self.enqueue(envelope, due)
        return envelope

    def request(self, message: Message, message_id: UUID, traceparent: str | None = None) -> Envelope:
        """Enqueue what a request brought about."""
        envelope = Envelope.request(
            message,
            by=self.service,
            at=self.now,
            message_id=message_id,
            traceparent=traceparent,
        )
        self.enqueue(envelope)
        return envelope

    def enqueue(self, envelope: Envelope, due: datetime | None = None) -> None:
        """Enqueue an envelope for every listener of its message, due at once or later."""
        body = envelope.encode()
        message = envelope.message
        rows = self.at_once if due is None or due <= self.now else self.later
        for queue in listeners(type(message)):
            rows.append(
                Dispatch(
                    key=self._mint(),
                    message_id=envelope.id,
                    correlation=message.correlation,
                    type=message.type,
                    queue=queue.name,
                    group=message.partition,
                    body=body,
                    send_at=self.now + LEASE if rows is self.at_once or due is None else due,
                )
            )
