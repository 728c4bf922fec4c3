"""How the queues are shown: whole in a narrow terminal, and again and again where nobody's terminal is."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from contracts.routes import queues
from services.operations import queue_screens
from services.operations.queue_screens import show_queues, table
from services.operations.queues import Counts, QueueState

TYPES = {"ReservationsConfirmed": 1234, "TicketTypeCreated": 3, "PaymentApproved": 1}
STATES = [
    QueueState(
        name=queue.name, listener=queue.service, counts=Counts(1238, 20, 0), dead=100, oldest=timedelta(minutes=59),
        types=TYPES,
    )
    for queue in queues()
]  # fmt: skip


def printed(width: int, states: list[QueueState] = STATES) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table(states, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 119, 120, 200])
def test_no_name_is_cut_in_a_narrow_terminal(width: int) -> None:
    shown = printed(width)

    assert max(map(len, shown.splitlines())) <= width
    types = TYPES if width >= 80 else ()
    for word in (*(queue.name for queue in queues()), *types, "1238", "100", "59 min"):
        assert word in shown


def test_what_is_delayed_is_told_in_a_narrow_terminal_too() -> None:
    delayed = QueueState(
        name="order-new", listener="order", counts=Counts(0, 0, 77), dead=0, oldest=None, types={"PlaceOrder": 77}
    )

    assert "delayed" in printed(80, [delayed])
    assert "delayed" not in printed(80)


def test_a_type_from_outside_is_not_obeyed_by_the_terminal() -> None:
    odd = QueueState(
        name="order-new", listener="order", counts=Counts(1, 0, 0), dead=0, oldest=None, types={"\x1b]0;title\x07": 1}
    )

    assert not {"\x1b", "\x07"} & set(printed(80, [odd]))


class Over(Exception):
    """The end of a test's watch."""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_watch_that_is_piped_prints_every_look(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = 0

    class Desk:
        async def overview(self) -> list[QueueState]:
            nonlocal looks
            looks += 1
            if looks > 3:
                raise Over
            await asyncio.sleep(0)
            return STATES

    @asynccontextmanager
    async def desk_of(*_: Any) -> AsyncIterator[Desk]:
        yield Desk()

    monkeypatch.setattr(queue_screens, "desk_of", desk_of)
    monkeypatch.setattr(queue_screens, "REFRESH_SECONDS", 0)

    with pytest.raises(Over):
        show_queues(None, None, watch=True, as_json=as_json)

    assert capsys.readouterr().out.count("ticket-underway") == 3
