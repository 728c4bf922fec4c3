"""One round of locks for a batch: every table once, in the service's lock order, its rows in id order."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from contracts.message import Envelope
from services.chassis.handling import Handler
from services.chassis.rows import Key, Rows
from services.chassis.store import Conflict, Transaction


class Moved(Conflict):
    """A row that others were found by changed before it was locked: the batch is taken again."""


async def load_and_lock(
    transaction: Transaction,
    lock_order: Sequence[type[Any]],
    wants: Sequence[tuple[Envelope, Handler]],
) -> tuple[Rows, dict[UUID, frozenset[Key]]]:
    """Load and lock what a batch touches.

    ``touches`` is asked once per table, with what has been loaded so far, since some keys are known only from other
    rows. Returns the rows, and the keys that each message declared. Raises Moved.
    """
    rows = Rows()
    looks = {key for envelope, handler in wants for key in handler.looks(envelope.message)}
    for kind in lock_order:
        await _load(transaction, rows, kind, looks, lock=False)
    for kind in lock_order:
        named = {key for envelope, handler in wants for key in handler.touches(envelope.message, rows)}
        await _load(transaction, rows, kind, named, lock=True)
    declared = {envelope.id: frozenset(handler.touches(envelope.message, rows)) for envelope, handler in wants}
    for keys in declared.values():
        if missing := keys - rows.locked:
            raise Moved(f"{len(missing)} rows were named only under the lock")
    return rows, declared


async def _load(
    transaction: Transaction,
    rows: Rows,
    kind: type[Any],
    keys: Iterable[Key],
    *,
    lock: bool,
) -> None:
    wanted = [key for key in keys if key.kind is kind]
    if wanted:
        found = await transaction.load(kind, sorted({key.id for key in wanted}), lock=lock)
        rows.put(wanted, found, locked=lock)
