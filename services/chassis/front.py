"""What all requests of one process and service share."""

import asyncio
from dataclasses import dataclass, field

from services.chassis.publishing import Publisher
from services.chassis.runtime import Running
from services.chassis.store import Dispatch
from services.chassis.waiting import Waiting


@dataclass(frozen=True)
class Front:
    """The publisher and the waits of a service, and the sends that follow its commits."""

    running: Running
    publisher: Publisher
    waiting: Waiting
    _sends: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def of(cls, running: Running, stop: asyncio.Event) -> "Front":
        """The front of a service."""
        return cls(running, Publisher(running.queues.send), Waiting(running.database, stop))

    def send(self, dispatches: list[Dispatch]) -> None:
        """Send committed outbox rows, without keeping the client waiting: they are safe already."""
        if dispatches:
            task = asyncio.create_task(self.running.outbox.send(dispatches))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)

    async def finish(self) -> None:
        """Wait for the sends and the looks that are under way: the database is closed after them."""
        await asyncio.gather(self.waiting.finish(), *self._sends)
