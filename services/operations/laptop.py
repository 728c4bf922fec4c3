"""The laptop's state folder: databases, logs, and the secrets that a deployment would keep in Secrets Manager."""

import fcntl
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from localstack.provision import BUCKET, PREFIX, REGION
from services.operations.errors import Trouble

STATE = Path(".bilhetagem")


class DatabaseKind(StrEnum):
    """Where the services keep their rows."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True)
class State:
    """A folder that one system at a time works in."""

    folder: Path

    @property
    def secrets_file(self) -> Path:
        """Where the secrets are, readable by their owner only."""
        return self.folder / "secrets.json"

    @property
    def discarded_file(self) -> Path:
        """Where it is kept who discarded which dead letter, and why."""
        return self.folder / "discarded.jsonl"

    def log(self, name: str) -> Path:
        """A log file."""
        return self.folder / "logs" / f"{name}.log"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and hold it. Raises Trouble when another system works in it."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Trouble(
                    f"Another system runs in {self.folder}: stop it, or choose another folder with --state."
                ) from None
            yield

    @property
    def in_use(self) -> bool:
        """Whether a system works in it now."""
        try:
            with (self.folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def secrets(self) -> dict[str, str]:
        """The secrets as environment variables: made once, so that tickets printed yesterday are still valid. One that
        an older release did not have is added. Raises Trouble when they cannot be read.
        """
        kept = self._kept_secrets()
        whole = _new_secrets() | kept
        if whole != kept:
            draft = self.secrets_file.with_suffix(".new")
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(whole, file, indent=2)
            draft.rename(self.secrets_file)
        return whole

    def _kept_secrets(self) -> dict[str, str]:
        try:
            kept = json.loads(self.secrets_file.read_text())
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            kept = None
        if not isinstance(kept, dict):
            raise Trouble(f"{self.secrets_file} is damaged: remove it, and new secrets are made.")
        return kept

    def sqlite_url(self) -> str:
        """The database URL of every service, with its name to fill in."""
        return f"sqlite+aiosqlite:///{self.folder.resolve() / '{service}.db'}"

    def environment(self, *, aws: str, database_url: str) -> dict[str, str]:
        """What every process of the system is started with, as on AWS; the names are in ``services/*/service.py``."""
        return {
            "AWS_ENDPOINT_URL": aws,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            # As provisioned here, whatever the shell that started us is set up for.
            "BILHETAGEM_QUEUE_PREFIX": PREFIX,
            "BILHETAGEM_TICKETS_BUCKET": BUCKET,
            "BILHETAGEM_DATABASE_URL": database_url,
            **self.secrets(),
        }


def _new_secrets() -> dict[str, str]:
    return {
        "BILHETAGEM_OPERATORS_SECRET": secrets.token_urlsafe(24),
        "BILHETAGEM_PAYMENT_WEBHOOK_SECRET": secrets.token_urlsafe(32),
        "BILHETAGEM_TICKETS_PDF_SECRET": secrets.token_urlsafe(32),
        "BILHETAGEM_TICKETS_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode(),
    }
