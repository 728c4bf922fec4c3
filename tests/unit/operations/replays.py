"""Replays of a recorded purchase, from the command line; of its handlers some may have changed."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.message import Message
from services.chassis.handling import Emitted, Handler
from services.operations.cli import app
from services.operations.registry import SERVICES

COMPLETED = Path(__file__).parents[2] / "recordings" / "completed.jsonl"
"""A purchase that completed."""

type Change = Callable[[Message, Any, Iterable[Emitted]], Iterable[Emitted]]
"""What a handler emits instead: from its message, its ports, and what it emitted so far. Who does not ask for that has
not run the handler of before: it changes no row."""


def changed(patch: pytest.MonkeyPatch, service: str, message: type[Message], to: Change, **declared: Any) -> None:
    """Change a service's handler of a message."""
    handlers = SERVICES[service].handlers
    handler: Handler = handlers[message]

    def emitted(got: Message, ports: Any) -> Iterator[Emitted]:
        yield from handler.handle(got, ports)

    def handle(got: Message, ports: Any) -> Iterable[Emitted]:
        return to(got, ports, emitted(got, ports))

    patch.setitem(handlers._by_message, message, replace(handler, handle=handle, **declared))


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(
        app, ["saga", "replay", *map(str, arguments)], input=text, env={"COLUMNS": "200", "TERM": "dumb"}
    )


def edited(tmp_path: Path, edit: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
    """The recording of a purchase that completed, line by line otherwise; None leaves a line out."""
    events = [edit(json.loads(line)) for line in COMPLETED.read_text().splitlines()]
    file = tmp_path / "edited.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events if event is not None))
    return file
