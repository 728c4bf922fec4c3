"""The state folder keeps secrets, and belongs to one system at a time."""

import json
import stat
from pathlib import Path

import pytest

from services.operations.errors import Trouble
from services.operations.laptop import State
from services.ticket.adapters.qr import load_private_key


def test_secrets_are_made_once_and_are_their_owners_only(tmp_path: Path) -> None:
    state = State(tmp_path)

    made = state.secrets()

    assert state.secrets() == made
    assert stat.S_IMODE(state.secrets_file.stat().st_mode) == 0o600


def test_a_secret_that_an_older_release_did_not_know_is_added_to_those_that_it_made(tmp_path: Path) -> None:
    state = State(tmp_path)
    older = {name: value for name, value in state.secrets().items() if name != "BILHETAGEM_TICKETS_PDF_SECRET"}
    state.secrets_file.write_text(json.dumps(older))

    added = state.secrets()

    assert added["BILHETAGEM_TICKETS_PDF_SECRET"]
    assert added.items() >= older.items()
    assert state.secrets() == added
    assert stat.S_IMODE(state.secrets_file.stat().st_mode) == 0o600


def test_two_folders_do_not_share_a_secret(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    one, other = State(tmp_path / "a").secrets(), State(tmp_path / "b").secrets()

    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())


def test_the_signing_key_is_one_that_the_ticket_service_reads(tmp_path: Path) -> None:
    load_private_key(State(tmp_path).secrets()["BILHETAGEM_TICKETS_SIGNING_KEY"])


def test_a_second_system_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    first, second = State(tmp_path), State(tmp_path)

    with first.held(), pytest.raises(Trouble, match=r"Another system runs in .* --state"), second.held():
        pass

    with second.held():
        assert tmp_path.exists()


@pytest.mark.parametrize("damaged", ["{", "[]"])
def test_damaged_secrets_are_not_replaced_silently(tmp_path: Path, damaged: str) -> None:
    state = State(tmp_path)
    state.secrets_file.write_text(damaged)

    with pytest.raises(Trouble, match=r"secrets\.json is damaged"):
        state.secrets()
