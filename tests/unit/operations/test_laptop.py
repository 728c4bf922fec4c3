"""The state folder keeps secrets, and belongs to one system at a time."""

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


def test_damaged_secrets_are_not_replaced_silently(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.secrets_file.write_text("{")

    with pytest.raises(Trouble, match=r"secrets\.json is damaged"):
        state.secrets()
