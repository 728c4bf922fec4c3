"""Answers that several routes give: a body, and that something is pending."""

from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel

from services.chassis.ids import minted_at
from services.chassis.problems import RETRY_AFTER_SECONDS

_CLOCKS_DIFFER = timedelta(minutes=1)


class Pending(BaseModel):
    """Accepted, not decided yet: ask again."""

    id: UUID
    status: Literal["pending"] = "pending"


class Shown(Protocol):
    """A response body."""

    def model_dump_json(self) -> str: ...


class Outcome(Shown, Protocol):
    """The body of a resource that says what has become of it."""

    @property
    def status(self) -> str: ...


def is_rejected(outcome: Outcome) -> bool:
    """The answer is no."""
    return outcome.status == "rejected"


def shown(model: Shown, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with a model as its body."""
    return Response(model.model_dump_json(), status, headers, "application/json")


def pending(resource_id: UUID, status: int, headers: dict[str, str]) -> Response:
    """The response for what is on its way."""
    return shown(Pending(id=resource_id), status, {**headers, "Retry-After": RETRY_AFTER_SECONDS})


def may_be_pending(resource_id: UUID, now: datetime, horizon: timedelta) -> bool:
    """Whether a resource that is not known may be on its way: we minted its id, and not longer ago than the horizon."""
    minted = minted_at(resource_id)
    return minted is not None and -_CLOCKS_DIFFER <= now - minted <= horizon
