"""Purchases: a list that can be narrowed down, the search by any id, one purchase's timeline, and sending again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.operations.console.rendering import page
from services.operations.console.settings import ConsoleSettings
from services.operations.console.swimlanes import diagram
from services.operations.desk import Desk
from services.operations.errors import Trouble
from services.operations.finding import MOST_UNDER_WAY, Filter, Listed, find_purchase, journals_of, list_purchases
from services.operations.moments import duration, moment
from services.operations.purchases import STATES, Purchase
from services.operations.resending import carry_out, plan
from services.operations.timeline import Told, name_of

_PAGE = 25
_MOST = 200

_SINCE = (("", "any time"), ("1h", "the last hour"), ("24h", "the last day"), ("7d", "the last week"))
_STUCK = (("", "whether stuck or not"), ("1m", "stuck for 1 min"), ("5m", "stuck for 5 min"), ("1h", "stuck for 1 h"))


@dataclass(frozen=True)
class Chosen:
    """The message beside the timeline: what caused it, and what followed."""

    message: Told
    cause: Told | None
    effects: Sequence[Told]


async def purchases(request: Request) -> Response:
    """The list. What cannot be meant by the filter is said, and nothing listed."""
    desk = _desk(request)
    settings: ConsoleSettings = request.app.state.settings
    asked = {name: request.query_params.get(name, "").strip() for name in ("state", "event", "since", "stuck")}
    now = datetime.now(UTC)
    limit = _limit(request.query_params.get("limit", ""))
    listed = Listed(())
    problem = None
    try:
        wanted = Filter(
            state=asked["state"] or None,
            event_id=_id(asked["event"]) if asked["event"] else None,
            since=moment(asked["since"], now) if asked["since"] else None,
            stuck_for=duration(asked["stuck"]) if asked["stuck"] else None,
            limit=limit + 1,
        )
        listed = await list_purchases(desk, wanted, now)
    except Trouble as trouble:
        problem = str(trouble)
    more = {**{name: value for name, value in asked.items() if value}, "limit": str(min(limit + _PAGE, _MOST))}
    return page(
        request,
        "purchases.html",
        live=not problem,
        purchases=[(purchase, stuck(purchase, now, settings)) for purchase in listed.purchases[:limit]],
        silent=desk.journals.silent if desk.journals and not problem else (),
        looked_at_all=listed.looked_at_all,
        most=MOST_UNDER_WAY,
        asked=asked,
        states=STATES,
        sinces=_SINCE,
        stucks=_STUCK,
        problem=problem,
        more=urlencode(more) if len(listed.purchases) > limit and limit < _MOST else None,
        now=now,
    )


def stuck(purchase: Purchase, now: datetime, settings: ConsoleSettings) -> bool:
    """Whether somebody should have carried it on."""
    return any(wait.is_stuck(now, settings.stuck_after) for wait in purchase.waits)


async def search(request: Request) -> Response:
    """From any id to its purchase. Raises Trouble."""
    wanted = request.query_params.get("q", "").strip()
    found = await find_purchase(_desk(request), _id(wanted), datetime.now(UTC))
    chosen = next((message for message in found.timeline.told if str(message.id) == wanted.lower()), None)
    return RedirectResponse(f"/purchases/{found.id}" + (f"?message={chosen.id}" if chosen else ""), 303)


async def purchase(request: Request) -> Response:
    """One purchase: its timeline, what it waits for, and the chosen message beside. Raises Trouble."""
    now = datetime.now(UTC)
    found = await find_purchase(_desk(request), request.path_params["id"], now)
    if found.id != str(request.path_params["id"]):
        return RedirectResponse(f"/purchases/{found.id}", 303)
    wanted = request.query_params.get("message", "")
    chosen = choose(found, wanted)
    return page(
        request,
        "purchase.html",
        live=True,
        purchase=found,
        diagram=diagram(found.timeline, chosen.message.id if chosen else None),
        chosen=chosen,
        is_stuck=stuck(found, now, request.app.state.settings),
        can_resend=bool(plan(found).by),
        parts=sorted(found.correlations - {found.id}),
        names=_names(found.timeline.told),
        now=now,
    )


def choose(found: Purchase, wanted: str) -> Chosen | None:
    """The message with an id, with its neighbours. None where the purchase has none."""
    told = {str(message.id): message for message in found.timeline.told}
    message = told.get(wanted.lower())
    if message is None:
        return None
    effects = chain.from_iterable(hearing.followers for hearing in message.hearings)
    return Chosen(message, told.get(str(message.envelope.get("causationid"))), list(effects))


def _names(told: Sequence[Told]) -> Mapping[UUID, str]:
    return {message.id: message.name for message in told}


async def resending(request: Request) -> Response:
    """What would be sent again, and by whom: the dry run before the confirmation. Raises Trouble."""
    found = await find_purchase(_desk(request), request.path_params["id"], datetime.now(UTC))
    return page(request, "resend.html", live=False, purchase=found, plan=plan(found))


async def resend(request: Request) -> Response:
    """Send again what a listener has not handled. Harmless where it has: ids stay the same. Raises Trouble."""
    desk = _desk(request)
    found = await find_purchase(desk, request.path_params["id"], datetime.now(UTC))
    answers, silent = await carry_out(plan(found), journals_of(desk))
    sent = [f"{name_of(one.type)} to {one.queue}" for answer in answers.values() for one in answer.sent]
    gone = [str(each) for answer in answers.values() for each in answer.unknown]
    said = [
        *([f"Sent again: {', '.join(sent)}."] if sent else []),
        *([f"No longer there to be sent: {', '.join(gone)}."] if gone else []),
        *silent,
    ]
    request.session["notice"] = " ".join(said) or "There was nothing to send again."
    return RedirectResponse(f"/purchases/{found.id}", 303)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk.anew()


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Trouble(
            f"“{text[:80]}” is no id. Ids look like 019aa2c4-6f1e-7c3a-9b57-0d9f6f5a1e2b: an order's, a reservation's, "
            "a payment's, an issued ticket's or a message's."
        ) from None


def _limit(text: str) -> int:
    return min(max(int(text), 1), _MOST) if text.isascii() and text.isdecimal() else _PAGE
