"""PostgreSQL behind TLS, as RDS is: who it is has to be proven, and a login's password is a token that is signed anew.

The embedded server speaks no TLS, so a front of the test's own does, with certificates that are made here.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from botocore.session import get_session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import make_url, text

from services.chassis.database import Database
from services.chassis.database_login import Login
from services.chassis.migrate import migrate, revisions
from services.chassis.store import Unavailable
from services.operations.databases import MasterSettings, create
from services.operations.errors import Trouble
from services.operations.postgres import Postgres
from services.order.service import order

REGION = "sa-east-1"
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""What a client says first (PostgreSQL documentation, *Message Formats*)."""

type Signed = tuple[x509.Certificate, EllipticCurvePrivateKey]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Everyone but the superuser has to show a password, which PostgreSQL gets as it is, as on RDS."""
    with (
        TemporaryDirectory(prefix="bilhetagem-") as folder,
        Postgres(Path(folder) / "postgres", durable=False) as server,
    ):
        (server.folder / "data" / "pg_hba.conf").write_text("local all postgres trust\nlocal all all password\n")
        asyncio.run(ask(server, "SELECT pg_reload_conf()"))
        yield server


async def ask(server: Postgres, question: str) -> object:
    connection = await asyncpg.connect(host=make_url(server.url("postgres")).query["host"], user="postgres")
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def signed(name: str, by: Signed | None = None) -> Signed:
    """A certificate for a name, of an authority unless it is one itself."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuers_key = (by[0].subject, by[1]) if by else (subject, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(issuers_key, SHA256())
    )
    return certificate, key


def pem(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


@dataclass(frozen=True)
class Front:
    """TLS before PostgreSQL, with a certificate for ``localhost``."""

    server: Postgres
    authority: Path
    port: int

    def url(self, login: str, host: str = "localhost") -> str:
        return f"postgresql+asyncpg://{login}@{host}:{self.port}/postgres"


@asynccontextmanager
async def listening(server: Postgres, tls: SSLContext | None) -> AsyncIterator[int]:
    """The port of a front that takes connections over TLS only; without ``tls``, that declines to speak it."""
    socket = f"{make_url(server.url('postgres')).query['host']}/.s.PGSQL.5432"

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65_536):
            writer.write(said)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST
            writer.write(b"S" if tls else b"N")
            if tls:
                await writer.start_tls(tls)
                theirs, ours = await asyncio.open_unix_connection(socket)
                async with asyncio.TaskGroup() as group:
                    group.create_task(forward(reader, ours))
                    group.create_task(forward(theirs, writer))
        except (OSError, ExceptionGroup):
            pass  # the client did not like the certificate, or is gone
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as front:
        yield front.sockets[0].getsockname()[1]


