"""How a client speaks HTTP to the API: keys that make a POST safe to repeat, problems, pages, waiting."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from services.operations.client.answers import Answer, Pending, Problem

_TRIES = 3
_TRY_AGAIN = frozenset({429, 503, 504})
_POLL_SECONDS = 0.2
"""Between two looks at what goes on; where the API has an opinion (``Retry-After``), that counts."""
_LONGEST_PAUSE_SECONDS = 5.0


class ApiError(Exception):
    """The API did not give what was asked for; the text says why."""


class Refused(ApiError):
    """The API says no; ``problem`` says why."""

    def __init__(self, request: httpx.Request, problem: Problem) -> None:
        super().__init__(f"{_named(request)} was answered {problem.status} ({problem.slug}): {problem.detail}")
        self.problem = problem


class Unexpected(ApiError):
    """An answer that this client cannot read: perhaps the URL is another program's."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{_named(answer.request)} was answered {answer.status_code}: {answer.text[:300]}")


class StillPending(ApiError):
    """Time is up, and what was waited for is not decided; it will be."""

    def __init__(self, url: httpx.URL, seconds: float, last: object) -> None:
        super().__init__(f"{url.path} is not decided after {seconds:.0f} s: {last}")


class Wire:
    """Requests below the API's URL. Every method raises Refused, Unexpected, and httpx.TransportError."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, method: str, path: str, body: BaseModel | None = None, **more: Any) -> httpx.Response:
        """Ask until there is an answer that another try would not change.

        A POST has an ``Idempotency-Key``: what a first try made already is not made twice.
        """
        headers: dict[str, str] = dict(more.pop("headers", {}))
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid4()))
        if body is not None:
            headers["Content-Type"] = "application/json"
            more["content"] = body.model_dump_json(exclude_unset=True)
        for _ in range(_TRIES - 1):
            answer = await self._client.request(method, path, headers=headers, **more)
            if answer.status_code not in _TRY_AGAIN:
                return _unless_refused(answer)
            await asyncio.sleep(_pause(answer))
        return _unless_refused(await self._client.request(method, path, headers=headers, **more))

    async def ask[Found: Answer](self, kind: type[Found], method: str, path: str, *a: Any, **more: Any) -> Found:
        """Ask for one resource."""
        answer = await self.send(method, path, *a, **more)
        return _read(kind, _json(answer), answer)

    async def perhaps[Found: Answer](self, kind: type[Found], path: str) -> Found | Pending:
        """Ask for one resource that may be on its way."""
        answer = await self.send("GET", path)
        body = _json(answer)
        return _read(Pending, body, answer) if _is_pending(body) else _read(kind, body, answer)

    async def pages[Found: Answer](
        self, kind: type[Found], path: str, query: Mapping[str, object] | None = None
    ) -> AsyncIterator[Found]:
        """Every item of a list, page after page as it is asked for."""
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        answer = await self.send("GET", path, params=given)
        while True:
            for item in _items(answer):
                yield _read(kind, item, answer)
            if "next" not in answer.links:
                return
            answer = await self.send("GET", str(answer.url.join(answer.links["next"]["url"])))

    async def settled[Found: Answer](
        self, kind: type[Found], answer: httpx.Response, until: Callable[[Found], bool], seconds: float
    ) -> Found:
        """What an accepted request, or a resource under way, has become. Raises StillPending."""
        url = answer.url.join(answer.headers.get("Location", ""))
        deadline = time.monotonic() + seconds
        while True:
            seen = _json(answer)
            if not _is_pending(seen) and until(found := _read(kind, seen, answer)):
                return found
            if time.monotonic() > deadline:
                raise StillPending(url, seconds, seen)
            await asyncio.sleep(_pause(answer))
            answer = await self.send("GET", str(url))


def _is_pending(body: Any) -> bool:
    return isinstance(body, dict) and body.get("status") == "pending"


def _read[Found: Answer](kind: type[Found], body: Any, answer: httpx.Response) -> Found:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise Unexpected(answer) from error


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise Unexpected(answer) from error


def _items(answer: httpx.Response) -> list[Any]:
    body = _json(answer)
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise Unexpected(answer)
    return items


def _unless_refused(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError as error:
        raise Unexpected(answer) from error
    raise Refused(answer.request, problem)


def _pause(answer: httpx.Response) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE_SECONDS) if asked.isdigit() else _POLL_SECONDS


def _named(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"
