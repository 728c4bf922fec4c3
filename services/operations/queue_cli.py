"""``bilhetagem queues`` and ``bilhetagem dead-letters``: what can be said on the command line."""

from pathlib import Path
from typing import Annotated

import typer

StateFolder = Annotated[
    Path | None, typer.Option("--state", help="The folder of the laptop's system that is meant.", show_default=False)
]
Aws = Annotated[
    str | None,
    typer.Option(
        "--aws", metavar="URL", help="The LocalStack that is meant; 'aws' for AWS itself.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="For a script.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before a look that counts as a receive (AWS).")]
Personal = Annotated[bool, typer.Option("--personal", help="Show personal data too.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Of this type, such as OrderPlaced.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="With this reason, such as failed.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="This one: the message's id, or SQS's.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The message's id, or SQS's.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for what becomes of it. 0: not at all.")]

_WHICH = (
    "The system is the laptop's that runs in the folder of --state; else the one that --aws names, or the environment "
    "is for (AWS_ENDPOINT_URL, BILHETAGEM_OPERATORS_SECRET, BILHETAGEM_QUEUE_PREFIX, BILHETAGEM_SERVICE_URLS); else "
    "the laptop's that runs in .bilhetagem."
)

queues = typer.Typer(
    help=f"Look into the queues: how much waits, since when, and what. {_WHICH}",
    epilog="Example: bilhetagem queues --watch",
)
dead_letters = typer.Typer(
    help=f"Messages that were given up: look at them, send them back, mend or discard them. {_WHICH}",
    epilog="Example: bilhetagem dead-letters redrive --reason failed --dry-run",
)


@queues.callback(invoke_without_command=True)
def all_queues(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")] = False,
    as_json: Json = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Show every queue. Changes nothing."""
    if context.invoked_subcommand is None:
        from services.operations.queue_screens import show_queues

        show_queues(state, aws, watch=watch, as_json=as_json)


@queues.command("peek", epilog="Example: bilhetagem queues peek order-underway --type TicketsIssued")
def peek_at_queue(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A queue, such as order-new or order-new-dlq.")],
    type_name: Annotated[str | None, typer.Option("--type", help="Of this type, such as OrderPlaced.")] = None,
    correlation: Annotated[str | None, typer.Option("--correlation", metavar="ID", help="Of this purchase.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 20,
    personal: Personal = False,
    as_json: Json = False,
    yes: Yes = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Show a queue's messages, decoded, and why the last try of each failed.

    On LocalStack that consumes nothing. On AWS a look is a receive: the command says so and asks.
    """
    from services.operations.queue_screens import peek

    peek(state, aws, name, type_name, correlation, limit=limit, personal=personal, as_json=as_json, yes=yes)


@dead_letters.callback(invoke_without_command=True)
def all_dead_letters(
    context: typer.Context,
    each: Annotated[bool, typer.Option("--list", help="Each one with its id, not in groups.")] = False,
    as_json: Json = False,
    yes: Yes = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Show the dead letters of all queues, grouped by reason and type."""
    if context.invoked_subcommand is None:
        from services.operations.dead_letter_screens import show_all

        show_all(state, aws, each=each, as_json=as_json, yes=yes)


@dead_letters.command("show", epilog="Example: bilhetagem dead-letters show 0197c3a2-7d5e-7c10-9d1f-5b2c7f0a1e44")
def show_dead_letter(
    key: Id,
    personal: Personal = False,
    as_json: Json = False,
    yes: Yes = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Show a dead letter: why it is one, the tries that failed, and the message. Personal data is masked."""
    from services.operations.dead_letter_screens import show_one

    show_one(state, aws, key, personal=personal, as_json=as_json, yes=yes)


@dead_letters.command("redrive", epilog="Example: bilhetagem dead-letters redrive --type OrderPlaced --dry-run")
def redrive_dead_letters(
    ids: Ids = None,
    types: Types = None,
    reasons: Reasons = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; send nothing.")] = False,
    wait: Wait = 30,
    as_json: Json = False,
    yes: Yes = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Send dead letters back to their queues, and say what became of each.

    A message is deleted only after its queue has accepted the copy, and its listener drops what it has handled already:
    to interrupt this, or to do it twice, does no harm. Exit code 1: one was not handled, nor parked.
    """
    from services.operations.dead_letter_screens import redrive
    from services.operations.dead_letters import Selection

    some = bool(ids or types or reasons)
    if some == everyone:
        raise typer.BadParameter("Say which: --id, --type and --reason (those that fit all of them), or --all.")
    selection = Selection(ids=ids or (), types=types or (), reasons=reasons or ())
    redrive(state, aws, selection, dry_run=dry_run, wait=wait, as_json=as_json, yes=yes)


@dead_letters.command(
    "edit", epilog="Example: EDITOR=nano bilhetagem dead-letters edit 0197c3a2-7d5e-7c10-9d1f-5b2c7f0a1e44"
)
def edit_dead_letter(
    key: Id,
    file: Annotated[
        Path | None,
        typer.Option("--file", exists=True, dir_okay=False, readable=True, help="Send this text, and open no editor."),
    ] = None,
    wait: Wait = 30,
    as_json: Json = False,
    yes: Yes = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Mend a dead letter in $EDITOR, check it against its contract, and send it.

    It goes as a message of its own, with the original as its cause. A text that could not be sent is kept.
    """
    from services.operations.dead_letter_screens import edit_and_send

    edit_and_send(state, aws, key, file, wait=wait, as_json=as_json, yes=yes)


@dead_letters.command(
    "discard",
    epilog="Example: bilhetagem dead-letters discard 0197c3a2-7d5e-7c10-9d1f-5b2c7f0a1e44 --why 'A test of ours'",
)
def discard_dead_letter(
    key: Id,
    why: Annotated[str, typer.Option("--why", help="For those who ask later.")],
    by: Annotated[str | None, typer.Option("--by", help="Who discards it.", show_default="your login")] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="The file to note it in.", show_default="discarded.jsonl in the state folder"),
    ] = None,
    yes: Yes = False,
    state: StateFolder = None,
    aws: Aws = None,
) -> None:
    """Delete a dead letter for good. Who did it, why, and the message without personal data are noted and printed."""
    from services.operations.dead_letter_screens import give_up

    if not why.strip():
        raise typer.BadParameter("Say why, for those who ask later.", param_hint="--why")
    give_up(state, aws, key, why, by, record, yes=yes)
