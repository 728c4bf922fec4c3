"""The commands about purchases, and how what they find is printed."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from services.chassis.process import run
from services.operations.commands import complaints, console
from services.operations.errors import BadInput, Trouble
from services.operations.finding import MOST_UNDER_WAY, Filter, find_purchase, journals_of, list_purchases
from services.operations.moments import duration, moment, spoken
from services.operations.purchases import CATALOGUE, STATES, Purchase
from services.operations.queue_screens import desk_of
from services.operations.recording import record
from services.operations.resending import Plan, carry_out, plan
from services.operations.timeline import Fate, Hearing, Told
from services.operations.waits import Wait, caller_of
from services.operations.wording import counted, printable

_STYLES = {
    Fate.HANDLED: "green",
    Fate.IGNORED: "dim",
    Fate.DUE_LATER: "cyan",
    Fate.UNKNOWN: "yellow",
    Fate.PARKED: "yellow",
    Fate.QUEUED: "yellow",
}
_STUCK_AFTER = timedelta(minutes=1)
_WHOLE_LINES = 1_000


def show_list(
    folder: Path | None,
    aws: str | None,
    stuck_for: str | None,
    state: str | None,
    event: UUID | None,
    since: str,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Purchases, newest first; those that are stuck, the oldest first."""
    now = datetime.now(UTC)
    if state is not None and state not in STATES:
        raise BadInput(
            f"--state {state}: a purchase is {', '.join(STATES[:-1])} or {STATES[-1]}. A laptop's system is named by "
            "--folder here."
        )
    wanted = Filter(
        since=moment(since, now),
        state=state,
        event_id=event,
        stuck_for=duration(stuck_for) if stuck_for else None,
        limit=limit,
    )

    async def main() -> None:
        async with desk_of(folder, aws) as desk:
            listed = await list_purchases(desk, wanted, now)
            found = listed.purchases
            if as_json:
                print(json.dumps([summary(purchase, now) for purchase in found], indent=2))
            elif found:
                for line in _lines(found, now):
                    console.print(line, soft_wrap=True)
            else:
                console.print("No purchase fits.")
            if not listed.looked_at_all:
                complaints.print(
                    f"[bold yellow]Incomplete:[/] more purchases are under way: the {MOST_UNDER_WAY} oldest ones were "
                    "looked at. Narrow them down with --event or --since."
                )
            _tell_silent(journals_of(desk).silent)

    run(main())


def show_one(folder: Path | None, aws: str | None, any_id: UUID, *, as_json: bool, mermaid: bool) -> None:
    """One purchase."""

    async def main() -> None:
        async with desk_of(folder, aws) as desk:
            now = datetime.now(UTC)
            purchase = await find_purchase(desk, any_id, now)
            if as_json:
                told = [_record(message) for message in purchase.timeline.roots]
                print(json.dumps(summary(purchase, now) | {"messages": told}, indent=2))
            elif mermaid:
                print("\n".join(_diagram(purchase)))
            else:
                _print(purchase, now)
            _tell_silent(journals_of(desk).silent)

    run(main())


def export(folder: Path | None, aws: str | None, any_id: UUID) -> None:
    """One purchase as a recording, on stdout."""

    async def main() -> None:
        async with desk_of(folder, aws) as desk:
            now = datetime.now(UTC)
            purchase = await find_purchase(desk, any_id, now)
            if silent := journals_of(desk).silent:
                names = ", ".join(sorted(silent))
                raise Trouble(f"{names} did not answer: a recording without what is known there would be incomplete.")
            if not purchase.timeline.told:
                raise Trouble(f"No journal tells of {purchase.id}: there is nothing to record.")
            for line in record(purchase.id, purchase.correlations, purchase.journals, now).lines():
                print(line)

    run(main())


