"""The command line: complete help, one message per error, exit codes that scripts can use."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from services.operations import documents
from services.operations.cli import app
from services.ticket.adapters.qr import Claims, Signer, to_jwks


def _every(group: Any, *path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        yield " ".join((*path, name))
        if hasattr(command, "commands"):
            yield from _every(command, *path, name)


COMMANDS = tuple(_every(typer.main.get_command(app)))
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
CLAIMS = Claims(UUID(int=1), UUID(int=2), 3)


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=text, env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def keys(tmp_path: Path) -> str:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(to_jwks([SIGNER.public_key])))
    return str(file)


def test_without_arguments_the_commands_are_listed() -> None:
    assert all(command in run().output for command in COMMANDS if " " not in command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    helped = run(*command.split(), "--help")

    assert helped.exit_code == 0
    assert "Example: " in helped.output


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_a_service_that_does_not_exist_is_answered_with_those_that_do(command: str) -> None:
    refused = run(command, "orders")

    assert refused.exit_code == 2
    assert "There is no service 'orders': it is one of user, event," in refused.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("queues", "peek", "orders"), "There is no queue 'orders': it is one of order-new"),
        (("dead-letters", "redrive"), "Say which"),
        (("dead-letters", "edit", "1", "--file", "no-such.json"), "no-such.json"),
        (("dead-letters", "discard", "1", "--why", " "), "Say why"),
        (("saga", "list", "--since", "soon"), "'soon' is no time"),
        (("saga", "list", "--state", ".bilhetagem"), "named by --folder"),
        (("saga", "list", "--state", "paid"), "a purchase is placed, held, awaiting_payment"),
        (("saga", "show", "soon"), "should be a valid UUID"),
        (("saga", "replay", "no-such.jsonl"), "no-such.jsonl"),
        (("saga", "replay", "tests/recordings", "--setting", "order.margin=PT1S"), "handed payment_margin, pending_ho"),
        (("saga", "replay", "tests/recordings", "--setting", "orders.x=1"), "there is no service 'orders'"),
        (("console", "--port", "99999"), "less than or equal to 65535"),
        (("up", "--port", "65530"), "less than or equal to 65500"),
        (("up", "--traces", "--processes"), "leave --processes away"),
        (("gateway", "--services", "http://localhost"), "is neither a URL with {service} in it nor NAME=URL"),
        (("gateway", "--services", "{service}:80"), "The URL of user, 'user:80', should be one such as"),
        (("smoke", "127.0.0.1:8000"), "The API's URL, '127.0.0.1:8000', should be one such as"),
        (("queues", "--wath"), "No such option"),
    ],
)
def test_what_means_nothing_is_answered_as_a_wrong_option_is(arguments: tuple[str, ...], said: str) -> None:
    refused = run(*arguments)

    assert (refused.exit_code, said in refused.output) == (2, True), refused.output


def test_a_genuine_ticket_is_told_what_it_says(keys: str) -> None:
    verified = run("verify-ticket", SIGNER.sign(CLAIMS), "--keys", keys)

    assert verified.exit_code == 0
    assert f"Genuine: ticket {UUID(int=1)} of event {UUID(int=2)}, revision 3" in verified.output


def test_a_token_may_come_from_a_scanner_on_stdin(keys: str) -> None:
    assert run("verify-ticket", "-", "--keys", keys, text=SIGNER.sign(CLAIMS) + "\r\n").exit_code == 0


def test_a_forged_ticket_is_refused_with_why(keys: str) -> None:
    forger = Signer(Ed25519PrivateKey.generate())

    refused = run("verify-ticket", forger.sign(CLAIMS), "--keys", keys)

    assert refused.exit_code == 1
    assert "Not valid: none of these public keys signed it (unknown_key)." in refused.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give either the text of the QR code or, with --pdf"),
        (("--pdf", "no-such.pdf"), "No such file or directory: no-such.pdf"),
        (("BLT:X", "--keys", "no-such.json"), "No such file or directory: no-such.json"),
        (("BLT:X", "--keys", "http://[::1/keys"), "The public keys cannot be read from http://[::1/keys: Invalid port"),
        (("BLT:X", "--keys", "http://127.0.0.1:9/keys"), "The public keys cannot be read from http://127.0.0.1:9/keys"),
    ],
)
def test_what_keeps_a_ticket_from_being_checked_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    failed = run("verify-ticket", *arguments)

    assert failed.exit_code == 2
    assert said in failed.output
    assert "Traceback" not in failed.output


@pytest.mark.parametrize("content", ["", "[]", '{"keys": 7}', "[" * 100_000])
def test_a_file_that_holds_no_keys_is_said_to_hold_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(content)

    failed = run("verify-ticket", "BLT:X", "--keys", str(tmp_path / "keys.json"))

    assert failed.exit_code == 2
    assert "does not hold public keys" in failed.output


def test_stale_documents_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wanted = {Path("docs/saga.md"): "new", Path("docs/asyncapi.yaml"): "same"}
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "documents", lambda: wanted)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/saga.md").write_text("old")
    (tmp_path / "docs/asyncapi.yaml").write_text("same")
    (tmp_path / "contracts/schemas").mkdir(parents=True)
    (tmp_path / "contracts/schemas/gone.json").write_text("{}")

    stale = run("docs", "--check")

    assert stale.exit_code == 1
    assert "docs/saga.md" in stale.output
    assert "contracts/schemas/gone.json" in stale.output
    assert "asyncapi" not in stale.output
    assert run("docs").exit_code == 0
    assert run("docs", "--check").exit_code == 0


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("cli", {"aiobotocore", "alembic", "boto3", "fastapi", "httpx", "sqlalchemy", "structlog", "uvicorn"}),
        ("dead_letter_screens", {"alembic", "boto3", "fastapi", "sqlalchemy", "uvicorn"}),
        ("saga_screens", {"alembic", "boto3", "fastapi", "sqlalchemy", "uvicorn"}),
    ],
)
def test_a_command_does_not_wait_for_libraries_that_it_does_not_use(module: str, heavy: set[str]) -> None:
    program = f"import sys, services.operations.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert heavy.isdisjoint(loaded)


def test_a_signal_while_the_command_is_still_loading_is_no_trace() -> None:
    program = """
import sys
class Pressed:
    def find_spec(self, name, *_):
        if name == "services.operations.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
from services.operations.__main__ import main
main()
"""
    stopped = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (130, "", "Stopped.\n")
