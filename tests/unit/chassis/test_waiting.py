"""Those who wait share a look, not each other's mistakes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.waiting import Waiting


class Empty:
    """Stands for a database: the view here does not ask it."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        yield


async def view(_: Any, ids: Sequence[UUID]) -> Mapping[UUID, str]:
    return dict.fromkeys(ids, "there")


def broken(_: str) -> bool:
    raise LookupError("no such status")


async def test_a_question_that_fails_ends_its_own_wait_and_no_later_one() -> None:
    waiting = Waiting(cast(Database, Empty()), asyncio.Event())
    with pytest.raises(LookupError):
        await waiting.outcome(view, uuid4(), broken, 5)
    assert await asyncio.wait_for(waiting.outcome(view, uuid4(), lambda _: True, 20), 5) == "there"


async def test_the_end_comes_after_the_look_that_is_under_way() -> None:
    looking, may_see = asyncio.Event(), asyncio.Event()

    class Counted:
        in_use = 0

        @asynccontextmanager
        async def reading(self) -> AsyncIterator[None]:
            self.in_use += 1
            yield
            self.in_use -= 1

    async def slow(_: Any, ids: Sequence[UUID]) -> Mapping[UUID, str]:
        looking.set()
        await may_see.wait()
        return {}

    database = Counted()
    waiting = Waiting(cast(Database, database), asyncio.Event())
    asking = asyncio.create_task(waiting.outcome(slow, uuid4(), lambda _: True, 20))
    await looking.wait()
    asking.cancel()
    finishing = asyncio.create_task(waiting.finish())
    await asyncio.sleep(0)
    assert (database.in_use, finishing.done()) == (1, False)
    may_see.set()
    await finishing
    assert database.in_use == 0
