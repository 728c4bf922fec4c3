"""The commands that mend dead letters, and how what they do is printed."""

import getpass
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.progress import Progress
from rich.text import Text

from services.chassis.journal import Journal
from services.chassis.process import run
from services.operations.commands import complaints, console
from services.operations.contents import shown
from services.operations.dead_letters import DeadLetter, Group, Selection, grouped, hopeless, prospect, record_of
from services.operations.desk import Desk
from services.operations.discarding import account, append, discard
from services.operations.editing import Invalid, draft, edit, mended
from services.operations.errors import Trouble
from services.operations.laptop import STATE
from services.operations.queue_screens import agree_to_receive, desk_of, print_body
from services.operations.redriving import Fate, Outcome, known_before, rewritten, send_back, watch
from services.operations.wording import ago, counted, printable, times

_SHOWN = 20
"""Outcomes told one by one; of more, those that are alike together."""


def _advise(what: str, arguments: str) -> None:
    """A command that may be next, to be copied."""
    console.print(Text(f"{what}: bilhetagem dead-letters {arguments}"), soft_wrap=True)


def _agree(desk: Desk, *, yes: bool) -> None:
    agree_to_receive(desk, "it does dead letters no harm.", yes=yes)


def show_all(state: Path | None, aws: str | None, *, each: bool, as_json: bool, yes: bool) -> None:
    """All dead letters, in groups or one by one."""

    async def main() -> list[DeadLetter]:
        async with desk_of(state, aws) as desk:
            _agree(desk, yes=yes)
            return await desk.dead_letters()

    letters = run(main())
    groups = grouped(letters)
    if as_json:
        print(json.dumps([record_of(x) for x in letters] if each else [_group_record(g) for g in groups], indent=2))
    elif not letters:
        console.print("No dead letters.")
    else:
        for letter in letters if each else ():
            _say_letter(letter)
        for group in () if each else groups:
            _say_group(group)
        console.print()
        _advise("See one", "show ID") if each else _advise("See each", "--list")
        _advise("Send back", "redrive --all --dry-run")


def _group_record(group: Group) -> dict[str, Any]:
    return {
        "reason": group.reason,
        "type": group.type,
        "count": len(group.letters),
        "queues": group.queues,
        "places": group.places,
        "why": group.why,
        "since": group.since.isoformat(),
        "ids": [letter.key for letter in group.letters],
    }


def _say(head: str, *more: str) -> None:
    """What it is about, and more below it: nothing is cut or broken, however narrow the terminal is."""
    console.print(Text(printable(head), style="bold"), soft_wrap=True)
    for line in more:
        console.print(Text(printable(f"    {line}")), soft_wrap=True)


def _say_group(group: Group) -> None:
    since = ago(datetime.now(UTC) - group.since)
    places = (f"{place} ({number})" for place, number in group.places.items())
    _say(
        f"{len(group.letters)} {group.type}: {group.reason}",
        f"from {', '.join(group.queues)}, the oldest {since} ago",
        group.why,
        *places,
    )


def _say_letter(letter: DeadLetter) -> None:
    since = ago(datetime.now(UTC) - letter.seen.sent_at)
    _say(f"{letter.key}  {letter.contents.name}: {letter.reason}", f"from {letter.queue.name}, {since} ago")


def show_one(state: Path | None, aws: str | None, key: str, *, personal: bool, as_json: bool, yes: bool) -> None:
    """A dead letter with its story."""

    async def main() -> tuple[DeadLetter, Journal | None]:
        async with desk_of(state, aws) as desk:
            _agree(desk, yes=yes)
            letter = await desk.one_dead_letter(key)
            return letter, await desk.journal_of(letter)

    letter, journal = run(main())
    tries = [entry for entry in journal.failed if entry.envelope["id"] == letter.key] if journal else []
    if as_json:
        record = record_of(letter) | {
            "problem": hopeless(letter, journal, datetime.now(UTC)),
            "tries": [entry.model_dump(mode="json", exclude={"envelope"}) for entry in tries],
            "body": shown(letter.seen.body, personal=personal),
        }
        print(json.dumps(record, indent=2))
        return
    console.print(Text(printable(f"{letter.contents.name}  {letter.key}"), style="bold"))
    for name, value in _facts(letter, hopeless(letter, journal, datetime.now(UTC))):
        console.print(Text(printable(f"  {name:12}{value}")), soft_wrap=True)
    for entry in tries:
        said = f"  try {entry.number:<8}{entry.failed_at:%Y-%m-%d %H:%M:%S} {entry.error} ({entry.place})"
        console.print(Text(printable(said)), soft_wrap=True)
    print_body(letter.seen.body, personal=personal)


