"""Pages of a list, by cursor: whoever follows the links sees each row once, whatever is added meanwhile."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Column, Select

from services.chassis.problems import Problem


class Listing[Model](BaseModel):
    """A page. The ``Link`` header with ``rel="next"`` leads to the next one, where there is one."""

    items: list[Model]


@dataclass(frozen=True)
class Page:
    """The page that was asked for: ``limit`` rows whose id comes after ``after``."""

    limit: int
    after: UUID | None
    others: tuple[tuple[str, str], ...] = ()
    """The query's other parameters, which the link to the next page keeps."""

    def of[Query: Select[Any]](self, query: Query, by: Column[UUID]) -> Query:
        """The query for this page, and one row more, which tells that there is a next one."""
        if self.after is not None:
            query = query.where(by > self.after)
        return query.order_by(by).limit(self.limit + 1)

    def answer[Model: BaseModel](
        self,
        found: Sequence[Model],
        id_of: Callable[[Model], UUID] = lambda model: model.id,  # type: ignore[attr-defined]
    ) -> Response:
        """The page of what the query found, with its ``Link`` (RFC 8288) where a next one follows.

        The link is relative, for a client knows this list by its gateway's URL.
        """
        items = list(found[: self.limit])
        headers = {}
        if len(found) > self.limit:
            query = urlencode([*self.others, ("limit", self.limit), ("cursor", cursor_after(id_of(items[-1])))])
            headers["Link"] = f'<?{query}>; rel="next"'
        body = Listing[Any](items=items).model_dump_json()
        return Response(body, media_type="application/json", headers=headers)


def cursor_after(row_id: UUID) -> str:
    """The cursor of the page after this row."""
    return urlsafe_b64encode(row_id.bytes).rstrip(b"=").decode()


def _row_before(cursor: str) -> UUID:
    try:
        row_id = UUID(bytes=urlsafe_b64decode(cursor + "=="))
        if cursor_after(row_id) == cursor:
            return row_id
    except ValueError:  # wrong alphabet, padding or length
        pass
    wrong = {"parameter": "cursor", "detail": "Take the cursor from the Link of the page before"}
    raise Problem(422, detail="cursor: this is none of ours.", errors=[wrong])


def page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100, description="How many items at most")] = 20,
    cursor: Annotated[str | None, Query(max_length=64, description="Where the page begins, from `Link`")] = None,
) -> Page:
    """The page that a request asks for. Raises Problem(422)."""
    others = tuple(entry for entry in request.query_params.multi_items() if entry[0] not in {"limit", "cursor"})
    return Page(limit, None if cursor is None else _row_before(cursor), others)


PageDep = Annotated[Page, Depends(page)]
