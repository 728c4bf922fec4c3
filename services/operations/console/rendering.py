"""How pages are made: Jinja templates, escaped throughout, and how moments, spans and JSON are written in them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.operations.console.swimlanes import tone
from services.operations.moments import spoken
from services.operations.timeline import name_of
from services.operations.wording import ago

templates = Environment(
    loader=PackageLoader("services.operations.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_CONTEXT = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
"""CloudEvents' own attributes; extensions come after them."""


def moment(at: datetime) -> str:
    """A moment as people read it: the time, with the day where that is not today's. UTC."""
    at = at.astimezone(UTC)
    return f"{at:%H:%M:%S}" if at.date() == datetime.now(UTC).date() else f"{at:%Y-%m-%d %H:%M:%S}"


def since(at: datetime) -> str:
    """How long ago a moment was, or how long it takes until then."""
    return span(abs(datetime.now(UTC) - at))


def span(length: timedelta) -> str:
    """A span in its largest unit."""
    return ago(length)


def short(identifier: object) -> str:
    """The end of an id, by which people tell ids apart: a UUIDv7 begins with the time, so its beginning is common."""
    text = str(identifier)
    return f"…{text[-8:]}" if len(text) > 12 else text


def pretty(value: Any) -> str:
    """JSON to read; a text that is none, as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def in_order(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """An envelope as CloudEvents writes it, its payload last: PostgreSQL keeps no order in JSON."""
    named = [name for name in _CONTEXT if name in envelope]
    others = [name for name in envelope if name not in {*named, "data"}]
    payload = ["data"] if "data" in envelope else []
    return {name: envelope[name] for name in (*named, *others, *payload)}


def words(slug: str) -> str:
    """A slug as words."""
    return slug.replace("_", " ")


templates.filters |= {
    "moment": moment,
    "since": since,
    "span": span,
    "short": short,
    "pretty": pretty,
    "in_order": in_order,
    "spoken": spoken,
    "tone": tone,
    "words": words,
    "type_name": name_of,
}


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    path: str
    name: str


PLACES = (Place("/", "Overview"), Place("/purchases", "Purchases"), Place("/dead-letters", "Dead letters"))


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> HTMLResponse:
    """A page. Where a notice waits in the session, this is the page that shows it, unless it only refreshes a part.
    What no encoding can say, half of a surrogate pair in some message's JSON, is a question mark.
    """
    common = {
        "places": PLACES,
        "path": request.url.path,
        "url": f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
        "csrf": request.session.get("csrf", ""),
        "signed_in": "id" in request.session,
        "notice": None if "hx-request" in request.headers else request.session.pop("notice", None),
    }
    text = templates.get_template(template).render(common | content)
    return HTMLResponse(text.encode(errors="replace"), status, dict(headers or {}))
