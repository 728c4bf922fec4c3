"""``Idempotency-Key`` (IETF draft-ietf-httpapi-idempotency-key-header): a repeated POST makes one resource."""

import hashlib
import json
import re
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from services.chassis.problems import Problem
from services.chassis.storage import SqlTransaction
from services.chassis.tables import ChassisTables, IdempotencyKey

HEADER = "Idempotency-Key"

_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')


def key_of(request: Request) -> str | None:
    """The key of a request, quoted as the draft has it or bare, or None. Raises Problem(400)."""
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    found = _KEY.fullmatch(sent[0].strip())
    if found is None or len(sent) > 1:
        raise Problem(
            400,
            "idempotency_key_malformed",
            f"{HEADER} is one word of 1 to 255 visible ASCII characters, such as a UUID.",
        )
    return found[1]


async def hash_of(request: Request) -> str:
    """A hash of a request's body that spaces and the order of names do not change."""
    body = await request.json() if await request.body() else None
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


async def claim(transaction: SqlTransaction, tables: ChassisTables, key: IdempotencyKey) -> tuple[UUID, bool]:
    """Write the key, unless it is there: of two at the same time, one waits for the other's transaction.

    Returns the id of the resource that the key stands for, and whether an earlier request made it. Raises
    Problem(422) when the earlier request had another body.
    """
    connection, table = transaction.connection, tables.idempotency
    upsert = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    written = upsert(table).values(asdict(key)).on_conflict_do_nothing().returning(table.c.key)
    if (await connection.execute(written)).first() is not None:
        return key.resource_id, False
    query = select(table.c.resource_id, table.c.body_hash).where(
        table.c.caller == key.caller, table.c.route == key.route, table.c.key == key.key
    )
    resource_id, body_hash = (await connection.execute(query)).one()
    if body_hash != key.body_hash:
        raise Problem(422, "idempotency_key_reused", f"This {HEADER} came with another body before.")
    return resource_id, True


async def key_row(request: Request, caller: str, resource_id: UUID, now: datetime) -> IdempotencyKey | None:
    """The row that a request with a key claims, None without a key. Raises Problem(400)."""
    key = key_of(request)
    if key is None:
        return None
    route = f"{request.method} {request.scope['path']}"
    return IdempotencyKey(caller, route, key, resource_id, await hash_of(request), now)
