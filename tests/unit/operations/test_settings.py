"""Settings that are missing or wrong are named, as the variables that they are."""

import pytest

from services.operations.errors import Trouble
from services.operations.registry import SERVICES
from services.operations.settings import settings_of


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BILHETAGEM_OPERATORS_SECRET", raising=False)
    monkeypatch.delenv("BILHETAGEM_PAYMENT_WEBHOOK_SECRET", raising=False)


def test_every_variable_that_is_missing_is_named_with_its_meaning() -> None:
    with pytest.raises(Trouble) as trouble:
        settings_of(SERVICES["payment"])

    said = str(trouble.value)
    assert "BILHETAGEM_OPERATORS_SECRET: is not set (Operators' routes ask for it as a bearer token.)" in said
    assert "BILHETAGEM_PAYMENT_WEBHOOK_SECRET: is not set" in said


def test_a_wrong_value_is_told_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILHETAGEM_OPERATORS_SECRET", "secret")
    monkeypatch.setenv("BILHETAGEM_HOLD_SECONDS", "soon-ish")

    with pytest.raises(Trouble) as trouble:
        settings_of(SERVICES["reservation"])

    assert "BILHETAGEM_HOLD_SECONDS: Input should be a valid integer" in str(trouble.value)
    assert "soon-ish" not in str(trouble.value)
