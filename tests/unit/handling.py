"""Message in, messages out: runs one handler over rows given by hand, with the checks that the pipeline makes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from contracts.message import Message
from services.chassis.handling import Handlers, Later, Result
from services.chassis.rows import Key, Rows, values

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """What a handler did: the messages it emitted, its timers, and the rows as it left them."""

    messages: list[Message]
    timers: list[Later]
    rows: dict[Key, Any]

    @property
    def message(self) -> Message:
        """The only message it emitted."""
        (message,) = self.messages
        return message

    def row[Kind](self, kind: type[Kind], row_id: UUID | str) -> Kind:
        """A row as it left it."""
        row = self.rows[Key(kind, row_id)]
        assert isinstance(row, kind)
        return row


def handle(
    on: Handlers[Any],
    message: Message,
    *,
    rows: Iterable[Any],
    ports: Callable[..., Any],
    now: datetime = NOW,
    sent: datetime | None = None,
    effect: Result | None = None,
) -> Outcome:
    """Run the handler of ``message`` over ``rows``. It sees only what its ``touches`` names, as in a real batch."""
    handler = on[type(message)].given(effect)
    given = {Key(type(row), values(row)[0]): row for row in rows}
    loaded = Rows()
    for key in handler.looks(message):
        loaded.put([key], [given[key]] if key in given else [], locked=False)
    declared: frozenset[Key] = frozenset()
    while (named := frozenset(handler.touches(message, loaded))) != declared:
        for key in named - declared:
            if key not in given and hasattr(key.kind, "on_sight"):
                given[key] = key.kind.on_sight(key.id)
            loaded.put([key], [given[key]] if key in given else [], locked=True)
        declared = named
    make = partial(ports, rows=loaded.within(declared), now=now, sent=sent or now, id=uuid4(), effect=effect)
    emitted = list(handler.handle(message, make()))
    for row in loaded.added():
        given[Key(type(row), values(row)[0])] = row
    return Outcome(
        messages=[emission for emission in emitted if not isinstance(emission, Later)],
        timers=[emission for emission in emitted if isinstance(emission, Later)],
        rows=given,
    )
