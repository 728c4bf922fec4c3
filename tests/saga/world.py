"""The whole saga in one process: the real handlers, pipelines and choreography, over queues and stores in memory.

A seed decides the schedule: which queue is served next, in which order, how many messages at once, which of them come
twice, and which sends are left to the relay. Time is virtual and jumps to the next thing that is due.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts.message import Envelope, Message
from contracts.routes import listeners, reactions
from services.chassis.decision import Bury, Retry
from services.chassis.dispatching import LEASE
from services.chassis.handling import Effects, Handlers, Ports
from services.chassis.ids import uuid7
from services.chassis.letters import Delivery
from services.chassis.memory import MemoryStore
from services.chassis.pipeline import Pipeline
from services.chassis.store import Dispatch

START = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
_TOO_LONG = timedelta(days=3)
_TOO_MANY_STEPS = 20_000


class Stuck(AssertionError):
    """The saga does not come to rest: something waits for what never comes."""


@dataclass(frozen=True)
class Logic:
    """A service without its outside: what its composition root puts together, over fakes."""

    handlers: Handlers[Any]
    kinds: Sequence[type[Any]]
    ports: Callable[..., Ports]
    effects: Effects = field(default_factory=dict)


@dataclass(eq=False)
class _Waiting:
    body: str
    visible_at: datetime
    receives: int = 0


class World:
    """Services, their queues and a clock."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self.stores: dict[str, MemoryStore] = {}
        self.buried: list[tuple[str, Bury]] = []
        self.emitted: Counter[str] = Counter()
        self.logic: dict[str, Logic] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._queues: dict[str, list[_Waiting]] = defaultdict(list)
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []

    def run_by(self, services: Mapping[str, Logic]) -> None:
        """Let these services take part."""
        self.logic.update(services)
        for name, logic in services.items():
            store = self.stores.setdefault(name, MemoryStore())
            self._pipelines[name] = Pipeline(
                service=name,
                handlers=logic.handlers,
                ports=logic.ports,
                effects=logic.effects,
                reactions=reactions(name),
                lock_order=logic.kinds,
                store=store,
                sender=_Sender(self, store),
                clock=self.clock,
                mint=self.mint,
                chance=self.chance.random,
            )

    def clock(self) -> datetime:
        """The virtual time."""
        return self.now

    def mint(self) -> UUID:
        """A new id, decided by the seed."""
        return uuid7(self.now, self.chance.getrandbits(74))

    def send(self, message: Message, *, by: str = "client", message_id: UUID | None = None) -> UUID:
        """Put a request's message, or a catalogue fact, on the queues of its listeners."""
        envelope = Envelope.request(message, by=by, at=self.now, message_id=message_id or self.mint())
        for queue in listeners(type(message)):
            self._queues[queue.name].append(_Waiting(envelope.encode(), self.now))
        return envelope.id

    def at(self, moment: datetime, act: Callable[[], None]) -> None:
        """Do something when the time comes."""
        self._agenda.append((moment, len(self._agenda), act))

    def put(self, queue: str, body: str) -> None:
        """What the relay or a sender puts on a queue."""
        self._queues[queue].append(_Waiting(body, self.now))

    async def come_to_rest(self) -> None:
        """Run until no message is under way and nothing is due. Raises Stuck."""
        for _ in range(_TOO_MANY_STEPS):
            self._act()
            queue = self._ready_queue()
            if queue is not None:
                await self._serve(queue)
            elif not self._relay() and not self._jump():
                return
        raise Stuck(f"still busy at {self.now}: {self._under_way()}")

    async def _serve(self, queue: str) -> None:
        service = queue.rpartition("-")[0]
        ready = [waiting for waiting in self._queues[queue] if waiting.visible_at <= self.now]
        batch = self.chance.sample(ready, self.chance.randint(1, min(10, len(ready))))
        for waiting in batch:
            waiting.receives += 1
        deliveries = [Delivery(queue, waiting.body, "", waiting.receives) for waiting in batch]
        for waiting, verdict in zip(batch, await self._pipelines[service].handle(deliveries), strict=True):
            if isinstance(verdict, Retry):
                waiting.visible_at = self.now + timedelta(seconds=verdict.seconds)
                continue
            if isinstance(verdict, Bury):
                self.buried.append((queue, verdict))
            # A delete that SQS forgot: the message comes again, at once or when nobody thinks of it any more.
            if self.chance.random() < 0.25:
                waiting.visible_at = self.now + timedelta(seconds=self.chance.choice([0, 0, 1, 60, 3600]))
            else:
                self._queues[queue].remove(waiting)
        self.now += timedelta(milliseconds=self.chance.randint(0, 200))

    def _ready_queue(self) -> str | None:
        ready = sorted(name for name, queue in self._queues.items() if any(w.visible_at <= self.now for w in queue))
        return self.chance.choice(ready) if ready else None

    def _act(self) -> None:
        for entry in sorted(self._agenda, key=lambda entry: entry[:2]):
            if entry[0] <= self.now:
                self._agenda.remove(entry)
                entry[2]()

    def _relay(self) -> bool:
        sent = False
        for store in self.stores.values():
            for dispatch in [d for d in store.outbox.values() if d.send_at <= self.now]:
                self.put(dispatch.queue, dispatch.body)
                # A relay that dies between sending and deleting sends again after its lease.
                if self.chance.random() < 0.1:
                    store.outbox[dispatch.key] = replace(dispatch, send_at=self.now + LEASE)
                else:
                    del store.outbox[dispatch.key]
                sent = True
        return sent

    def _jump(self) -> bool:
        moments = [*self._due()]
        if not moments:
            return False
        if min(moments) - START > _TOO_LONG:
            raise Stuck(f"waiting for ever: {self._under_way()}")
        self.now = max(self.now, min(moments))
        return True

    def _due(self) -> Iterator[datetime]:
        yield from (entry[0] for entry in self._agenda)
        for queue in self._queues.values():
            yield from (waiting.visible_at for waiting in queue)
        for store in self.stores.values():
            yield from (dispatch.send_at for dispatch in store.outbox.values())

    def _under_way(self) -> str:
        parked = [d for store in self.stores.values() for d in store.outbox.values()]
        return "; ".join(f"{d.type} on {d.queue} until {d.send_at}: {d.waits_for}" for d in parked) or "only queues"


class _Sender:
    """Sends right after the commit, unless the seed lets it fail: then the relay does, after the lease."""

    def __init__(self, world: World, store: MemoryStore) -> None:
        self._world = world
        self._store = store

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        for dispatch in dispatches:
            self._world.emitted[dispatch.type] += 1
            chance = self._world.chance.random()
            if chance > 0.05:
                self._world.put(dispatch.queue, dispatch.body)
            if chance > 0.1:
                del self._store.outbox[dispatch.key]
