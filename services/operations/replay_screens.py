"""What ``bilhetagem saga replay`` does with files, and how differences are shown."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.text import Text

from services.operations.commands import complaints, console
from services.operations.differences import Difference, name_of
from services.operations.recording import NotARecording, Recording, read
from services.operations.registry import SERVICES
from services.operations.replaying import Replay, Step, stop_at
from services.operations.replaying import replay as run_again
from services.operations.shuffling import Shuffle, shuffle
from services.operations.stage import Unreplayable, settings_of
from services.operations.wording import counted

_UNUSABLE = 2
"""The exit code for a file or an option that nothing can be done with: as for a command line that is wrong."""


@dataclass(frozen=True)
class _Outcome:
    file: str
    replay: Replay
    stopped: bool
    shuffles: tuple[Shuffle, ...]

    @property
    def same(self) -> bool:
        return self.replay.same and not any(shuffle.differences for shuffle in self.shuffles)


def replay(
    paths: Sequence[Path], until: str | None, again: int, settings: Mapping[str, Mapping[str, str]], *, as_json: bool
) -> None:
    """Replay files, and those in folders.

    Raises typer.Exit: 1 when something differs, 2 for what is no recording; and Disagreement for a release that has a
    handler without a row, or a row without a handler.
    """
    for service in SERVICES.values():
        service.check_handlers()
    if unknown := list(_unknown(settings)):
        _refuse(unknown)
    recordings = _readable(paths, settings)
    stops = {file: stop_at(recording, until) for file, recording in recordings.items()} if until else {}
    if until and not any(stops.values()):
        _refuse([f"No purchase here has a step {until!r}: it is a message's type, such as OrderPlaced, or a number."])
    try:
        outcomes = [
            asyncio.run(_outcome(file, recording, stops.get(file), again))
            for file, recording in recordings.items()
            if stops.get(file) or not until
        ]
    except Unreplayable as missing:
        _refuse([str(missing)])
    if as_json:
        print(json.dumps({"same": all(o.same for o in outcomes), "recordings": [_record(o) for o in outcomes]}))
    else:
        _print(outcomes)
    if not all(outcome.same for outcome in outcomes):
        raise typer.Exit(1)


async def _outcome(file: str, recording: Recording, stop: int | None, again: int) -> _Outcome:
    done = await run_again(recording, SERVICES, stop)
    shuffles = [await shuffle(done, SERVICES, number + 1) for number in range(again if done.same else 0)]
    return _Outcome(file, done, stop is not None, tuple(shuffles))


def _unknown(settings: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, given in settings.items():
        if name not in SERVICES:
            yield f"--setting {name}...: there is no service {name!r}. It is one of {', '.join(SERVICES)}."
            continue
        known = settings_of(SERVICES[name])
        for setting in given.keys() - set(known):
            yield f"--setting {name}.{setting}: its handlers are handed {', '.join(known) or 'no setting'}."


# Files


def _readable(paths: Sequence[Path], settings: Mapping[str, Mapping[str, str]]) -> dict[str, Recording]:
    found: dict[str, Recording] = {}
    wrong: list[str] = []
    for path in paths:
        files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not files:
            wrong.append(f"{path}: there is no recorded purchase (*.jsonl) in this folder")
        for file in files:
            try:
                recording = read(_lines(file))
            except NotARecording as error:
                wrong.append(f"{file}: {error}")
            except UnicodeDecodeError:
                wrong.append(f"{file}: It is no text")
            except OSError as error:
                wrong.append(f"{file}: {error.strerror}")
            else:
                names = {*recording.settings, *settings}
                merged = {name: {**recording.settings.get(name, {}), **settings.get(name, {})} for name in names}
                found[str(file)] = replace(recording, settings=merged)
    if wrong:
        _refuse(wrong)
    return found


def _lines(file: Path) -> list[str]:
    return (sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")).splitlines()


def _refuse(reasons: Sequence[str]) -> NoReturn:
    for reason in reasons:
        complaints.print(Text.assemble(("Error: ", "bold red"), reason), soft_wrap=True)
    raise typer.Exit(_UNUSABLE)


# Screens


def _print(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        for line in _told(outcome):
            console.print(line, soft_wrap=True)
    messages = sum(len(outcome.replay.steps) for outcome in outcomes)
    differing = [outcome.file for outcome in outcomes if not outcome.same]
    total = f"{counted(len(outcomes), 'purchase')}, {counted(messages, 'message')}"
    if differing:
        console.print(Text(f"{total}: {len(differing)} would not go on as recorded.", "bold red"))
    else:
        console.print(Text(f"{total}: all as recorded.", "bold green"))


def _told(outcome: _Outcome) -> Iterator[Text]:
    done = outcome.replay
    steps = counted(len(done.steps), "step") + (f" of {len(done.recording.handlings)}" if outcome.stopped else "")
    count = sum(1 for _ in done.differences)
    verdict = (counted(count, "difference"), "red") if count else ("as recorded", "green")
    yield Text.assemble((outcome.file, "bold"), f": purchase {done.recording.purchase}, {steps}: ", verdict)
    for step in done.steps:
        if step.differences:
            yield from _step(step)
    if outcome.shuffles:
        yield from _again(outcome.shuffles)
    if outcome.stopped:
        yield from _state(done)


def _step(step: Step) -> Iterator[Text]:
    message = step.handling.message
    yield Text(f"  {step.title} ({message.subject}), at {step.handling.now:%Y-%m-%d %H:%M:%S}", "bold")
    for difference in step.differences:
        yield Text(f"    {difference.text}", "yellow")
        yield from _diff(difference)
    for note in step.notes:
        yield Text(f"    Perhaps because {note}.")


def _diff(difference: Difference) -> Iterator[Text]:
    if not difference.fields:
        return
    for sign, style, told, side in (("-", "red", difference.recorded, 0), ("+", "green", difference.today, 1)):
        if told is not None:
            when = "recorded" if side == 0 else "today"
            yield Text(f"      {sign} {name_of(told.type)} ({when})", style)
            for field in difference.fields:
                value, other = (field.recorded, field.today) if side == 0 else (field.today, field.recorded)
                if value is not None and (value, other) != ("null", None):
                    yield Text(f"      {sign}   {field.path}: {value}", style)


def _again(shuffles: Sequence[Shuffle]) -> Iterator[Text]:
    repeats = sum(shuffle.repeats for shuffle in shuffles)
    runs = f"  Again {counted(len(shuffles), 'time')}, shuffled, {counted(repeats, 'message')} repeated: "
    odd = [shuffle for shuffle in shuffles if shuffle.differences]
    if not odd:
        yield Text.assemble(runs, ("the same end", "green"))
        return
    yield Text.assemble(runs, (f"another end in {counted(len(odd), 'run')}", "red"))
    for shuffle_ in odd:
        yield Text(f"    Run {shuffle_.number}:", "bold")
        yield from (Text(f"      {text}", "yellow") for text in shuffle_.differences)


def _state(done: Replay) -> Iterator[Text]:
    for step in done.steps:
        emitted = ", ".join(name_of(told.type) for told in step.handling.emitted) or "nothing"
        yield Text(f"  {step.title}: {emitted}")
    last = done.steps[-1]
    yield Text(f"  After step {last.number}, {last.title.partition(': ')[2]}, at {last.handling.now}:", "bold")
    for service, rows in done.end.rows.items():
        yield Text(f"    {service}", "cyan")
        for (kind, row_id), columns in rows.items():
            shown = ", ".join(
                f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
                for name, value in columns.items()
                if value is not None and str(value) != row_id
            )
            yield Text(f"      {kind} {row_id}: {shown}")
    yield Text("    under way", "cyan")
    for one in done.under_way:
        due = f", due {one.due}" if one.due else ""
        yield Text(f"      {one.message} {one.subject} to {one.listener}{due}")
    if not done.under_way:
        yield Text("      nothing")


# For scripts


def _record(outcome: _Outcome) -> dict[str, Any]:
    done = outcome.replay
    state = {
        "state": [
            {"service": service, "kind": kind, "id": row_id, "columns": columns}
            for service, rows in done.end.rows.items()
            for (kind, row_id), columns in rows.items()
        ],
        "under_way": [
            {
                "message": one.message,
                "subject": one.subject,
                "listener": one.listener,
                "due": one.due and one.due.isoformat(),
            }
            for one in done.under_way
        ],
    }
    return {
        "file": outcome.file,
        "purchase": done.recording.purchase,
        "steps": len(done.steps),
        "same": outcome.same,
        "differences": [_difference(step, difference) for step, difference in done.differences],
        "again": [
            {"run": each.number, "repeats": each.repeats, "differences": each.differences} for each in outcome.shuffles
        ],
        **(state if outcome.stopped else {}),
    }


def _difference(step: Step, difference: Difference) -> dict[str, Any]:
    return {
        "step": step.number,
        "service": step.handling.service,
        "on": name_of(step.handling.message.type),
        "message": step.handling.message.id,
        "kind": difference.kind,
        "text": difference.text,
        "recorded": difference.recorded and dict(difference.recorded.attributes),
        "today": difference.today and dict(difference.today.attributes),
        "fields": [
            {"path": field.path, "recorded": _value(field.recorded), "today": _value(field.today)}
            for field in difference.fields
        ],
        "notes": list(step.notes),
    }


def _value(written: str | None) -> Any:
    return None if written is None else json.loads(written)
