"""What the overview shows: the whole system at one moment, looked at once for all who watch."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import ValidationError

from services.chassis.activity import Activity
from services.operations.console.settings import ConsoleSettings
from services.operations.desk import Desk
from services.operations.finding import Filter, list_purchases
from services.operations.journals import Journals, Silent
from services.operations.purchases import Purchase
from services.operations.queues import QueueState
from services.operations.waits import Wait

MINUTES = 30
PERIOD = timedelta(hours=24)
"""Of which purchases the states are counted."""

_FRESH_SECONDS = 1.5
_STUCK_FRESH_SECONDS = 8
"""Telling who is stuck takes all journals of all purchases under way."""

MOST_STUCK = 50
"""The overview names so many of them: the oldest."""


@dataclass(frozen=True)
class Stuck:
    """A purchase that should have gone on, and what it waits for."""

    purchase: Purchase
    waits: Sequence[Wait]


@dataclass(frozen=True)
class Snapshot:
    """The system at one moment. ``handled`` are messages a minute, the minute under way last."""

    at: datetime
    queues: Sequence[QueueState]
    handled: Sequence[int] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    """How many of the purchases of the last ``PERIOD`` are in each state."""
    under_way: int = 0
    stuck: Sequence[Stuck] = ()
    silent: frozenset[str] = frozenset()
    asks_journals: bool = True

    @property
    def dead(self) -> int:
        """Dead letters of all queues."""
        return sum(queue.dead for queue in self.queues)

    @property
    def how_many_stuck(self) -> str:
        """A number, or, where there may be more than were looked for, the least it is."""
        return f"{len(self.stuck)} or more" if len(self.stuck) >= MOST_STUCK else str(len(self.stuck))

    @property
    def waiting(self) -> int:
        """Messages on all queues, whether they wait, are in flight or delayed."""
        return sum(queue.counts.all for queue in self.queues)

    @property
    def is_empty(self) -> bool:
        """Nothing has happened yet, as far as everybody was asked and answered."""
        something = self.waiting or self.dead or self.states or self.under_way or any(self.handled)
        return self.asks_journals and not (something or self.silent)


class Watch:
    """Looks at the system when somebody watches, and not more often for several who do."""

    def __init__(self, desk: Desk, settings: ConsoleSettings) -> None:
        self._desk = desk
        self._stuck_after = settings.stuck_after
        self._snapshot = Kept(self._look, _FRESH_SECONDS)
        self._stuck = Kept(self._find_stuck, _STUCK_FRESH_SECONDS)

    async def snapshot(self) -> Snapshot:
        """The system as it was a moment ago at most. Raises Trouble and botocore's errors."""
        return await self._snapshot.get()

    async def _look(self) -> Snapshot:
        now = datetime.now(UTC)
        journals = self._desk.journals
        if journals is None:
            return Snapshot(now, await self._desk.overview(), asks_journals=False)
        queues, activities = await asyncio.gather(self._desk.overview(), _activities(journals, now))
        states: Counter[str] = Counter()
        for activity in activities.values():
            states.update(activity.statuses)
        return Snapshot(
            now,
            queues,
            handled=[sum(minute) for minute in zip(*(a.handled for a in activities.values()), strict=True)],
            states=states,
            under_way=sum(activity.under_way for activity in activities.values()),
            stuck=await self._stuck.get(),
            silent=frozenset(journals.clients.keys() - activities.keys()),
        )

    async def _find_stuck(self) -> list[Stuck]:
        now = datetime.now(UTC)
        wanted = Filter(stuck_for=self._stuck_after, limit=MOST_STUCK)
        try:
            listed = await list_purchases(self._desk.anew(), wanted, now)
        except Silent:
            return []  # the queues are to be seen all the same, and the snapshot names who does not answer
        return [
            Stuck(purchase, [wait for wait in purchase.waits if wait.is_stuck(now, self._stuck_after)])
            for purchase in listed.purchases
        ]


class Kept[T]:
    """A value that is made anew when it is too old, by one asker for all."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._value: tuple[float, T] | None = None

    async def get(self) -> T:
        """The value. Raises what making it raises."""
        async with self._lock:
            if self._value is None or time.monotonic() - self._value[0] >= self._seconds:
                self._value = (time.monotonic(), await self._make())
            return self._value[1]


async def _activities(journals: Journals, now: datetime) -> dict[str, Activity]:
    """What each service has been doing; those that do not answer are absent."""
    query = {"minutes": str(MINUTES), "since": (now - PERIOD).isoformat()}

    async def ask(client: httpx.AsyncClient) -> Activity | None:
        try:
            answer = await client.get("/operations/activity", params=query)
            return Activity.model_validate_json(answer.content) if answer.is_success else None
        except (httpx.TransportError, ValidationError):
            return None

    answers = await asyncio.gather(*(ask(client) for client in journals.clients.values()))
    return {activity.service: activity for activity in answers if activity is not None}
