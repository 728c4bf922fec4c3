"""One call of one handler: with what it is handed, and the checks on what it does."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from contracts.message import Envelope, Message
from services.chassis.dispatching import Dispatcher
from services.chassis.handling import Emitted, Handler, Later, Ports
from services.chassis.kernel import NotYet
from services.chassis.letters import Letter
from services.chassis.rows import Key, Rows, field_names
from services.chassis.store import Entry
from services.chassis.trace_context import traceparent


class Forbidden(Exception):
    """A handler emitted what its row of the choreography does not list, or the same message twice, or said NotYet
    after a change.
    """


@dataclass(frozen=True, slots=True)
class Call:
    """A message, the rows of its batch, and the keys among them that it declared."""

    letter: Letter
    rows: Rows
    declared: frozenset[Key]

    def run(
        self,
        handler: Handler,
        ports: Callable[..., Ports],
        dispatcher: Dispatcher,
        allowed: Collection[type[Message]],
    ) -> Entry:
        """Call the handler, enqueue what it emits, and say what the journal keeps. Raises what the handler raises, and
        Forbidden.
        """
        envelope, effect = self.letter.envelope, self.letter.effect
        before = self.rows.state(self.declared)
        handed = ports(
            rows=self.rows.within(self.declared),
            now=dispatcher.now,
            sent=envelope.time,
            id=envelope.id,
            effect=effect,
        )
        try:
            emitted: list[Emitted] = list(handler.handle(envelope.message, handed))
        except NotYet as error:
            if self.rows.state(self.declared) != before:
                raise Forbidden(f"{envelope.message.type}: NotYet was raised after a change") from error
            raise
        trace = traceparent(self.letter.span) if self.letter.span else None
        followers = [dispatcher.follow(envelope, emission, trace) for emission in emitted]
        self._check(followers, allowed)
        changed = self.rows.state(self.declared) != before
        return Entry(
            envelope=envelope,
            outcome="handled" if changed or emitted else "ignored",
            now=dispatcher.now,
            effect=effect.model_dump(mode="json") if effect else None,
            read=list(_shared(before)),
            emitted=[_noted(*pair) for pair in zip(followers, emitted, strict=True)],
        )

    def _check(self, followers: Sequence[Envelope], allowed: Collection[type[Message]]) -> None:
        cause = self.letter.envelope.message.type
        for follower in followers:
            if type(follower.message) not in allowed:
                raise Forbidden(f"{follower.message.type} may not be emitted on {cause}")
        if len({(follower.id, follower.message.type) for follower in followers}) < len(followers):
            raise Forbidden(f"the same message was emitted twice on {cause}")


def _noted(envelope: Envelope, emission: Emitted) -> dict[str, Any]:
    """What the journal keeps of what was emitted: the envelope, and of a timer when it is due."""
    due = {"due": emission.due.astimezone(UTC).isoformat()} if isinstance(emission, Later) else {}
    return envelope.attributes(personal=False) | due


def _shared(before: Mapping[Key, tuple[Any, ...] | None]) -> Iterator[dict[str, Any]]:
    """The rows of shared kinds, those that others change too, as this handler read them: a replay decides by the same.

    By names, so that a later release, whose row has another column, can still tell them apart. What a kind calls
    ``personal`` is None.
    """
    for key, columns in sorted(before.items(), key=lambda row: (row[0].kind.__name__, str(row[0].id))):
        if getattr(key.kind, "shared", False):
            yield {"kind": key.kind.__name__, "id": key.id, "columns": columns and _named(key.kind, columns)}


def _named(kind: type[Any], columns: tuple[Any, ...]) -> dict[str, Any]:
    personal = getattr(kind, "personal", ())
    named = zip(field_names(kind), columns, strict=True)
    return {name: None if name in personal else column for name, column in named}
