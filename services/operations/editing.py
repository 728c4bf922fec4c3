"""A dead letter mended by hand: its body in an editor, checked against the contract before it goes anywhere."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from contracts.message import Envelope, Message, Undecodable, UnknownType
from services.chassis.decision import TooOld
from services.chassis.journal import Journal
from services.operations.dead_letters import DeadLetter, check
from services.operations.errors import Trouble


class Invalid(Exception):
    """An edited body that its queue's service would not take; the text says why."""


def mended(letter: DeadLetter, text: str, journal: Journal | None, now: datetime) -> Envelope:
    """An edited body as a message of its own: its inbox may know the original's id, which becomes the causation. The id
    follows from the dead letter and the text, so that an edit that was killed, and is done again, is one message.

    Raises Invalid when it is no message that its service, whose journal this is, would take from that queue.
    """
    try:
        envelope = check(letter.queue, text, journal, now)
    except UnknownType as unknown:
        raise Invalid(f"this release does not know the type {unknown}") from None
    except (Undecodable, TooOld) as error:
        raise Invalid(str(error)) from None
    # A reader ignores a field that it does not know: here that would hide a slip of the pen.
    contract = type(envelope.message)
    if strange := _unknown_fields(contract, text) - _unknown_fields(contract, letter.seen.body):
        raise Invalid(f"{contract.__name__} has no field {', '.join(sorted(strange))}")
    own = uuid5(UUID(letter.seen.sqs_id), text)
    return replace(envelope, id=own, causation=letter.contents.id or envelope.causation)


def _unknown_fields(contract: type[Message], body: str) -> set[str]:
    """The fields of a body, and of its parts (``items[].seat``), that its contract does not have."""
    try:
        contract.model_validate(json.loads(body)["data"], extra="forbid")
    except ValidationError as error:
        return {_path(each["loc"]) for each in error.errors() if each["type"] == "extra_forbidden"}
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return set()


def _path(places: Iterable[str | int]) -> str:
    return "".join("[]" if isinstance(place, int) else f".{place}" for place in places).removeprefix(".")


def readable(body: str) -> str:
    """A body to edit: JSON is indented, and anything else as it is."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return body
    text = json.dumps(parsed, ensure_ascii=False, indent=2) + "\n"
    is_text = text.encode(errors="ignore").decode() == text
    return text if is_text else json.dumps(parsed, indent=2) + "\n"


def draft(letter: DeadLetter) -> Path:
    """A file with the letter's body to edit, readable by its owner only: it may hold personal data."""
    descriptor, name = mkstemp(prefix=f"bilhetagem-{letter.key}-", suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(readable(letter.seen.body))
    return Path(name)


def edit(file: Path, environment: Mapping[str, str], run: Callable[..., Any] = subprocess.run) -> None:
    """Open a file in the person's editor and wait until it is closed. Raises Trouble when that fails; the
    file is kept if it may have been changed.
    """
    editor = shlex.split(environment.get("VISUAL") or environment.get("EDITOR") or "vi")
    try:
        ended = run([*editor, str(file)], check=False)
    except OSError as error:
        file.unlink()
        raise Trouble(f"The editor {editor[0]!r} cannot be started ({error.strerror}): set EDITOR.") from None
    if ended.returncode:
        raise Trouble(f"The editor ended with {ended.returncode}; nothing was sent. Your text is kept in {file}.")