def _facts(letter: DeadLetter, problem: str | None) -> list[tuple[str, str]]:
    since = letter.seen.sent_at
    facts = [
        ("reason", letter.reason),
        ("error", letter.why),
        ("where", letter.place),
        ("queue", f"{letter.queue.name}, received {times(letter.receives)}"),
        ("since", f"{since:%Y-%m-%d %H:%M:%S} UTC, {ago(datetime.now(UTC) - since)} ago"),
        ("SQS's id", letter.seen.sqs_id),
        ("purchase", letter.contents.correlation),
        ("now", problem and f"would be buried again: {problem}"),
    ]
    return [(name, value) for name, value in facts if value]


def redrive(
    state: Path | None, aws: str | None, selection: Selection, *, dry_run: bool, wait: float, as_json: bool, yes: bool
) -> None:
    """Send dead letters back, or say what would become of it."""

    async def main() -> list[Outcome] | None:
        async with desk_of(state, aws) as desk:
            _agree(desk, yes=yes)
            letters = await desk.dead_letters(selection)
            _check_found(selection, letters)
            if dry_run:
                journals = await desk.ask((letter.queue, letter.seen) for letter in letters)
                _print_prospects(letters, journals, as_json=as_json)
                return None
            return await _send_and_watch(desk, letters, wait)

    outcomes = run(main())
    if outcomes is not None:
        _report(outcomes, as_json=as_json)


def _check_found(selection: Selection, letters: Sequence[DeadLetter]) -> None:
    missing = [key for key in selection.ids if not any(Selection(ids=(key,)).fits(letter) for letter in letters)]
    if missing:
        raise Trouble(f"There is no such dead letter: {', '.join(missing)}. See `bilhetagem dead-letters --list`.")
    if not letters and selection != Selection():
        raise Trouble("No dead letter is meant by that. See `bilhetagem dead-letters`.")


def _print_prospects(letters: Sequence[DeadLetter], journals: Mapping[str, Journal], *, as_json: bool) -> None:
    now = datetime.now(UTC)
    told = [(letter, prospect(letter, journals.get(letter.queue.service), now)) for letter in letters]
    if as_json:
        print(json.dumps([record_of(letter) | {"prospect": would} for letter, would in told], indent=2))
        return
    for (name, queue, would), number in Counter((x.contents.name, x.queue.name, w) for x, w in told).most_common():
        _say(f"{number} {name} to {queue}", would)
    console.print(f"{counted(len(told), 'dead letter')} would be sent back. Nothing was sent: this is a dry run.")


async def _send_and_watch(
    desk: Desk, letters: Sequence[DeadLetter], wait: float, bodies: Mapping[str, str] | None = None
) -> list[Outcome]:
    sent: list[DeadLetter] = []
    outcomes: list[Outcome] = []
    bodies = bodies or {}
    copies = [rewritten(x, bodies[x.seen.sqs_id]) if x.seen.sqs_id in bodies else x for x in letters]
    with Progress(console=complaints, transient=True, disable=not complaints.is_terminal) as progress:
        before = await known_before(desk.access, desk.ask, copies)
        sending = progress.add_task("Sending", total=len(letters))
        async for letter, refused in send_back(desk.access, letters, bodies):
            progress.advance(sending)
            if refused is None:
                sent.append(next(copy for copy in copies if copy.seen.sqs_id == letter.seen.sqs_id))
            else:
                outcomes.append(Outcome(letter, Fate.REFUSED, refused))
        if wait == 0:
            return outcomes + [Outcome(letter, Fate.UNKNOWN, f"it was sent to {letter.queue.name}") for letter in sent]
        watching = progress.add_task("Waiting for what becomes of them", total=len(sent))
        async for outcome in watch(desk.access, desk.ask, sent, before, wait):
            progress.advance(watching)
            outcomes.append(outcome)
    return outcomes


