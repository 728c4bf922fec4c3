"""The diagrams cannot tell what the choreography does not allow, and leave no message out."""

import pytest

from contracts.choreography import CHOREOGRAPHY, Http
from services.operations.saga import NotInTheTable, diagram, saga


def test_an_arrow_goes_to_every_listener() -> None:
    lines = list(diagram(["PlaceOrder", "OrderPlaced"]))

    assert "    order->>reservation: OrderPlaced" in lines
    assert "    order->>product: OrderPlaced" in lines


def test_a_timer_is_dashed_and_a_fact_that_nobody_hears_is_a_note() -> None:
    lines = list(diagram(["ReserveTickets", "ExpireReservation", "HoldExpired"]))

    assert "    reservation-->>reservation: ExpireReservation" in lines
    assert "    Note over reservation: HoldExpired" in lines


@pytest.mark.parametrize(
    "impossible",
    [
        ["PlaceOrder", "PaymentApproved"],
        ["OrderPlaced", "POST /nowhere/"],
        ["OrderPlaced", "OrderDreamtOf"],
    ],
)
def test_what_the_table_does_not_allow_cannot_be_drawn(impossible: list[str]) -> None:
    with pytest.raises(NotInTheTable):
        list(diagram(impossible))


def test_the_document_names_every_message_and_route_in_a_diagram() -> None:
    diagrams = saga().partition("## The whole table")[0]
    needed = {step.on.route if isinstance(step.on, Http) else step.on.__name__ for step in CHOREOGRAPHY}

    assert {name for name in needed if name not in diagrams} == set()
