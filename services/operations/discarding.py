"""Dead letters given up, each with who did it and why."""

import json
import os
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from services.operations.dead_letters import DeadLetter, record_of
from services.operations.errors import Trouble
from services.operations.queue_access import QueueAccess


def account(letter: DeadLetter, *, by: str, why: str, now: datetime) -> dict[str, Any]:
    """What is kept of a discarded message: all but personal data. Of a body that cannot be read, length and hash."""
    envelope = letter.contents.envelope
    body = letter.seen.body.encode()
    return {
        "discarded_at": now.isoformat(),
        "by": by,
        "why": why,
        **record_of(letter),
        "message": envelope.attributes(personal=False) if envelope else None,
        "bytes": len(body),
        "sha256": sha256(body).hexdigest(),
    }


def append(file: Path, line: dict[str, Any]) -> None:
    """Add a line to a file of JSON lines, for sure on disk when this returns. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


async def discard(access: QueueAccess, letter: DeadLetter, note: Callable[[], None]) -> None:
    """Delete a dead letter, after noting it. Raises Trouble when it is not there any more."""
    source = letter.queue.dead_letter_name
    async with aclosing(access.take(source, [letter.seen.sqs_id])) as batches:
        async for (taken,) in batches:
            note()
            await access.delete(source, [taken.receipt])
            return
    raise Trouble(f"Dead letter {letter.key} is not there any more, or someone else looks at it now.")
