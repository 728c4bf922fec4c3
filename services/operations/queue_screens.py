"""The commands that look at queues, and how what they see is printed."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import JustifyMethod
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contracts.routes import MAX_RECEIVES, Queue
from services.chassis.journal import Journal
from services.chassis.process import run
from services.chassis.telemetry import LogSettings, log_to
from services.operations.commands import complaints, console
from services.operations.contents import shown
from services.operations.deployment import find, turn_to
from services.operations.desk import Desk, at_desk
from services.operations.errors import Trouble
from services.operations.queues import QueueState, Seen, chosen, last_failure, queue_named
from services.operations.wording import ago, counted, printable, times

REFRESH_SECONDS = 2

_WIDE = 120
_TEXTS = ("queue", "listener", "what waits")


def desk_of(state: Path | None, aws: str | None) -> AbstractAsyncContextManager[Desk]:
    """The desk of the system that is meant. Raises Trouble when there is none."""
    log_to(sys.stderr, LogSettings(level="warning", format="console"))
    deployment = find(state, aws, os.environ)
    turn_to(deployment)
    return at_desk(deployment)


def agree_to_receive(desk: Desk, what: str, *, yes: bool) -> None:
    """Where a look changes something, say so and ask first. Raises Trouble where nobody can be asked."""
    if desk.access.peeks or yes:
        return
    warning = (
        f"Here a look is a receive: {what} It hides the messages from everybody else until they are given back, "
        "which happens at once, or after two minutes if this command is killed."
    )
    if not sys.stdin.isatty():
        raise Trouble(f"{warning} Give --yes if that is all right.")
    complaints.print(Text(warning))
    if not typer.confirm("Look?", err=True):
        raise typer.Exit(1)


def show_queues(state: Path | None, aws: str | None, *, watch: bool, as_json: bool) -> None:
    """Every queue; again and again, if so wished, until Ctrl-C."""

    async def main() -> None:
        async with desk_of(state, aws) as desk:
            if not watch:
                states = await desk.overview()
                print(json.dumps([_record(s) for s in states], indent=2)) if as_json else console.print(table(states))
                return
            with ExitStack() as stack:
                live = None
                if console.is_terminal and not as_json:
                    live = stack.enter_context(Live(console=console, auto_refresh=False))
                while True:
                    _show_again(await desk.overview(), live, as_json=as_json)
                    await asyncio.sleep(REFRESH_SECONDS)

    try:
        run(main())
    except KeyboardInterrupt:
        if not watch:
            raise


def _show_again(states: Sequence[QueueState], live: Live | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_record(s) for s in states]), flush=True)
    elif live is not None:
        live.update(table(states), refresh=True)
    else:
        console.print(table(states))
        console.file.flush()


def _record(state: QueueState) -> dict[str, Any]:
    return {
        "queue": state.name,
        "listener": state.listener,
        "waiting": state.counts.waiting,
        "in_flight": state.counts.in_flight,
        "delayed": state.counts.delayed,
        "dead_letters": state.dead,
        "oldest_seconds": None if state.oldest is None else round(state.oldest.total_seconds(), 1),
        "types": state.types,
    }


def table(states: Sequence[QueueState], width: int | None = None) -> Table:
    """The queues as a table that fits into ``width`` characters, the terminal's unless given. Where they are few, it
    does without what the names say already and what is zero everywhere; from 80 on no name is broken.
    """
    narrow = (width or console.width) < _WIDE
    shown = Table(
        box=box.SIMPLE if narrow else box.HEAVY_HEAD,
        padding=(0, 0) if narrow else (0, 1),
        caption=f"{datetime.now(UTC):%H:%M:%S} UTC",
        caption_justify="left",
    )
    columns: dict[str, Callable[[QueueState], str]] = {
        "queue": lambda state: state.name,
        "listener": lambda state: state.listener,
        "waiting": lambda state: str(state.counts.waiting or ""),
        "in flight": lambda state: str(state.counts.in_flight or ""),
        "delayed": lambda state: str(state.counts.delayed or ""),
        "dead": lambda state: str(state.dead or ""),
        "oldest": lambda state: ago(state.oldest) if state.oldest else "",
        "what waits": _types,
    }
    if narrow:
        del columns["listener"]
        if not any(state.counts.delayed for state in states):
            del columns["delayed"]
    for column in columns:
        justify: JustifyMethod = "left" if column in _TEXTS else "right"
        longest = max(len(state.name) for state in states) if column == "queue" else None
        shown.add_column(column, justify=justify, overflow="fold", min_width=longest)
    for state in states:
        shown.add_row(
            *(Text(cell(state), style="bold red" if name == "dead" else "") for name, cell in columns.items())
        )
    return shown


def _types(state: QueueState) -> str:
    if state.types is None:
        return "(not told without receiving)" if state.counts.all else ""
    return printable(", ".join(f"{name} {number}" for name, number in state.types.items()))


def peek(
    state: Path | None,
    aws: str | None,
    name: str,
    type_name: str | None,
    correlation: str | None,
    *,
    limit: int,
    personal: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Messages of a queue or a dead-letter queue, decoded, and why the last try of each failed."""

    async def main() -> None:
        queue = queue_named(name)
        async with desk_of(state, aws) as desk:
            agree_to_receive(
                desk, f"it counts as one, and after {MAX_RECEIVES} of them SQS makes a message a dead letter.", yes=yes
            )
            wants_all = type_name or correlation or desk.access.peeks
            seen = await desk.access.look(name, None if wants_all else limit)
            found = chosen(seen, type_name, correlation)
            journals = await desk.ask((queue, message) for message in found[:limit])
        journal = journals.get(queue.service)
        if as_json:
            print(json.dumps([_message(m, journal, personal=personal) for m in found[:limit]], indent=2))
            return
        for message in found[:limit]:
            _print_message(queue, message, journal, personal=personal)
        fit = "" if len(found) == len(seen) else f"{len(found)} of "
        console.print(f"{fit}{counted(len(seen), 'message')}" + (f", {limit} shown" if len(found) > limit else ""))

    run(main())


def _message(message: Seen, journal: Journal | None, *, personal: bool) -> dict[str, Any]:
    contents = message.contents
    return {
        "id": str(contents.id) if contents.id else None,
        "sqs_id": message.sqs_id,
        "type": contents.type,
        "correlation": contents.correlation,
        "place": message.place,
        "receives": message.receives,
        "sent_at": message.sent_at.isoformat(),
        "problem": contents.problem,
        "last_failure": last_failure(message, journal),
        "attributes": dict(message.attributes),
        "body": shown(message.body, personal=personal),
    }


def _print_message(queue: Queue, message: Seen, journal: Journal | None, *, personal: bool) -> None:
    contents, age = message.contents, ago(datetime.now(UTC) - message.sent_at)
    _say(f"{contents.name}  {contents.id or message.sqs_id}", "bold")
    _say(f"  {message.place}, {age} old, received {times(message.receives)}")
    if contents.problem:
        _say(f"  {queue.service} cannot take it: {contents.problem}")
    if failure := last_failure(message, journal):
        tries = f"try {failure['tries']}" if "tries" in failure else "the last try"
        _say(f"  {tries} failed: {failure['error']} ({failure['place']})", "red")
    print_body(message.body, personal=personal)


def print_body(body: str, *, personal: bool) -> None:
    """A body, indented."""
    content = shown(body, personal=personal)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
    for line in text.splitlines():
        _say(f"  {line}")


def _say(line: str, style: str = "") -> None:
    console.print(Text(printable(line), style), soft_wrap=True)
