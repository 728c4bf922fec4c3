"""What a request brings: strict JSON, with numbers that stay exact, and a query without control characters."""

import json
import re
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from email.message import Message as Header
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from services.chassis.problems import Problem, printable

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

MAX_BODY_BYTES = 64 * 1024
"""The largest order (20 items, 20 products) has some 5 KB."""


def parse(raw: bytes) -> Any:
    """Read JSON (RFC 8259): UTF-8, no NaN, no name twice in one object; decimals stay exact. Raises Problem(400)."""
    try:
        return json.loads(
            raw.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_repeated_names,
        )
    # RecursionError: nested too deeply. ArithmeticError: an exponent that Decimal cannot hold.
    except (ValueError, ArithmeticError, RecursionError) as error:
        why = f"{error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else "see RFC 8259"
        raise Problem(400, "malformed_json", f"The body is no valid JSON in UTF-8: {why}.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name appears twice in one object")
    return found


def read[Model: BaseModel](kind: type[Model], raw: bytes) -> Model:
    """Read a body that a route takes raw, because it verifies a signature over it. Raises Problem (400, 422)."""
    try:
        return kind.model_validate(parse(raw))
    except ValidationError as error:
        failures = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([{**failure, "loc": ("body", *failure["loc"])} for failure in failures]) from None


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise Problem(413, detail=f"A request's body has {MAX_BODY_BYTES} bytes at most.")


class JsonRequest(Request):
    """A request whose body is bounded, and whose JSON is strict and exact."""

    async def body(self) -> bytes:
        """The body. Raises Problem(413)."""
        if not hasattr(self, "_body"):
            # Nobody waits for what is announced to be too large; what is not announced is counted.
            _check_size(int(self.headers.get("content-length", 0)))
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                _check_size(size)
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The body as JSON. Raises Problem (400, 413)."""
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route that reads its body by ``JsonRequest``: FastAPI itself reads numbers through float, and any size.

    A NUL in a query parameter would be an error of PostgreSQL's; no parameter has a use for control characters.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, behind a check of media type and query."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def strict(request: Request) -> Response:
            if takes_json and _has_body(request) and not _is_json(request.headers.get("content-type", "")):
                raise Problem(415, headers={"Accept": "application/json"})
            _refuse_control_characters(request)
            return await handle(JsonRequest(request.scope, request.receive))

        return strict


def _refuse_control_characters(request: Request) -> None:
    errors = [
        {"parameter": printable(name), "detail": "Control characters are not allowed"}
        for name, value in request.query_params.multi_items()
        if _CONTROL.search(name + value)
    ]
    if errors:
        raise Problem(422, detail="The query has control characters.", errors=errors)


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _is_json(content_type: str) -> bool:
    header = Header()
    header["content-type"] = content_type
    return header.get_content_maintype() == "application" and (
        header.get_content_subtype() == "json" or header.get_content_subtype().endswith("+json")
    )


class Router(APIRouter):
    """A service's routes, declared with the paths of the design (``/users/``, ``/users/{id}``)."""

    def __init__(self, *, tags: Sequence[str] = ()) -> None:
        super().__init__(route_class=StrictRoute, redirect_slashes=False, tags=list(tags))
