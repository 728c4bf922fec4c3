"""Requests of one process share their sends."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.chassis.publishing import Publisher, Unpublished
from services.chassis.store import Dispatch


def a_row() -> Dispatch:
    return Dispatch(
        key=uuid4(),
        message_id=uuid4(),
        correlation="",
        type="PlaceOrder",
        queue="order-new",
        group="",
        body="{}",
        send_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


class Sqs:
    """Takes a send when told to, and accepts all of it but what is ``refused``."""

    def __init__(self) -> None:
        self.sends: list[list[Dispatch]] = []
        self.refused: set[UUID] = set()
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        self.sends.append(list(dispatches))
        self.begun.set()
        await self.may_end.wait()
        return {row.key for row in dispatches} - self.refused


async def test_what_comes_while_a_send_is_under_way_goes_with_the_next_and_each_gets_its_own_answer() -> None:
    sqs, rows = Sqs(), [a_row() for _ in range(8)]
    publisher = Publisher(sqs.send)
    sqs.refused = {rows[3].key}
    first = asyncio.create_task(publisher.publish(rows[:1]))
    await sqs.begun.wait()
    others = [asyncio.create_task(publisher.publish([row])) for row in rows[1:]]
    await asyncio.sleep(0)  # each of them has joined the queue
    sqs.may_end.set()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    assert sqs.sends == [rows[:1], rows[1:]]
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [Unpublished] + [type(None)] * 4


async def test_a_send_that_fails_is_told_to_all_who_share_it_and_the_next_may_succeed() -> None:
    async def fail(dispatches: Sequence[Dispatch]) -> set[UUID]:
        if len(dispatches) > 1:
            raise OSError("SQS is away")
        return {row.key for row in dispatches}

    publisher = Publisher(fail)
    with pytest.raises(Unpublished, match="SQS is away"):
        await publisher.publish([a_row(), a_row()])
    await publisher.publish([a_row()])
