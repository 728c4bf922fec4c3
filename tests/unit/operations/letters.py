"""Messages in queues, as a look shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from contracts.message import Envelope, Message
from contracts.payment import PaymentApproved
from contracts.routes import Queue
from services.operations.dead_letters import DeadLetter, dead_letter
from services.operations.queues import Place, Seen

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
RESERVATION = Queue("reservation", "underway")
FAILED = {
    "reason": "failed",
    "error": "ValueError: no such seat",
    "place": "services/reservation/handlers.py:12 in confirm()",
    "source-queue": "reservation-underway",
    "receives": "9",
}


def an_approval(order: int = 1) -> PaymentApproved:
    return PaymentApproved.model_validate({"order_id": UUID(int=order), "event_id": UUID(int=7), "amount": 180})


def body_of(message: Message, message_id: UUID | None = None, at: datetime = NOW) -> str:
    return Envelope.request(message, by="test", at=at, message_id=message_id or uuid4()).encode()


def seen(body: str, attributes: Mapping[str, str] | None = None, **more: object) -> Seen:
    about = {"sqs_id": str(uuid4()), "place": Place.WAITING, "receives": 1, "sent_at": NOW - timedelta(minutes=3)}
    return Seen(body=body, attributes=attributes or {}, **{**about, **more})  # type: ignore[arg-type]


def dead(
    body: str, attributes: Mapping[str, str] | None = None, queue: Queue = RESERVATION, **more: object
) -> DeadLetter:
    return dead_letter(queue, seen(body, attributes, **more))
