"""Requests of one process share their sends: whoever comes while one is under way goes with the next."""

import asyncio
from collections.abc import Sequence

from services.chassis.relay import Send
from services.chassis.store import Dispatch
from services.chassis.tracing import detach

PUBLISH_SECONDS = 5
"""The longest that a send may take, and so that a request waits for the one before its own."""


class Unpublished(Exception):
    """SQS did not accept a message in time: the client may try again."""


class Publisher:
    """Puts requests' messages on their queues, without an outbox: a request that is not accepted is answered so."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[tuple[Sequence[Dispatch], asyncio.Future[None]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def publish(self, dispatches: Sequence[Dispatch]) -> None:
        """Return as soon as SQS has accepted every row. Raises Unpublished when it did not."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((dispatches, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._drain())
        await answer

    async def _drain(self) -> None:
        detach()
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                await self._send_together(together)
        finally:
            self._sending = None

    async def _send_together(self, together: list[tuple[Sequence[Dispatch], asyncio.Future[None]]]) -> None:
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                accepted = await self._send([row for rows, _ in together for row in rows])
        except Exception as error:
            accepted, why = set(), repr(error)
        else:
            why = "SQS refused the message"
        for rows, answer in together:
            if answer.done():  # its request was cancelled
                continue
            if accepted.issuperset(row.key for row in rows):
                answer.set_result(None)
            else:
                answer.set_exception(Unpublished(why))
