"""The seven services, against the choreography that they take part in."""

import pytest

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.routes import reactions
from contracts.user import UserErased
from services.chassis.service import Disagreement, Service
from services.operations.registry import SERVICES

WITH_A_ROW = (*CHOREOGRAPHY, Step(UserErased, "product"))


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_service_handles_what_its_rows_tell_of(service: Service) -> None:
    service.check_handlers()


def test_a_row_without_a_handler_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Service, "reactions", property(lambda service: reactions(service.name, WITH_A_ROW)))
    with pytest.raises(Disagreement, match=r"^The code and .* disagree: product has no handler for UserErased\.$"):
        SERVICES["product"].check_handlers()
