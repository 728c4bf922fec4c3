"""How dead letters are shown: whatever the terminal's width is, an id can be copied."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from services.operations import dead_letter_screens
from services.operations.commands import console
from services.operations.dead_letter_screens import redrive, show_all
from services.operations.dead_letters import DeadLetter, Selection
from tests.unit.operations.letters import FAILED, an_approval, body_of, dead

LETTERS = [dead(body_of(an_approval(order)), FAILED) for order in (1, 2)]
GARBAGE = dead(
    "garbage", {"reason": "undecodable", "error": "Undecodable: \x1b[2Jno envelope", "place": "message.py:1"}
)


@pytest.fixture(autouse=True)
def desk(monkeypatch: pytest.MonkeyPatch) -> list[DeadLetter]:
    """The dead letters of a system, seen in a narrow terminal."""
    letters = [*LETTERS, GARBAGE]

    async def dead_letters(selection: Selection | None = None) -> list[DeadLetter]:
        return [letter for letter in letters if selection is None or selection.fits(letter)]

    async def ask(_: Any) -> dict[str, Any]:
        return {}

    @asynccontextmanager
    async def desk_of(*_: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(access=SimpleNamespace(peeks=True), dead_letters=dead_letters, ask=ask)

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
