"""``bilhetagem saga``: what can be said on the command line."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.operations.queue_cli import Aws, Json

saga = typer.Typer(
    no_args_is_help=True,
    help="What happened to a purchase, what it waits for, and sending again what got lost. An ID is any of a "
    "purchase's: order, reservation, payment, issued ticket or message. The system is the laptop's that runs in "
    "the folder of --state (of list: --folder); else the one that the environment is for (AWS_ENDPOINT_URL, "
    "BILHETAGEM_OPERATORS_SECRET, BILHETAGEM_SERVICE_URLS); else the laptop's that runs in .bilhetagem.",
    epilog="Example: bilhetagem saga list --stuck-for 5m",
)

Folder = Annotated[
    Path | None,
    typer.Option("--folder", "--state", help="The folder of the laptop's system that is meant.", show_default=False),
]
Id = Annotated[
    UUID,
    typer.Argument(
        metavar="ID", help="An order's, reservation's, payment's, ticket's or message's; or that of a catalogue row."
    ),
]


@saga.command("list", epilog="Example: bilhetagem saga list --stuck-for 5m --since 2h")
def list_sagas(
    stuck_for: Annotated[
        str | None,
        typer.Option(
            metavar="5m",
            help="Only those under way that a worker should have carried on so long ago, the oldest first.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="S", help="Only in this state, such as awaiting_payment.", show_default=False),
    ] = None,
    event: Annotated[UUID | None, typer.Option(metavar="ID", help="Only for this event.", show_default=False)] = None,
    since: Annotated[
        str, typer.Option(metavar="T", help="Only those begun since: 30m, 2h, 7d, or a time with its offset.")
    ] = "7d",
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 50,
    as_json: Json = False,
    folder: Annotated[
        Path | None, typer.Option(help="The folder of the laptop's system that is meant.", show_default=False)
    ] = None,
    aws: Aws = None,
) -> None:
    """List purchases, newest first: where each stands, how old it is, what it waits for and by whom."""
    from services.operations.saga_screens import show_list

    show_list(folder, aws, stuck_for, state, event, since, limit, as_json=as_json)


@saga.command("show", epilog="Example: bilhetagem saga show 0197c3a2-7d5e-7c10-9d1f-5b2c7f0a1e44")
def show_saga(
    any_id: Id,
    as_json: Json = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="A sequence diagram, to paste into a document.")] = False,
    folder: Folder = None,
    aws: Aws = None,
) -> None:
    """Show a purchase's messages across all services, as a tree of cause and effect, and what it waits for.

    With failed tries, parked messages, timers, dropped duplicates and dead letters. Without personal data.
    """
    from services.operations.saga_screens import show_one

    if as_json and mermaid:
        raise typer.BadParameter("It is --json or --mermaid, not both.")
    show_one(folder, aws, any_id, as_json=as_json, mermaid=mermaid)


@saga.command("export", epilog="Example: bilhetagem saga export 0197c3a2-7d5e-7c10-9d1f-5b2c7f0a1e44 > purchase.jsonl")
def export_saga(any_id: Id, folder: Folder = None, aws: Aws = None) -> None:
    """Write a purchase as CloudEvents, one a line, complete enough for `saga replay`; names are pseudonyms."""
    from services.operations.saga_screens import export

    export(folder, aws, any_id)


@saga.command("resend", epilog="Example: bilhetagem saga resend 0197c3a2-7d5e-7c10-9d1f-5b2c7f0a1e44 --dry-run")
def resend_saga(
    any_id: Id,
    start: Annotated[
        UUID | None,
        typer.Option(
            "--from", metavar="MESSAGE", help="This message, and what followed from it, only.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    as_json: Json = False,
    folder: Folder = None,
    aws: Aws = None,
) -> None:
    """Send again what the purchase's services emitted and a listener has not handled.

    Harmless, and may be repeated: a message keeps its id, so whoever handled it drops it. Catalogue facts that it may
    wait for are told anew from their rows. What no worker has handled yet exists only in its queue, and cannot be sent
    again from here: the command says so. Exit code 1: a service did not take it.
    """
    from services.operations.saga_screens import send_again

    send_again(folder, aws, any_id, start, dry_run=dry_run, as_json=as_json)


@saga.command("replay", epilog="Example: bilhetagem saga replay tests/recordings --again 20")
def replay_sagas(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER...", help="Recorded purchases, or folders of them (*.jsonl); '-' is stdin."
        ),
    ],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="STEP",
            help="Stop after this step, a number or the first one of a type such as OrderPlaced; show the state.",
            show_default=False,
        ),
    ] = None,
    again: Annotated[
        int, typer.Option(metavar="N", min=0, help="N more runs, with messages shuffled and repeated.")
    ] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--setting",
            metavar="SERVICE.NAME=VALUE",
            help="What handlers are handed, such as order.payment_margin=PT10S, instead of what was recorded.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run recorded purchases through today's handlers, in memory, and show what they would do otherwise.

    Each handler gets the message, the clock reading, the rows and the effect's result that were recorded, and what it
    emits is compared with what it emitted then. Runs again keep the place of requests, webhooks and timers, which may
    decide a race, and shuffle everything between them. Needs no running system. Exit code 1: something differs; 2: a
    file is no recorded purchase.
    """
    from services.operations.replay_screens import replay

    if until is not None and again:
        raise typer.BadParameter("It is --until, which stops in the middle, or --again, which compares the ends.")
    handed: dict[str, dict[str, str]] = {}
    for setting in settings or ():
        name, equals, value = setting.partition("=")
        service, dot, field = name.partition(".")
        if not (equals and dot and field):
            raise typer.BadParameter(f"{setting!r} is not of the form SERVICE.NAME=VALUE.", param_hint="--setting")
        handed.setdefault(service, {})[field] = value
    replay(paths, until, again, handed, as_json=as_json)
