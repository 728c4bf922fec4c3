"""Sending again what a service has sent: from its journal, from its outbox, or made anew from its catalogue rows.

A message keeps its id, so whoever handled it drops it. A fact made anew is a message of its own; its row's version
makes it harmless, and rows are the only place where its personal data still is.

The worker's relay does the sending: an ingress, where operators ask for it, may send what its own routes let in only.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, false, or_, select, update

from contracts.message import Envelope, Message
from contracts.routes import queues
from services.chassis.database import among
from services.chassis.dispatching import Dispatcher
from services.chassis.resends import Again, Resend, Resent, Sent
from services.chassis.rows import field_names
from services.chassis.runtime import Running
from services.chassis.storage import SqlTransaction
from services.chassis.store import Dispatch


async def resend(running: Running, wanted: Resend) -> Resent:
    """Have the outbox send again: at once, and a timer when it is due. Raises Unavailable."""
    now = running.clock()
    dispatcher = Dispatcher(running.service.name, now, running.mint)
    async with running.store.begin() as transaction:
        waiting = await _due(running, transaction, [again for again in wanted.messages if again.cause is None])
        known = {dispatch.message_id for dispatch in waiting}
        emitted = await _emitted(running, transaction, [a.cause for a in wanted.messages if a.cause is not None])
        for message_id in dict.fromkeys(again.id for again in wanted.messages):
            for envelope, due in emitted.get(message_id, ()):
                known.add(message_id)
                dispatcher.enqueue(envelope, due)
        for row_id, message in await _facts(running, transaction, wanted.facts):
            known.add(row_id)
            dispatcher.request(message, running.mint())
        # A timer that is still due waits in the outbox again: its listener would only park it.
        again = [*(replace(row, send_at=now) for row in dispatcher.at_once), *dispatcher.later]
        fresh = [row for row in again if _is_meant(row, wanted.messages)]
        if fresh:
            await transaction.enqueue(fresh)
    return Resent(
        sent=[Sent(id=one.message_id, type=one.type, queue=one.queue) for one in (*waiting, *fresh)],
        unknown=[each for each in (*(a.id for a in wanted.messages), *wanted.facts) if each not in known],
    )


def _is_meant(dispatch: Dispatch, wanted: Sequence[Again]) -> bool:
    listener = dispatch.queue.rpartition("-")[0]
    meant = [again.to for again in wanted if again.id == dispatch.message_id]
    return not meant or any(to is None or listener in to for to in meant)


async def _due(running: Running, transaction: SqlTransaction, wanted: Sequence[Again]) -> list[Dispatch]:
    """Outbox rows of these messages, which are due now: timers, parked ones, and those that were not accepted."""
    outbox = running.service.tables.outbox
    columns = [outbox.c[name] for name in field_names(Dispatch)]
    meant = or_(false(), *(_rows_meant(outbox, again) for again in wanted))
    hasten = update(outbox).where(meant).values(send_at=running.clock()).returning(*columns)
    return [Dispatch(*row) for row in await transaction.connection.execute(hasten)]


def _rows_meant(outbox: Table, again: Again) -> ColumnElement[bool]:
    message = outbox.c.message_id == again.id
    if again.to is None:
        return message
    return and_(message, outbox.c.queue.in_([queue.name for queue in queues() if queue.service in again.to]))


async def _emitted(
    running: Running, transaction: SqlTransaction, causes: Sequence[UUID]
) -> dict[UUID, list[tuple[Envelope, datetime | None]]]:
    """What followed from these messages, by id (two versions of one message share it), with when a timer is due."""
    inbox = running.service.tables.inbox
    query = select(inbox.c.emitted).where(among(inbox.c.id, causes, running.database.dialect))
    found = defaultdict(list)
    for emitted in (await transaction.connection.execute(query)).scalars():
        for attributes in emitted:
            envelope = Envelope.decode(json.dumps(attributes))
            due = attributes.get("due")
            found[envelope.id].append((envelope, due and datetime.fromisoformat(due)))
    return found


async def _facts(running: Running, transaction: SqlTransaction, ids: Sequence[UUID]) -> list[tuple[UUID, Message]]:
    found: list[tuple[UUID, Message]] = []
    for kind, told in running.service.facts.items():
        rows = await transaction.load(kind, sorted(ids), lock=False) if ids else []
        found += [(row.id, told(row)) for row in rows]
    return found
