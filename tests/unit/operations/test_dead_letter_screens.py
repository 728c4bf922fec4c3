"""How dead letters are shown: whatever the terminal's width is, an id can be copied."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from services.operations import dead_letter_screens
from services.operations.commands import console
from services.operations.dead_letter_screens import edit_and_send, redrive, show_all
from services.operations.dead_letters import DeadLetter, Selection
from services.operations.errors import Trouble
from services.operations.redriving import Fate, Outcome
from tests.unit.operations.letters import FAILED, an_approval, body_of, dead

LETTERS = [dead(body_of(an_approval(order)), FAILED) for order in (1, 2)]
RECENT = dead(body_of(an_approval(3), at=datetime.now(UTC)), FAILED)
"""Not too old for its service."""

GARBAGE = dead(
    "garbage", {"reason": "undecodable", "error": "Undecodable: \x1b[2Jno envelope", "place": "message.py:1"}
)


@pytest.fixture(autouse=True)
def desk(monkeypatch: pytest.MonkeyPatch) -> list[DeadLetter]:
    """The dead letters of a system, seen in a narrow terminal."""
    letters = [*LETTERS, GARBAGE]

    async def dead_letters(selection: Selection | None = None) -> list[DeadLetter]:
        return [letter for letter in letters if selection is None or selection.fits(letter)]

    async def one_dead_letter(key: str) -> DeadLetter:
        return next(letter for letter in (*letters, RECENT) if letter.key == key)

    async def no_journal(_: DeadLetter) -> None:
        """It cannot be asked."""

    async def ask(_: Any) -> dict[str, Any]:
        return {}

    @asynccontextmanager
    async def desk_of(*_: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(
            access=SimpleNamespace(peeks=True),
            dead_letters=dead_letters,
            one_dead_letter=one_dead_letter,
            journal_of=no_journal,
            ask=ask,
        )

    monkeypatch.setattr(dead_letter_screens, "desk_of", desk_of)
    monkeypatch.setattr(console, "_width", 40)
    return letters


@pytest.mark.usefixtures("desk")
def test_each_is_listed_with_an_id_that_can_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(None, None, each=True, as_json=False, yes=False)

    shown = capsys.readouterr().out
    for letter in (*LETTERS, GARBAGE):
        assert f"{letter.key}  {letter.contents.name}: {letter.reason}\n    from reservation-underway, " in shown


@pytest.mark.usefixtures("desk")
def test_groups_tell_the_error_and_its_places_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(None, None, each=False, as_json=False, yes=False)

    shown = capsys.readouterr().out
    assert "2 PaymentApproved: failed\n" in shown
    assert f"    {FAILED['error']}\n    {FAILED['place']} (2)\n" in shown
    assert "    Undecodable: \N{REPLACEMENT CHARACTER}[2Jno envelope\n" in shown


@pytest.mark.parametrize(("ids", "said"), [((LETTERS[0].key,), "1 dead letter would"), ((), "3 dead letters would")])
def test_a_dry_run_counts(ids: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    redrive(None, None, Selection(ids=ids), dry_run=True, wait=0, as_json=False, yes=False)

    assert said in " ".join(capsys.readouterr().out.split())


def test_a_file_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "mended.json"
    file.write_bytes(LETTERS[0].seen.body.encode("utf-16"))

    with pytest.raises(Trouble, match=r"Not sent: it is no text in UTF-8\. Your text is kept in .*mended\.json"):
        edit_and_send(None, None, LETTERS[0].key, file, wait=0, as_json=False, yes=False)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where drafts are made; the person's editor changes the amount."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("VISUAL", "sed -i s/180/190/")
    return tmp_path


@pytest.mark.parametrize("taken", [True, False], ids=["sent", "not taken by SQS"])
def test_a_text_is_kept_until_it_is_sent(
    editor: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, taken: bool
) -> None:
    async def sent(_: Any, letters: list[DeadLetter], *more: Any) -> list[Outcome]:
        return [Outcome(letters[0], Fate.HANDLED if taken else Fate.REFUSED)]

    monkeypatch.setattr(dead_letter_screens, "_send_and_watch", sent)
    with nullcontext() if taken else pytest.raises(typer.Exit):
        edit_and_send(None, None, RECENT.key, None, wait=0, as_json=False, yes=False)

    kept = [*editor.iterdir()]
    assert len(kept) == (0 if taken else 1)
    assert [f"Your text is kept in {file}." for file in kept] == capsys.readouterr().err.splitlines()


def test_a_text_is_kept_where_sending_it_fails(
    editor: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: Any) -> list[Outcome]:
        raise Trouble("LocalStack does not show its queues any more")

    monkeypatch.setattr(dead_letter_screens, "_send_and_watch", fails)
    with pytest.raises(Trouble, match="does not show its queues"):
        edit_and_send(None, None, RECENT.key, None, wait=0, as_json=False, yes=False)

    (kept,) = editor.iterdir()
    assert f"Your text is kept in {kept}." in capsys.readouterr().err
