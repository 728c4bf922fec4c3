"""A service made for tests of the chassis: it counts the cancellations of a reservation, and can be made to fail."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, Integer, Table, Uuid

from contracts.message import Envelope, Message
from contracts.reservation import CancelReservation, ExpireReservation, HoldExpired, HoldReleased
from services.chassis.handling import Effects, Emitted, Handlers, Later, Ports, Result
from services.chassis.ids import minting
from services.chassis.letters import Delivery
from services.chassis.pipeline import Pipeline
from services.chassis.rows import Key, Rows
from services.chassis.store import Dispatch, Store
from services.chassis.tables import chassis_tables, service_metadata

QUEUE = "reservation-underway"


@dataclass(slots=True)
class Count:
    """How often something was cancelled. Never more than nine times, says the database."""

    shared: ClassVar[bool] = True

    id: UUID
    times: int


metadata = service_metadata()
tables = chassis_tables(metadata)
counts = Table(
    "counts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("times", Integer, nullable=False),
    CheckConstraint("times < 10", name="times"),
)
KINDS: dict[type[Any], Table] = {Count: counts}
REACTIONS: dict[type[Message], frozenset[type[Message]]] = {
    CancelReservation: frozenset({HoldReleased, ExpireReservation}),
    ExpireReservation: frozenset({HoldExpired}),
}


class Seen(Result):
    """What the effect of a cancellation found."""

    what: str


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Counting:
    """The service: ``then`` is called in the handler, to emit or to fail."""

    store: Store
    then: Callable[[CancelReservation, Ports], Iterator[Emitted]] | None = None
    effects: Effects = field(default_factory=dict)
    sent: list[Dispatch] = field(default_factory=list)
    calls: int = 0

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        self.sent += dispatches

    def pipeline(self) -> Pipeline:
        on = Handlers(Ports)

        def touches(message: CancelReservation | ExpireReservation, _: Rows) -> Iterator[Key]:
            yield Key(Count, message.reservation_id)

        @on(CancelReservation, touches=touches)
        def cancel(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
            self.calls += 1
            count = ports.rows.find(Count, message.reservation_id)
            if self.then and message.caller == "failing":
                yield from self.then(message, ports)
            if count is None:
                count = Count(message.reservation_id, 0)
                ports.rows.add(count)
            count.times += 1
            yield HoldReleased(reservation_id=message.reservation_id, ticket_id=message.reservation_id)
            yield Later(ExpireReservation(reservation_id=message.reservation_id), due=datetime(2199, 1, 1, tzinfo=UTC))

        @on(ExpireReservation, touches=touches)
        def expire(message: ExpireReservation, ports: Ports) -> Iterator[Emitted]:
            ports.rows.get(Count, message.reservation_id)
            return iter(())

        return Pipeline(
            service="reservation",
            handlers=on,
            ports=Ports,
            effects=self.effects,
            reactions=REACTIONS,
            lock_order=tuple(KINDS),
            store=self.store,
            sender=self,
            clock=clock,
            mint=minting(clock),
            chance=lambda: 1.0,
        )


def cancelling(reservation: UUID | None = None, *, failing: bool = False, at: datetime | None = None) -> Envelope:
    """A request to cancel."""
    message = CancelReservation(reservation_id=reservation or uuid4(), caller="failing" if failing else "anonymous")
    return Envelope.request(message, by="reservation", at=at or clock(), message_id=uuid4())


def delivered(envelope: Envelope, receives: int = 1) -> Delivery:
    """A message as SQS hands it out."""
    return Delivery(QUEUE, envelope.encode(), str(uuid4()), receives)