def _report(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    """Print what became of each; exit code 1 when one needs a person."""
    if as_json:
        records = [record_of(x.letter) | {"outcome": x.fate, "detail": x.detail} for x in outcomes]
        print(json.dumps(records, indent=2))
    else:
        for said, good in _told(outcomes):
            console.print(Text(printable(said), style="" if good else "red"), soft_wrap=True)
        fates = Counter(outcome.fate for outcome in outcomes).most_common()
        console.print(", ".join(f"{number} {fate}" for fate, number in fates) or "No dead letters.")
        if again := [outcome.letter.key for outcome in outcomes if outcome.fate is Fate.BURIED]:
            key = again[0] if len(again) == 1 else "ID"
            _advise("See why", f"show {key}")
            _advise("Mend it", f"edit {key}")
            _advise("Give it up", f"discard {key} --why ...")
    if not all(outcome.is_good for outcome in outcomes):
        raise typer.Exit(1)


def _told(outcomes: Sequence[Outcome]) -> list[tuple[str, bool]]:
    """A line for each, or, of many, for those that have the same to tell; and whether all is well."""
    if len(outcomes) <= _SHOWN:
        return [(f"{x.letter.contents.name} {x.letter.key}: {x.fate}. {x.detail}", x.is_good) for x in outcomes]
    alike = Counter((x.letter.contents.name, x.fate, x.detail, x.is_good) for x in outcomes)
    return [(f"{number} {name}: {fate}. {detail}", good) for (name, fate, detail, good), number in alike.most_common()]


def edit_and_send(
    state: Path | None, aws: str | None, key: str, file: Path | None, *, wait: float, as_json: bool, yes: bool
) -> None:
    """Mend a dead letter and send it."""

    async def main() -> list[Outcome] | None:
        async with desk_of(state, aws) as desk:
            _agree(desk, yes=yes)
            letter = await desk.one_dead_letter(key)
            journal = await desk.journal_of(letter)
            text = file or _edited(letter)
            if text is None:
                return None
            body = _checked(letter, journal, text)
            try:
                outcomes = await _send_and_watch(desk, [letter], wait, {letter.seen.sqs_id: body})
            except BaseException:
                _tell_where(text)
                raise
            if outcomes[0].fate is Fate.REFUSED:
                _tell_where(text)
            elif file is None:
                text.unlink()
            return outcomes

    outcomes = run(main())
    if outcomes is not None:
        _report(outcomes, as_json=as_json)


def _edited(letter: DeadLetter) -> Path | None:
    """What the person has made of it; None when nothing was changed."""
    text = draft(letter)
    before = text.read_bytes()
    edit(text, os.environ)
    if text.read_bytes() != before:
        return text
    text.unlink()
    complaints.print("Nothing was changed, so nothing was sent.")
    return None


def _checked(letter: DeadLetter, journal: Journal | None, text: Path) -> str:
    """The body to send. Raises Trouble where its service would not take it."""
    try:
        return mended(letter, text.read_text(encoding="utf-8"), journal, datetime.now(UTC)).encode()
    except (Invalid, UnicodeDecodeError) as error:
        why = error if isinstance(error, Invalid) else "it is no text in UTF-8"
        again = f"bilhetagem dead-letters edit {letter.key} --file {text}"
        raise Trouble(f"Not sent: {why}. Your text is kept in {text}: mend it, then {again}") from None


def _tell_where(text: Path) -> None:
    complaints.print(Text(f"Your text is kept in {text}."), soft_wrap=True)


def give_up(
    state: Path | None, aws: str | None, key: str, why: str, by: str | None, record: Path | None, *, yes: bool
) -> None:
    """Discard a dead letter, and note it."""
    file = record or (state or STATE) / "discarded.jsonl"

    async def main() -> None:
        async with desk_of(state, aws) as desk:
            _agree(desk, yes=yes)
            letter = await desk.one_dead_letter(key)
            line = account(letter, by=by or getpass.getuser(), why=why, now=datetime.now(UTC))
            await discard(desk.access, letter, lambda: append(file, line))
            print(json.dumps(line, ensure_ascii=False, indent=2))
            complaints.print(Text(f"Discarded, and noted in {file}."), soft_wrap=True)

    run(main())
