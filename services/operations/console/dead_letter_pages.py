"""Dead letters: in groups, one by one, sent back after a look at what would happen, mended, or given up."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.operations.console.guarding import Form
from services.operations.console.redrives import Redrives
from services.operations.console.rendering import page
from services.operations.contents import shown
from services.operations.dead_letters import DeadLetter, Selection, grouped, hopeless, prospect
from services.operations.desk import Desk
from services.operations.discarding import account, append, discard
from services.operations.editing import Invalid, mended, readable
from services.operations.errors import Trouble
from services.operations.redriving import Outcome

_SHOWN = 200
"""Dead letters of a group told one by one; sending back takes all of them."""


async def dead_letters(request: Request) -> Response:
    """The groups, or the members of one. Where a look is a receive, only when asked for."""
    desk: Desk = request.app.state.desk
    looks = desk.access.peeks or request.query_params.get("look") == "yes"
    selection = _selection(request)
    letters = await desk.dead_letters(selection) if looks else []
    return page(
        request,
        "dead_letters.html",
        live=desk.access.peeks,
        looks=looks,
        groups=grouped(letters),
        letters=letters[:_SHOWN] if selection != Selection() else [],
        selection=selection,
        total=len(letters),
    )


async def dead_letter(request: Request) -> Response:
    """One dead letter with its story. Raises Trouble."""
    desk: Desk = request.app.state.desk
    letter = await desk.one_dead_letter(request.path_params["sqs_id"])
    journal = await desk.journal_of(letter)
    tries = [entry for entry in journal.failed if entry.envelope["id"] == letter.key] if journal else []
    now = datetime.now(UTC)
    return page(
        request,
        "dead_letter.html",
        live=False,
        letter=letter,
        tries=tries,
        prospect=prospect(letter, journal, now),
        is_hopeless=hopeless(letter, journal, now) is not None,
        body=shown(letter.seen.body, personal=False),
        by=request.session.get("by", ""),
    )


async def redriving(request: Request) -> Response:
    """What would become of dead letters that are sent back: the dry run before the confirmation. Raises Trouble."""
    desk: Desk = request.app.state.desk
    letters = await _chosen(desk, _selection(request))
    journals = await desk.ask((letter.queue, letter.seen) for letter in letters)
    now = datetime.now(UTC)
    told = Counter(
        (letter.contents.name, letter.queue.name, prospect(letter, journals.get(letter.queue.service), now))
        for letter in letters
    )
    return page(request, "redrive.html", live=False, letters=letters, told=told.most_common())


async def redrive(request: Request) -> Response:
    """Send back just those that the operator has seen. Raises Trouble."""
    desk: Desk = request.app.state.desk
    redrives: Redrives = request.app.state.redrives
    form: Form = request.state.form
    begun = redrives.begin(await _chosen(desk, Selection(ids=form.all("id") or [""])))
    return RedirectResponse(f"/dead-letters/redrives/{begun.number}", 303)


async def outcome(request: Request) -> Response:
    """A sending, followed until all is known. Raises Trouble."""
    redrives: Redrives = request.app.state.redrives
    found = redrives.get(request.path_params["number"])
    if found is None:
        raise Trouble(
            "This sending is not remembered any more. What became of a message is in its purchase's timeline."
        )
    return page(request, "outcome.html", live=not found.is_over, redrive=found, fates=_fates(found.outcomes))


def _fates(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    return Counter(outcome.fate.value for outcome in outcomes).most_common()


async def editing(request: Request) -> Response:
    """The body to edit. Raises Trouble."""
    letter = await request.app.state.desk.one_dead_letter(request.path_params["sqs_id"])
    return _editor(request, letter, readable(letter.seen.body))


async def edit(request: Request) -> Response:
    """Check a body, and send it if so wished; what is wrong with it is said beside the text. Raises Trouble."""
    form: Form = request.state.form
    desk: Desk = request.app.state.desk
    letter = await desk.one_dead_letter(request.path_params["sqs_id"])
    text = form.get("body", "")
    try:
        envelope = mended(letter, text, await desk.journal_of(letter), datetime.now(UTC))
    except Invalid as why:
        return _editor(request, letter, text, problem=str(why))
    if form.get("do") != "send":
        return _editor(request, letter, text, is_valid=True)
    redrives: Redrives = request.app.state.redrives
    begun = redrives.begin([letter], {letter.seen.sqs_id: envelope.encode()})
    return RedirectResponse(f"/dead-letters/redrives/{begun.number}", 303)


def _editor(
    request: Request, letter: DeadLetter, text: str, *, problem: str | None = None, is_valid: bool = False
) -> Response:
    status = 422 if problem else 200
    return page(
        request, "edit.html", status=status, live=False, letter=letter, text=text, problem=problem, is_valid=is_valid
    )


async def give_up(request: Request) -> Response:
    """Discard a dead letter, and note who did it and why. Raises Trouble."""
    desk: Desk = request.app.state.desk
    record: Path = request.app.state.record
    form: Form = request.state.form
    letter = await desk.one_dead_letter(request.path_params["sqs_id"])
    why, by = form.get("why", "").strip(), form.get("by", "").strip()
    if not (why and by):
        raise Trouble("To discard a dead letter say who you are and why: both are kept.")
    line = account(letter, by=by, why=why, now=datetime.now(UTC))
    await discard(desk.access, letter, lambda: append(record, line))
    request.session["by"] = by
    request.session["notice"] = f"{letter.contents.name} was discarded, and noted in {record}."
    return RedirectResponse("/dead-letters", 303)


def _selection(request: Request) -> Selection:
    query = request.query_params
    return Selection(
        ids=tuple(query.getlist("id")), types=tuple(query.getlist("type")), reasons=tuple(query.getlist("reason"))
    )


async def _chosen(desk: Desk, selection: Selection) -> list[DeadLetter]:
    letters = await desk.dead_letters(selection)
    if not letters:
        raise Trouble("None of these dead letters is there any more.")
    return letters
