"""What may be in a queue still is waited for, and then refused: nothing that a client can make up is stuck for ever."""

import pytest

from tests.e2e.box_office import BoxOffice
from tests.e2e.queues import depths
from tests.e2e.system import System

LONGEST_SECONDS = 240
"""A minute of patience, and as long again until it is looked at next."""


@pytest.mark.parametrize(
    "reason", ["unknown_user", "unknown_reservation", "already_attached", "cancelled", "unknown_ticket"]
)
async def test_a_request_for_what_is_nowhere_is_rejected(
    office: BoxOffice, system: System, asked_in_vain: dict[str, str], reason: str
) -> None:
    await office.becomes(asked_in_vain[reason], status="rejected", reason=reason, seconds=LONGEST_SECONDS)
    assert not [name for name in depths(system, dead=True) if name.startswith(("order", "reservation"))]
