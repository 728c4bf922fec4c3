"""Dead letters: why each is one, which belong together, which are meant, and what would become of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from contracts.message import Envelope, Undecodable, UnknownType
from contracts.routes import Queue, reactions
from services.chassis.decision import RETENTION, TooOld
from services.chassis.journal import Journal
from services.chassis.letters import Delivery, open_letter
from services.operations.contents import Contents
from services.operations.queues import Seen

RECEIVED_TOO_OFTEN = "received_too_often"
"""SQS's redrive policy moved it: its worker crashed or hung each time, so nobody could say why."""

PUT_BY_HAND = "put_by_hand"
"""Neither a worker nor SQS put it there."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue, and the queue that it came from."""

    queue: Queue
    seen: Seen
    contents: Contents

    @property
    def key(self) -> str:
        """What a person calls it by: the message's id, else SQS's."""
        return str(self.contents.id or self.seen.sqs_id)

    @property
    def reason(self) -> str:
        """A slug: what the worker said, else who put it there."""
        moved = RECEIVED_TOO_OFTEN if self.seen.moved_by_sqs else PUT_BY_HAND
        return self.seen.attributes.get("reason", moved)

    @property
    def error(self) -> str | None:
        """The last try's error; None where no worker could say it."""
        return self.seen.attributes.get("error")

    @property
    def why(self) -> str:
        """The error, or what can be said without one."""
        unsaid = "its worker crashed or hung each time" if self.seen.moved_by_sqs else "put there by hand, untried"
        return self.error or unsaid

    @property
    def place(self) -> str | None:
        """Where in the code the error was raised."""
        return self.seen.attributes.get("place")

    @property
    def receives(self) -> int:
        """How often it was received from its own queue, or, where nobody noted that, from any."""
        noted = self.seen.attributes.get("receives", "")
        return int(noted) if noted.isdecimal() else self.seen.receives


def dead_letter(queue: Queue, seen: Seen) -> DeadLetter:
    """A message that was seen in a queue's dead-letter queue."""
    return DeadLetter(queue, seen, seen.contents)


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one reason and type."""

    reason: str
    type: str
    letters: tuple[DeadLetter, ...]

    @property
    def queues(self) -> list[str]:
        """The queues they came from."""
        return sorted({letter.queue.name for letter in self.letters})

    @property
    def places(self) -> dict[str, int]:
        """Where in the code their errors were raised, most often first."""
        return dict(Counter(letter.place for letter in self.letters if letter.place is not None).most_common())

    @property
    def why(self) -> str:
        """Why the newest one is dead."""
        return max(self.letters, key=lambda letter: letter.seen.sent_at).why

    @property
    def since(self) -> datetime:
        """Since when the oldest of them is known."""
        return min(letter.seen.sent_at for letter in self.letters)


def grouped(letters: Iterable[DeadLetter]) -> list[Group]:
    """Dead letters by reason and type, largest group first."""
    groups: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault((letter.reason, letter.contents.name), []).append(letter)
    found = [Group(reason, name, tuple(members)) for (reason, name), members in groups.items()]
    return sorted(found, key=lambda group: (-len(group.letters), group.reason, group.type))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which dead letters are meant: those that fit all that is given. Nothing given means every one."""

    ids: Sequence[str] = ()
    types: Sequence[str] = ()
    reasons: Sequence[str] = ()

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(wanted.lower() for wanted in self.ids)

    def fits(self, letter: DeadLetter) -> bool:
        """Whether a dead letter is meant. An id is the message's or SQS's."""
        ids = {letter.key.lower(), letter.seen.sqs_id.lower()}
        return (
            (not self.ids or not self._ids.isdisjoint(ids))
            and (not self.types or any(letter.contents.is_called(wanted) for wanted in self.types))
            and (not self.reasons or letter.reason in self.reasons)
        )


def check(queue: Queue, body: str, journal: Journal | None, now: datetime) -> Envelope:
    """A body as the queue's service, whose journal this is, would take it. Raises Undecodable, UnknownType and TooOld
    where it would not. Of a service that cannot be asked, its memory is taken to be as long as the default.
    """
    retention = RETENTION if journal is None else journal.retention
    delivery = Delivery(queue.name, body, "", 0)
    return open_letter(delivery, queue.service, reactions(queue.service), now, retention).envelope


def hopeless(letter: DeadLetter, journal: Journal | None, now: datetime) -> str | None:
    """Why its service would bury it again, whatever has been mended there; None when it would try to handle it."""
    try:
        check(letter.queue, letter.seen.body, journal, now)
    except UnknownType:
        return letter.contents.problem
    except (Undecodable, TooOld) as error:
        return str(error)
    return None


def prospect(letter: DeadLetter, journal: Journal | None, now: datetime) -> str:
    """What would become of a dead letter that is sent back."""
    service = letter.queue.service
    if problem := hopeless(letter, journal, now):
        return f"{service} would bury it again: {problem}"
    if journal is None:
        return f"{service} would try it again (its journal cannot be asked)"
    if any(entry.envelope["id"] == letter.key for entry in journal.handled):
        return f"{service} would drop it: it has handled the message already"
    return f"{service} would try it again"


def record_of(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter for a script, without its body."""
    return {
        "id": letter.key,
        "sqs_id": letter.seen.sqs_id,
        "queue": letter.queue.name,
        "type": letter.contents.type,
        "correlation": letter.contents.correlation,
        "reason": letter.reason,
        "error": letter.error,
        "place": letter.place,
        "receives": letter.receives,
        "since": letter.seen.sent_at.isoformat(),
    }
