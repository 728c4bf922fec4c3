"""Sequence diagrams of the saga (https://mermaid.js.org/syntax/sequenceDiagram.html), drawn from the choreography.

A template names the messages of each diagram in their order; who sends them to whom is the table's to say.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from contracts.choreography import CHOREOGRAPHY, Http, Step, Timer
from contracts.message import Message, message_types
from contracts.routes import emitted_by, listeners

TEMPLATE = Path(__file__).parent / "saga.template.md"
_PLACE = re.compile(r"^\{\{ (.+) \}\}$", re.MULTILINE)
GATEWAY_ROUTES = {"POST /payments/webhook"}


class NotInTheTable(Exception):
    """A diagram shows what the choreography does not allow."""


def saga() -> str:
    """The document: the template with its diagrams and the table filled in. Raises NotInTheTable."""
    return _PLACE.sub(lambda place: _filled(place[1]), TEMPLATE.read_text())


def _filled(names: str) -> str:
    if names == "table":
        return "\n".join(_table())
    return "\n".join(("```mermaid", *diagram([name.strip() for name in names.split(",")]), "```"))


def diagram(names: Sequence[str]) -> Iterator[str]:
    """The lines of one diagram. ``names``: routes and messages in the order in which they come. Raises NotInTheTable.

    The first message may come from anywhere; each other one has to follow from one that was shown before.
    """
    yield "sequenceDiagram"
    shown: list[type[Message] | Http] = []
    for name in names:
        if " " in name:
            route = Http(name)
            client = "gateway" if name in GATEWAY_ROUTES else "client"
            step = next((step for step in CHOREOGRAPHY if step.on == route), None)
            if step is None:
                raise NotInTheTable(f"{name} is no route of the table")
            yield f"    {client}->>{step.by}: {name}"
            shown.append(route)
        else:
            message = _named(name)
            sender, timer = _origin(message, shown)
            yield from _arrows(message, sender, timer=timer)
            shown.append(message)


def _named(name: str) -> type[Message]:
    found = next((message for message in message_types().values() if message.__name__ == name), None)
    if found is None:
        raise NotInTheTable(f"{name} is no message")
    return found


def _origin(message: type[Message], shown: Sequence[type[Message] | Http]) -> tuple[str, bool]:
    causes = [step for step in CHOREOGRAPHY if message in emitted_by(step)]
    if shown:
        causes = [step for step in causes if step.on in shown]
    if not causes:
        raise NotInTheTable(f"{message.__name__} does not follow from what is shown before it")
    return causes[-1].by, any(entry == Timer(message) for entry in causes[-1].emits)


def _arrows(message: type[Message], sender: str, *, timer: bool) -> Iterator[str]:
    heard_by = [queue.service for queue in listeners(message)]
    if not heard_by:
        yield f"    Note over {sender}: {message.__name__}"
    for service in heard_by:
        yield f"    {sender}{'-->>' if timer else '->>'}{service}: {message.__name__}"


def _table() -> Iterator[str]:
    yield "| when this arrives | this service reacts | and may emit |"
    yield "|---|---|---|"
    for step in CHOREOGRAPHY:
        on = f"`{step.on.route}`" if isinstance(step.on, Http) else step.on.__name__
        yield f"| {on} | {step.by} | {', '.join(_emissions(step)) or 'nothing'} |"


def _emissions(step: Step) -> Iterator[str]:
    for entry in step.emits:
        yield f"{entry.message.__name__} (timer)" if isinstance(entry, Timer) else entry.__name__
