"""The REST API as a buyer's program uses it."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from services.operations.errors import Trouble

PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.2


class Shop:
    """A client of the base URL. Everything raises Trouble when the answer is none that it should be."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str) -> AsyncIterator["Shop"]:
        """Open a client."""
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield cls(client)

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Make something; the body of the answer. Safe to repeat, by its Idempotency-Key."""
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await self._client.post(path, json=body, headers=headers)
        made: dict[str, Any] = self._read(answer, 200, 201, 202)
        return made

    async def get(self, path: str) -> dict[str, Any]:
        """Read something."""
        found: dict[str, Any] = self._read(await self._client.get(path), 200)
        return found

    async def listing(self, path: str) -> list[dict[str, Any]]:
        """Read a list's first page."""
        items: list[dict[str, Any]] = (await self.get(path))["items"]
        return items

    async def download(self, path: str) -> bytes:
        """Read a file."""
        answer = await self._client.get(path)
        if answer.status_code != 200:
            raise _unexpected(answer)
        return answer.content

    async def wait_for(self, path: str, statuses: Collection[str]) -> dict[str, Any]:
        """Ask for a resource again and again, until it has one of these statuses."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := await self.get(path))["status"] not in statuses:
            if time.monotonic() > deadline:
                wished = " or ".join(statuses)
                raise Trouble(f"{path} is still {found['status']!r} after {PATIENCE_SECONDS} s, not {wished}.")
            await asyncio.sleep(_POLL_SECONDS)
        return found

    def _read(self, answer: httpx.Response, *expected: int) -> Any:
        if answer.status_code not in expected:
            raise _unexpected(answer)
        return answer.json()


def _unexpected(answer: httpx.Response) -> Trouble:
    request = answer.request
    return Trouble(f"{request.method} {request.url.path} was answered {answer.status_code}: {answer.text[:500]}")