@pytest.fixture
async def front(server: Postgres, tmp_path: Path) -> AsyncIterator[Front]:
    authority = signed("An authority")
    certificate, key = signed("localhost", authority)
    chain = pem(tmp_path / "chain.pem", certificate)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, tmp_path / "key.pem")
    async with listening(server, tls) as port:
        yield Front(server, pem(tmp_path / "authority.pem", authority[0]), port)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The moments of the tokens to come, in the name of an AWS user: the last one stays."""
    moments = [datetime(2027, 1, 1, tzinfo=UTC)]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moments[-1])
    return moments


def token(front: Front, login: str) -> str:
    made: str = (
        get_session().create_client("rds", region_name=REGION).generate_db_auth_token("localhost", front.port, login)  # type: ignore[attr-defined]
    )
    return made


async def who(database: Database) -> object:
    async with database.reading() as connection:
        return (await connection.execute(text("SELECT current_user"))).scalar()


@asynccontextmanager
async def opened(url: str, login: Login) -> AsyncIterator[Database]:
    database = Database(url, login=login)
    try:
        yield database
    finally:
        await database.close()


async def test_who_shows_a_certificate_for_its_name_is_let_know_the_login(front: Front) -> None:
    async with opened(front.url("postgres"), Login(ca_file=front.authority)) as database:
        assert await who(database) == "postgres"


async def test_a_certificate_for_another_name_is_refused(front: Front) -> None:
    async with opened(front.url("postgres", host="127.0.0.1"), Login(ca_file=front.authority)) as database:
        with pytest.raises(Unavailable, match="certificate is not valid for '127"):
            await who(database)


async def test_a_certificate_of_another_authority_is_refused(front: Front, tmp_path: Path) -> None:
    another = pem(tmp_path / "another.pem", signed("An authority")[0])
    async with opened(front.url("postgres"), Login(ca_file=another)) as database:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await who(database)


async def test_nothing_is_said_without_tls(server: Postgres, front: Front) -> None:
    async with (
        listening(server, None) as port,
        opened(f"postgresql+asyncpg://postgres@localhost:{port}/postgres", Login(ca_file=front.authority)) as database,
    ):
        with pytest.raises(Unavailable, match="rejected SSL upgrade"):
            await who(database)


async def test_the_password_is_a_token_of_the_login_for_this_server_only(
    front: Front, clock: list[datetime], server: Postgres
) -> None:
    await ask(server, "CREATE ROLE token_login LOGIN")
    told = Login(ca_file=front.authority, iam_region=REGION).arguments(make_url(front.url("token_login")))

    made = urlsplit(f"//{await told['password']()}")

    said = {name: value for name, (value,) in parse_qs(made.query).items()}
    assert (made.hostname, made.port) == ("localhost", front.port)
    assert (said["Action"], said["DBUser"], said["X-Amz-Expires"]) == ("connect", "token_login", "900")
    assert said["X-Amz-Credential"] == f"AKIAEXAMPLE/20270101/{REGION}/rds-db/aws4_request"


async def test_each_connection_shows_a_token_of_its_own(front: Front, clock: list[datetime], server: Postgres) -> None:
    await ask(server, "CREATE ROLE lasting LOGIN")
    login = Login(ca_file=front.authority, iam_region=REGION)
    async with opened(front.url("lasting"), login) as database, AsyncExitStack() as held:
        for hours in (0, 1):
            clock.append(clock[0] + timedelta(hours=hours))
            await ask(server, f"ALTER ROLE lasting PASSWORD '{token(front, 'lasting')}'")
            connection = await held.enter_async_context(database.reading())
            assert (await connection.execute(text("SELECT current_user"))).scalar() == "lasting"


async def test_a_token_that_is_refused_is_an_outage_and_no_mistake_of_a_message(
    front: Front, clock: list[datetime], server: Postgres
) -> None:
    await ask(server, "CREATE ROLE refused LOGIN PASSWORD 'another'")
    async with opened(front.url("refused"), Login(ca_file=front.authority, iam_region=REGION)) as database:
        with pytest.raises(Unavailable, match='password authentication failed for user "refused"'):
            await who(database)


async def test_without_credentials_there_is_no_way_in(
    front: Front, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    async with opened(front.url("postgres"), Login(ca_file=front.authority, iam_region=REGION)) as database:
        with pytest.raises(Unavailable, match="no AWS credentials"):
            await who(database)


def of_master(front: Front) -> MasterSettings:
    return MasterSettings(
        aws_region=REGION,
        database_url=f"postgresql+asyncpg://{{service}}@localhost:{front.port}/{{service}}",
        database_auth="iam",
        database_ca_file=front.authority,
        database_master='{"username": "master", "password": "a secret"}',  # type: ignore[arg-type]
    )


@pytest.fixture
async def master(server: Postgres) -> AsyncIterator[None]:
    await ask(server, "CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'a secret'")
    yield
    await server.drop_database("order")
    await ask(server, 'DROP ROLE IF EXISTS "order", master')


@pytest.mark.usefixtures("master")
async def test_making_a_database_migrating_it_and_using_it_need_the_same_settings(
    front: Front, clock: list[datetime], server: Postgres
) -> None:
    settings = of_master(front)

    assert (await create(settings, ["order"]))["order"] == ["login", "database", "closed to others"]
    await ask(server, f"""ALTER ROLE "order" PASSWORD '{token(front, "order")}'""")
    url = settings.database_url_of("order")
    assert await migrate(order, url, login=settings.login) == (None, revisions(order)[-1])
    async with opened(url, settings.login) as database:
        assert await who(database) == "order"


@pytest.mark.usefixtures("master")
async def test_a_master_whose_password_is_taken_no_more_shows_a_token(
    front: Front, clock: list[datetime], server: Postgres
) -> None:
    """It is a member of what it has made, as a login with ``rds_iam`` is of that: of such RDS takes tokens only."""
    await create(of_master(front), ["order"])
    assert await ask(server, "SELECT pg_has_role('master', 'order', 'MEMBER')")
    await ask(server, f"ALTER ROLE master PASSWORD '{token(front, 'master')}'")

    assert await create(of_master(front), ["order"]) == {"order": []}


@pytest.mark.usefixtures("master", "clock")
async def test_a_master_of_whom_neither_is_taken_is_told(front: Front, server: Postgres) -> None:
    await ask(server, "ALTER ROLE master PASSWORD 'another'")

    with pytest.raises(Trouble, match=r"refuses the master's login \(BILHETAGEM_DATABASE_MASTER\)"):
        await create(of_master(front), ["order"])
