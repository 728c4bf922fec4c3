"""How a service gets into its database: whom it takes for PostgreSQL, and which password it shows."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.session import get_session
from sqlalchemy import URL

_PORT = 5432


@dataclass(frozen=True, kw_only=True)
class Login:
    """``ca_file``: PostgreSQL shows a certificate of one of these authorities, for the name by which it is called, or
    nothing is sent to it. Without one, asyncpg decides.

    ``iam_region``: the password is a token of RDS in that region, a new one for each connection (RDS User Guide, *IAM
    database authentication*: it is good for 15 minutes, and a connection outlives it).
    """

    ca_file: Path | None = None
    iam_region: str | None = None

    def arguments(self, url: URL) -> dict[str, Any]:
        """What asyncpg is told besides the URL."""
        told: dict[str, Any] = {}
        if self.ca_file is not None:
            told["ssl"] = ssl.create_default_context(cafile=self.ca_file)
        if self.iam_region is not None:
            told["password"] = _tokens(url, self.iam_region)
        return told


def _tokens(url: URL, region: str) -> Callable[[], Awaitable[str]]:
    """Makes tokens in the name of the process's AWS credentials; asyncpg awaits one for each connection."""
    client: Any = get_session().create_client("rds", region_name=region)
    make = partial(client.generate_db_auth_token, url.host, url.port or _PORT, url.username)

    async def token() -> str:
        try:
            # A signature, and nobody is asked for it. But some hours later the credentials are renewed first, which
            # blocks: in ECS, until the agent answers.
            made: str = await asyncio.to_thread(make)
        except BotoCoreError as error:
            raise ConnectionError(f"There are no AWS credentials to log in with: {error}") from error
        return made

    return token