def send_again(
    folder: Path | None, aws: str | None, any_id: UUID, start: UUID | None, *, dry_run: bool, as_json: bool
) -> None:
    """Send again what a listener has not handled. Raises typer.Exit(1) when a service did not have what it should."""

    async def main() -> None:
        async with desk_of(folder, aws) as desk:
            purchase = await find_purchase(desk, any_id, datetime.now(UTC))
            made = plan(purchase, start)
            answers, unheard = ({}, []) if dry_run else await carry_out(made, journals_of(desk))
            for silence in unheard:
                complaints.print(silence, markup=False, soft_wrap=True)
            asked = {again.id for wanted in made.by.values() for again in wanted.messages}
            unknown = [(by, each) for by, answer in answers.items() for each in answer.unknown]
            missing = [str(each) for _, each in unknown if each in asked]
            gone = [f"{by} {each}" for by, each in unknown if each not in asked]
            if as_json:
                sent = [one.model_dump(mode="json") for answer in answers.values() for one in answer.sent]
                steps = [{"by": by, "what": what} for by, what in made.steps]
                print(json.dumps({"plan": steps, "sent": sent, "missing": missing, "beyond": made.beyond}, indent=2))
            else:
                _print_plan(purchase, made, None if dry_run else answers.keys())
            _tell_silent(journals_of(desk).silent)
            for what in (*missing, *gone):
                complaints.print(f"No longer there to be sent: {what}", soft_wrap=True)
            if missing or unheard:
                raise typer.Exit(1)

    run(main())


def _tell_silent(silent: set[str]) -> None:
    if silent:
        names = ", ".join(sorted(silent))
        complaints.print(
            f"[bold yellow]Incomplete:[/] {names} did not answer: what is known there is missing.", soft_wrap=True
        )


def _lines(purchases: Sequence[Purchase], now: datetime) -> Iterator[Text]:
    """A line for a purchase and one for each of its waits: a table would break ids and sentences."""
    for purchase in purchases:
        age = f", {spoken(now - purchase.began)} old" if purchase.began else ""
        yield Text.assemble((purchase.id, "bold"), f"  {_state(purchase)}{age}")
        for wait in purchase.waits:
            yield Text("    waits for ").append(_sentence(wait, now))


def _state(purchase: Purchase) -> str:
    reason = purchase.row.reason if purchase.row else None
    return f"{purchase.state} ({reason})" if reason else purchase.state


def _sentence(wait: Wait, now: datetime) -> Text:
    until = f", {_when(wait.until, now)}" if wait.until else ""
    stuck = wait.is_stuck(now, _STUCK_AFTER)
    said = f"{wait.by}: {wait.what} (since {spoken(now - wait.since)}{until})"
    return Text(printable(said), style="red" if stuck else "")


def _when(until: datetime, now: datetime) -> str:
    return f"due in {spoken(until - now)}" if until > now else f"due {spoken(now - until)} ago"


def _print(purchase: Purchase, now: datetime) -> None:
    age = f", began {purchase.began:%Y-%m-%d %H:%M:%S %Z}" if purchase.began else ""
    kind = "Row" if purchase.state == CATALOGUE else "Purchase"
    title = Text.assemble((f"{kind} ", "bold"), (purchase.id, "bold"), f"  {_state(purchase)}{age}")
    console.print(title, soft_wrap=True)
    reservations = sorted(purchase.correlations - {purchase.id})
    if reservations:
        console.print(f"Reservations: {', '.join(reservations)}", soft_wrap=True)
    if traces := purchase.timeline.traces:
        console.print(f"Traces: {', '.join(sorted(traces))}", soft_wrap=True)
    for root in purchase.timeline.roots:
        tree = Tree(_line(root))
        _grow(tree, root)
        # On a terminal lines are folded within their branch; a program that reads them gets them whole.
        (console if console.is_terminal else Console(width=_WHOLE_LINES, highlight=False)).print(tree)
    if not purchase.waits:
        console.print("It waits for nothing.")
    for wait in purchase.waits:
        console.print(Text.assemble(("Waits for ", "bold"), _sentence(wait, now)), soft_wrap=True)
    if any(wait.is_stuck(now, _STUCK_AFTER) for wait in purchase.waits):
        console.print(f"Next: bilhetagem saga resend {purchase.id} --dry-run", soft_wrap=True)


def _line(message: Told) -> Text:
    due = f" (timer, due {message.due:%H:%M:%S})" if message.due else ""
    return Text.assemble(
        (f"{message.time:%H:%M:%S.%f}"[:12] if message.time else "?", "dim"),
        f" {message.sender} ",
        (message.name, "bold"),
        due,
        (f" {message.id}", "dim"),
    )


def _grow(tree: Tree, message: Told) -> None:
    for hearing in message.hearings:
        branch = tree.add(_heard(message, hearing))
        for follower in hearing.followers:
            _grow(branch.add(_line(follower)), follower)


