"""The purchases of ``tests/recordings``: today's handlers take each of them on as it was recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.choreography import CHOREOGRAPHY, Http
from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.order import CancelOrdersOf
from contracts.reservation import ReservationsConfirmed
from contracts.routes import emitted_by
from contracts.ticket import RenderTickets, TicketTypeChanged, TicketTypeCreated
from contracts.user import UserErased, UserRegistered, UserUpdated
from services.operations.cli import app
from services.operations.differences import name_of
from services.operations.recording import Recording, read
from tests.recordings.stories import FOLDER, STORIES, file_of, recorded

NO_PURCHASES = {
    *(UserRegistered, UserUpdated, UserErased),
    *(EventScheduled, EventChanged, EventCancelled, CancelOrdersOf),
    *(TicketTypeCreated, TicketTypeChanged, RenderTickets),
}
"""Messages about the catalogue: their correlation is a buyer's, an event's or a ticket type's."""


def recordings() -> Iterator[Recording]:
    for file in sorted(FOLDER.glob("*.jsonl")):
        yield read(file.read_text().splitlines())


def test_todays_handlers_go_on_as_recorded_in_any_order() -> None:
    done = CliRunner().invoke(app, ["saga", "replay", str(FOLDER), "--again", "3"])
    assert done.exit_code == 0, done.output


def test_every_answer_to_a_purchases_message_was_recorded() -> None:
    listed = {
        (step.by, step.on.__name__, message.__name__)
        for step in CHOREOGRAPHY
        if not isinstance(step.on, Http) and step.on not in NO_PURCHASES
        for message in (step.on, *emitted_by(step))
    }
    # An event that moves while its tickets are printed: the simulated press takes no time.
    listed.remove(("ticket", ReservationsConfirmed.__name__, RenderTickets.__name__))
    found = {
        (handling.service, name_of(handling.message.type), name_of(told.type))
        for recording in recordings()
        for handling in recording.handlings
        for told in (handling.message, *handling.emitted)
    }
    assert listed - found == set()


def test_no_buyers_name_was_recorded() -> None:
    assert [file.name for file in FOLDER.glob("*.jsonl") if "Ana" in file.read_text()] == []


def test_every_recording_says_how_it_was_made() -> None:
    assert {file.stem for file in FOLDER.glob("*.jsonl")} == set(STORIES)


@pytest.mark.parametrize("name", ["completed", "cancelled-while-being-paid"])
async def test_the_same_code_makes_the_same_recording(name: str) -> None:
    assert file_of(await recorded(name)) == file_of(await recorded(name))


def test_a_recordings_lines_are_read_and_written_alike() -> None:
    for file in FOLDER.glob("*.jsonl"):
        text = Path(file).read_text()
        assert file_of(read(text.splitlines())) == text
