"""What is wrong with an order's body can be told without knowing anything else."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.order import OrderBody

RESERVATION, PRODUCT = str(uuid4()), str(uuid4())
BODY: dict[str, Any] = {
    "user_id": str(uuid4()),
    "event_id": str(uuid4()),
    "items": [{"reservation_id": RESERVATION}],
    "products": [{"product_id": PRODUCT, "quantity": 1}],
    "total_price": 150,
}


def test_a_reservation_and_a_product_are_enough() -> None:
    assert OrderBody.model_validate(BODY).payment.method == "pix"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("items", [{"reservation_id": RESERVATION}] * 2, "A reservation is named once"),
        ("products", [{"product_id": PRODUCT, "quantity": 1}] * 2, "A product is named once"),
        ("items", [], "at least 1 item"),
        ("total_price", -1, "between 0 and"),
        ("payment", Decimal("1.5"), "should be an object"),
    ],
)
def test_a_wrong_body_says_what_is_wrong_and_where(field: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        OrderBody.model_validate(BODY | {field: value}, from_attributes=True)  # as FastAPI does
    (error,) = raised.value.errors()
    assert error["loc"] == (field,)
    assert message in error["msg"]
