"""The embedded PostgreSQL as a child process."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.operations.postgres import Postgres, PostgresError
from tests.integration.environment.processes import gone, line_of

A_STARTER = """
import sys, time
from pathlib import Path
from services.operations.postgres import Postgres

server = Postgres(Path(sys.argv[1]), durable=False)
server.start()
print(server._child.pid, flush=True)
time.sleep(600)
"""


async def answer(url: str, question: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return (await connection.execute(text(question))).scalar()
    finally:
        await engine.dispose()


async def test_each_test_has_an_empty_database(postgres_database: str) -> None:
    assert await answer(postgres_database, "SELECT count(*) FROM pg_stat_user_tables") == 0


async def test_making_a_database_again_changes_nothing(postgres: Postgres) -> None:
    url = await postgres.ensure_database("again")
    await answer(url, "SELECT lo_create(4711)")

    assert await postgres.ensure_database("again") == url
    assert await answer(url, "SELECT count(*) FROM pg_largeobject_metadata") == 1

    await postgres.drop_database("again")


async def test_data_outlives_the_server(tmp_path: Path) -> None:
    with Postgres(tmp_path / "server", durable=False) as server:
        await answer(await server.ensure_database("kept"), "SELECT lo_create(4711)")
    with Postgres(tmp_path / "server", durable=False) as server:
        assert await answer(server.url("kept"), "SELECT count(*) FROM pg_largeobject_metadata") == 1


def test_two_servers_do_not_share_a_folder(postgres: Postgres) -> None:
    with pytest.raises(PostgresError, match=r"(?s)ended while it was starting.*postmaster\.pid"):
        Postgres(postgres.folder).start()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def test_its_socket_is_in_a_folder_that_is_closed_to_others_even_where_it_was_left_open(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "server", durable=False)
    server.sockets.mkdir(mode=0o777)
    server.sockets.chmod(0o777)
    with server:
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700


def test_a_folder_for_its_socket_that_is_not_ours_is_refused(tmp_path: Path, temporary: Path) -> None:
    server = Postgres(tmp_path / "server", durable=False)
    (temporary / "elsewhere").mkdir()
    server.sockets.symlink_to(temporary / "elsewhere")

    with pytest.raises(PostgresError, match=rf"{server.sockets} .*TMPDIR"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_for_its_socket_of_another_user_is_refused(tmp_path: Path, temporary: Path) -> None:
    server = Postgres(tmp_path / "server", durable=False)
    server.sockets.mkdir()
    os.chown(server.sockets, 4711, 4711)

    with pytest.raises(PostgresError, match=rf"{server.sockets} .*TMPDIR"):
        server.start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_it_ends_with_a_starter_that_is_killed_and_can_be_started_again_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(
        (sys.executable, "-c", A_STARTER, tmp_path / "server"), stdout=subprocess.PIPE, text=True
    ) as starter:
        orphan = int(line_of(starter))
        os.kill(starter.pid, signal.SIGKILL)

    with Postgres(tmp_path / "server", durable=False):
        assert gone(orphan)
