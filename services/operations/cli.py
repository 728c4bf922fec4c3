"""The ``bilhetagem`` command: everything that runs, checks and documents the system."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.routes import SERVICES as NAMES
from localstack.server import DEFAULT_PORT
from services.operations.commands import Commands
from services.operations.laptop import STATE, DatabaseKind, State
from services.operations.queue_cli import dead_letters, queues
from services.operations.saga_cli import saga

if TYPE_CHECKING:
    from services.operations.infrastructure import Ground

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Ticket selling for Brazil: seven services and a saga over SQS. **bilhetagem demo** shows it at work.",
    epilog="Settings come from the environment (BILHETAGEM_...), as docs/run-instructions.md lists them.",
)

app.add_typer(queues, name="queues")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(saga, name="saga")

Port = Annotated[
    int,
    typer.Option(
        min=0,
        max=65_500,
        help="The base URL's port; the services' are the next ones. 0: any free ones.",
    ),
]
OwnPort = Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen on. 0: any free one.")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
StateFolder = Annotated[Path, typer.Option("--state", help="Where databases, logs and secrets are kept.")]
LocalStackPort = Annotated[
    int, typer.Option("--localstack-port", min=0, max=65_535, help="LocalStack's port. 0: any free one.")
]
Aws = Annotated[
    str | None, typer.Option("--aws", metavar="URL", help="Use this LocalStack, which runs already, and start none.")
]
DatabaseChoice = Annotated[
    DatabaseKind | None,
    typer.Option(help="SQLite files or an embedded PostgreSQL.", show_default="sqlite; postgres with --processes"),
]
ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help=f"One of {', '.join(NAMES)}.")]
ServiceNames = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="All services, unless named.")]


@app.command(epilog="Example: bilhetagem up --database postgres --processes")
def up(
    port: Port = 8000,
    host: Host = "127.0.0.1",
    state: StateFolder = STATE,
    database: DatabaseChoice = None,
    processes: Annotated[
        bool, typer.Option("--processes", help="Every ingress and worker as its own process.")
    ] = False,
    traces: Annotated[
        bool, typer.Option("--traces", help="Print what each request and its messages lead to, as trees of spans.")
    ] = False,
    localstack_port: LocalStackPort = DEFAULT_PORT,
    aws: Aws = None,
) -> None:
    """Start the whole system and keep it running.

    Starts LocalStack, provisions queues and bucket, migrates, runs all ingresses and workers, and puts API Gateway in
    front. Ctrl-C drains and stops all of it; a second Ctrl-C does not wait. Databases and secrets stay in the state
    folder; LocalStack forgets its queues and PDFs.
    """
    from services.operations.running import keep_running

    # Several processes on one SQLite file wait for each other.
    database = database or (DatabaseKind.POSTGRES if processes else DatabaseKind.SQLITE)
    ground = _ground(state, database, localstack_port, aws)
    keep_running(ground, host, port, processes=processes, traces=traces)


@app.command(epilog="Example: bilhetagem serve order --port 8006")
def serve(
    service: ServiceName,
    host: Host = "127.0.0.1",
    port: OwnPort = 8000,
) -> None:
    """Run one service's ingress alone, on the database and queues that the environment names."""
    from services.operations.alone import serve_one

    serve_one(service, host, port)


@app.command(epilog="Example: bilhetagem work order --health-port 8016")
def work(
    service: ServiceName,
    host: Host = "127.0.0.1",
    health_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Serve /health here: 503 when a loop hangs.")
    ] = None,
) -> None:
    """Run one service's worker alone: it consumes the service's queues and relays its outbox."""
    from services.operations.alone import work_one

    work_one(service, host, health_port)


@app.command(epilog="Example: bilhetagem gateway --port 8000 --services 'http://{service}:8000'")
def gateway(
    services: Annotated[
        list[str],
        typer.Option(
            metavar="[NAME=]URL",
            help="The services' own URL, where {service} stands for the name; or, repeated, the URL of one of them.",
        ),
    ],
    host: Host = "127.0.0.1",
    port: OwnPort = 8000,
) -> None:
    """Serve one base URL for services that run elsewhere, with the merged API documentation at /docs."""
    from services.operations.alone import serve_gateway

    serve_gateway(services, host, port)


@app.command(epilog="Example: AWS_ENDPOINT_URL=http://127.0.0.1:4566 bilhetagem provision")
def provision() -> None:
    """Create queues, dead-letter queues and the bucket in LocalStack, as the choreography needs them.

    With BILHETAGEM_FRONT_DOOR=HOST:PORT, where the base URL is, its API Gateway is put in front of that too.
    """
    from localstack.provision import main

    main()