def _heard(message: Told, hearing: Hearing) -> Text:
    took = f" after {spoken(hearing.at - message.time)}" if hearing.at and message.time else ""
    parts = [f"{hearing.fate}{took}"]
    if hearing.waits_for:
        parts.append(f"waits for {hearing.waits_for}")
    if hearing.until:
        parts.append(f"due {hearing.until:%H:%M:%S}")
    if hearing.tries:
        tries, last = counted(len(hearing.tries), "try", "tries"), hearing.tries[-1]
        parts.append(f"{tries} failed, the last with {last.error} at {last.place}")
    if hearing.repeats:
        parts.append(f"{counted(hearing.repeats, 'duplicate')} dropped")
    if hearing.dead:
        parts.append(": ".join(filter(None, (hearing.dead.reason, hearing.dead.error))))
    told = printable("; ".join(parts))
    return Text.assemble((f"-> {hearing.service}: ", ""), (told, _STYLES.get(hearing.fate, "red")))


def _print_plan(purchase: Purchase, made: Plan, sent_by: Collection[str] | None) -> None:
    """What would be sent; or, with ``sent_by``, what these services have sent."""
    for service, what in made.steps:
        if sent_by is None or service in sent_by:
            console.print(f"{service} {'would send' if sent_by is None else 'sends'} {what}", soft_wrap=True)
    for sentence in made.beyond:
        console.print(f"[yellow]Not from here:[/] {sentence}", soft_wrap=True)
    if not made.steps:
        console.print("There is nothing to send again.")
    elif sent_by is not None:
        console.print(f"Next: bilhetagem saga show {purchase.id}", soft_wrap=True)


def summary(purchase: Purchase, now: datetime) -> dict[str, Any]:
    """A purchase for a script: where it stands and what it waits for."""
    return {
        "id": purchase.id,
        "state": purchase.state,
        "reason": purchase.row.reason if purchase.row else None,
        "event_id": str(purchase.row.event_id) if purchase.row and purchase.row.event_id else None,
        "began": purchase.began.isoformat() if purchase.began else None,
        "age_seconds": round((now - purchase.began).total_seconds(), 3) if purchase.began else None,
        "reservations": sorted(purchase.correlations - {purchase.id}),
        "traces": sorted(purchase.timeline.traces),
        "silent": sorted(purchase.timeline.silent),
        "waits": [
            {
                "by": wait.by,
                "what": wait.what,
                "since": wait.since.isoformat(),
                "fate": wait.fate,
                "message": str(wait.message_id) if wait.message_id else None,
                "until": wait.until.isoformat() if wait.until else None,
                "stuck": wait.is_stuck(now, _STUCK_AFTER),
            }
            for wait in purchase.waits
        ],
    }


def _record(message: Told) -> dict[str, Any]:
    return {
        "envelope": dict(message.envelope),
        "name": message.name,
        "listeners": [
            {
                "service": hearing.service,
                "queue": hearing.queue.name,
                "fate": hearing.fate,
                "at": hearing.at.isoformat() if hearing.at else None,
                "until": hearing.until.isoformat() if hearing.until else None,
                "waits_for": hearing.waits_for,
                "repeats": hearing.repeats,
                "tries": [failed.model_dump(mode="json", exclude={"envelope"}) for failed in hearing.tries],
                "dead_letter": {"reason": hearing.dead.reason, "error": hearing.dead.error} if hearing.dead else None,
                "emitted": [_record(follower) for follower in hearing.followers],
            }
            for hearing in message.hearings
        ],
    }


def _diagram(purchase: Purchase) -> Iterator[str]:
    """A sequence diagram (https://mermaid.js.org/syntax/sequenceDiagram.html): a dotted arrow has not arrived."""
    yield "sequenceDiagram"
    told = {(message.id, message.name): message for message in purchase.timeline.told}
    for message in sorted(told.values(), key=lambda message: str(message.envelope.get("time", ""))):
        if message.is_request:
            yield f"    {caller_of(message.envelope['type'])}->>{message.sender}: {message.name}"
        for hearing in message.hearings:
            if message.is_request and hearing.service == message.sender and hearing.fate.is_over:
                continue
            arrow = "->>" if hearing.fate.is_over else "--x"
            note = "" if hearing.fate is Fate.HANDLED else f" ({hearing.fate})"
            yield f"    {message.sender}{arrow}{hearing.service}: {message.name}{note}"
        if not message.hearings:
            yield f"    Note over {message.sender}: {message.name}"
