"""Complementary products, such as parking or a T-shirt: stock allocated to an order, or returned."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.fields import Quantity, Stock, Text
from contracts.message import Body, Message, Part
from contracts.money import Money

type ProductRefusalReason = Literal["unknown_product", "products_sold_out", "wrong_event"]


class ProductBody(Body):
    """A product on sale: for one event, or, without ``event_id``, for every event.

    ``stock`` is how many may be sold in all, those that orders have already included.
    """

    event_id: UUID | None = None
    name: Annotated[Text, Field(examples=["Estacionamento"])]
    price: Annotated[Money, Field(examples=[30.00])]
    stock: Annotated[Stock, Field(examples=[200])]


class ProductLine(Part):
    """One product as part of an order, with its price when it was allocated."""

    product_id: UUID
    name: Text
    quantity: Quantity
    unit_price: Money


class ProductsAllocated(Message):
    """Every product of the order is set aside for it."""

    order_id: UUID
    event_id: UUID
    lines: tuple[ProductLine, ...]


class ProductsRefused(Message):
    """No product was set aside, because of one of them."""

    order_id: UUID
    event_id: UUID
    reason: ProductRefusalReason