@app.command(epilog="Example: bilhetagem migrate order payment")
def migrate(services: ServiceNames = None) -> None:
    """Bring the services' databases up to this release. Several may do it at once."""
    from services.operations.running import migrate_databases

    migrate_databases(services or list(NAMES))


@app.command(epilog="Example: bilhetagem create-databases")
def create_databases(services: ServiceNames = None) -> None:
    """Make a database and a login for each service, in a PostgreSQL that all share.

    With the login in BILHETAGEM_DATABASE_MASTER. What is there already stays as it is. A login has no password: in RDS
    it is given IAM's.
    """
    from services.operations import databases

    databases.create_databases(services or list(NAMES))


@app.command(epilog="Example: bilhetagem draft-migration order 'Orders have a note'")
def draft_migration(
    service: ServiceName, message: Annotated[str, typer.Argument(help="What changes, in a line.")]
) -> None:
    """Write a service's next migration, from its newest one to its tables as declared. Read it before you keep it."""
    from services.operations.running import draft_one

    draft_one(service, message)


@app.command(epilog="Example: bilhetagem verify-ticket --pdf ingresso-1.pdf --keys keys.json")
def verify_ticket(
    text: Annotated[
        str | None, typer.Argument(metavar="[TOKEN]", help="The text of the QR code; '-' reads it from stdin.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Read the QR code from a ticket's PDF instead.")] = None,
    keys: Annotated[str, typer.Option(metavar="FILE|URL", help="The public keys: a saved JWK set, or its URL.")] = (
        "http://127.0.0.1:8000/tickets/keys"
    ),
) -> None:
    """Check a ticket's signature as a gate does; offline, when the keys are a file.

    Exit code 1: it is not genuine; 2: that cannot be told.
    """
    from services.operations import verifying

    verifying.verify_ticket(text, pdf, keys)


@app.command(epilog="Example: bilhetagem docs --check")
def docs(check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if one is stale.")] = False) -> None:
    """Generate docs/ (OpenAPI, AsyncAPI, saga) and contracts/ (schemas, API Gateway's definition) from the code."""
    from services.operations.documents import check_documents, write_documents

    (check_documents if check else write_documents)()


@app.command(epilog="Example: bilhetagem demo --database postgres")
def demo(
    port: Port = 8000,
    state: StateFolder = STATE,
    database: Annotated[DatabaseKind, typer.Option(help="SQLite files or an embedded PostgreSQL.")] = (
        DatabaseKind.SQLITE
    ),
    localstack_port: LocalStackPort = DEFAULT_PORT,
    aws: Aws = None,
) -> None:
    """Start everything, watch three purchases go through the queues, and stop everything.

    One completes and ends in a PDF ticket, one is declined by the gateway, and one reservation expires.
    """
    from services.operations.demo import show

    show(_ground(state / "demo", database, localstack_port, aws), port)


@app.command(epilog="Example: bilhetagem smoke http://127.0.0.1:8000")
def smoke(
    api: Annotated[str, typer.Argument(metavar="API", help="The API's URL, as clients know it.")],
    seconds: Annotated[float, typer.Option(min=1, help="How long each step may take.")] = 60,
) -> None:
    """Buy a ticket at a system that runs, and give it back: for after a release.

    The event is called off and the buyer erased at the end. BILHETAGEM_ACCESS_TOKEN is sent where the front door asks
    for a token. Exit code 1: something is not as it should be.
    """
    from services.operations.smoke import smoke

    smoke(api, seconds)


@app.command(epilog="Example: bilhetagem console --state .bilhetagem --port 8090")
def console(
    state: Annotated[Path | None, typer.Option(help="The laptop's system that is meant.", show_default=False)] = None,
    aws: Annotated[
        str | None, typer.Option(metavar="URL", help="The LocalStack that is meant; 'aws' for AWS.", show_default=False)
    ] = None,
    host: Host = "127.0.0.1",
    port: OwnPort = 8090,
) -> None:
    """Serve the operators' web console alone, for a system that runs: **up** has one of its own.

    Purchases with their timelines, queues, and dead letters to send back, mend or discard. The password is
    BILHETAGEM_CONSOLE_PASSWORD, else the operators' secret. Other names that it is reached by than the host are listed
    in BILHETAGEM_CONSOLE_HOSTS.
    """
    from services.operations.console.serving import serve_console

    serve_console(state, aws, host, port)


def _ground(state: Path, database: DatabaseKind, localstack_port: int, aws: str | None) -> "Ground":
    from services.operations.infrastructure import Ground

    return Ground(state=State(state), database=database, aws_port=localstack_port, aws_url=aws)
