"""Every error as a problem document (RFC 9457), with a slug that a machine reads."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

TYPE_PREFIX = "https://bilhetagem.example/problems/"
"""A problem's type is this and its slug: a name that does not change; nothing has to be found there (RFC 9457)."""

RETRY_AFTER_SECONDS = "1"

_SLUGS = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    500: "internal",
    503: "unavailable",
}
_DETAILS = {
    400: "The request cannot be read.",
    401: "This route needs a bearer token.",
    403: "You may not do this.",
    404: "There is nothing here.",
    405: "This resource does not know the method.",
    409: "The resource is not in a state that allows this.",
    410: "It was here once, and is gone.",
    413: "The request's body is too large.",
    415: "The body must be JSON, sent with Content-Type: application/json.",
    422: "The request is not valid.",
    500: "Something went wrong on our side.",
    503: "This could not be taken. Please try again in a moment; under one Idempotency-Key nothing is made twice.",
}
NOTHING_UNDER_ID = (404, "not_found", "There is nothing under this id.")
_MOST_ERRORS = 20
_LONGEST_NAME = 200
"""How much is repeated of what a client made up."""


class Problem(HTTPException):
    """Raise it in a route: it becomes the answer. ``extra`` are further members of the document, JSON-able."""

    def __init__(
        self,
        status: int,
        slug: str | None = None,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(status, detail or _DETAILS.get(status, HTTPStatus(status).phrase), dict(headers or {}))
        self.slug = slug or _SLUGS.get(status, "error")
        self.extra = extra


class InvalidField(BaseModel):
    """What is wrong with one part of a request: a place in the body, a query parameter or a header."""

    pointer: str | None = Field(
        None, description="JSON Pointer into the body (RFC 6901)", examples=["/items/0/quantity"]
    )
    parameter: str | None = Field(None, description="query parameter", examples=["limit"])
    header: str | None = Field(None, description="header", examples=["Idempotency-Key"])
    detail: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457). Further members are possible."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(examples=[f"{TYPE_PREFIX}not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    slug: str = Field(description="for machines; stable", examples=["not_found"])
    detail: str = Field(description="for people", examples=["There is nothing here."])
    instance: str = Field(description="the path that was asked for", examples=["/orders/0190"])
    errors: list[InvalidField] | None = None


def document(problem: Problem, path: str) -> dict[str, Any]:
    """The members of a problem document."""
    return {
        "type": TYPE_PREFIX + problem.slug,
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "slug": problem.slug,
        "detail": problem.detail,
        "instance": quote(path[:_LONGEST_NAME], errors="replace"),
        **problem.extra,
    }


def answer(problem: Problem, path: str) -> JSONResponse:
    """The response for a problem."""
    headers = dict(problem.headers or {})
    if problem.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
    return JSONResponse(
        document(problem, path),
        status_code=problem.status_code,
        headers=headers,
        media_type="application/problem+json",
    )


def found[Row](row: Row | None) -> Row:
    """What stands under the id of a request. Raises Problem(404) when nothing does."""
    if row is None:
        raise Problem(*NOTHING_UNDER_ID)
    return row


def invalid(error: RequestValidationError) -> Problem:
    """What FastAPI found wrong. Nothing of the input is repeated but the names of fields."""
    failures = error.errors()
    if any(failure["loc"][:1] == ("path",) for failure in failures):
        return Problem(*NOTHING_UNDER_ID)
    errors = [_field(failure) for failure in failures[:_MOST_ERRORS]]
    return Problem(422, detail="; ".join(_sentence(entry) for entry in errors[:3]), errors=errors)


def _field(failure: Mapping[str, Any]) -> dict[str, str]:
    where, *path = failure["loc"]
    detail = printable(str(failure["msg"]))
    if where == "body":
        return {"pointer": pointer(path), "detail": detail}
    return {"header" if where == "header" else "parameter": printable(str(path[-1])), "detail": detail}


def _sentence(entry: Mapping[str, str]) -> str:
    *_, place = (value for name, value in entry.items() if name != "detail")
    return f"{place or 'body'}: {entry['detail']}"


def pointer(path: Sequence[str | int]) -> str:
    """A JSON Pointer (RFC 6901), cut where a client made a name up that is too long to repeat."""
    return "".join(f"/{printable(_escaped(str(step)))}" for step in path)[:_LONGEST_NAME]


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def printable(text: str) -> str:
    """A client's text, fit to be sent back: JSON may smuggle in lone surrogates, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()


type Documented = int | tuple[int, str, str]
"""A status, or a status with its slug and what it means."""


def problems(*documented: Documented) -> dict[int | str, dict[str, Any]]:
    """Errors of a route, for ``responses=``: ``problems(404, (409, "cancel_the_order", "It belongs to an order."))``.

    Statuses that follow from a route's shape (400, 413, 415, 422, 500, 503) need not be named.
    """
    by_status: dict[int, list[tuple[str, str]]] = {}
    for entry in documented:
        status, slug, detail = entry if isinstance(entry, tuple) else (entry, _SLUGS[entry], _DETAILS[entry])
        by_status.setdefault(status, []).append((slug, detail))
    return {status: _response(status, examples) for status, examples in by_status.items()}


def _response(status: int, examples: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {
                    slug: {"summary": detail, "value": document(Problem(status, slug, detail), "/the/path")}
                    for slug, detail in examples
                },
            }
        },
    }
