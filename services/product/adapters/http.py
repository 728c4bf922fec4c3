"""The routes of ``/products``."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict

from contracts.fields import Stock, Text
from contracts.money import Money
from contracts.product import ProductBody
from services.chassis.http import IdPath, Ingress, IngressDep, Listing, PageDep, Problem, Router, found, problems
from services.product import domain
from services.product.domain import Offer

if TYPE_CHECKING:
    from services.product.adapters.sql import Products

router = Router()

WITHDRAWN = (410, "withdrawn", "This product is not sold any more.")
BELOW_ALLOCATED = (409, "below_allocated", "Orders have more of this product than that stock.")
REFUSALS = {slug: (status, slug, detail) for status, slug, detail in (WITHDRAWN, BELOW_ALLOCATED)}


class Product(BaseModel):
    """A product on sale. Of ``stock``, orders have ``allocated``, and ``available`` can still be bought."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09",
                    "event_id": None,
                    "name": "Estacionamento",
                    "price": 30.00,
                    "stock": 200,
                    "allocated": 12,
                    "available": 188,
                }
            ]
        }
    )

    id: UUID
    event_id: UUID | None
    name: Text
    price: Money
    stock: Stock
    allocated: Stock
    available: Stock


def shown(product: domain.Product) -> Product:
    """A product as clients see one. Raises Problem(410)."""
    if product.withdrawn:
        raise Problem(*WITHDRAWN)
    return Product(
        id=product.id,
        event_id=product.event_id,
        name=product.name,
        price=Money(product.unit_cents),
        stock=product.stock,
        allocated=product.allocated,
        available=product.available,
    )


def products(ingress: Ingress) -> "Products":
    """Where products are read."""
    reads: Products = ingress.adapters
    return reads


@router.get("/products/", response_model=Listing[Product])
async def list_products(
    ingress: IngressDep,
    page: PageDep,
    event_id: Annotated[UUID | None, Query(description="Only what an order for this event may have")] = None,
) -> Response:
    """The products on sale, the oldest first."""
    return page.answer([shown(product) for product in await products(ingress).page(page, event_id)])


@router.get("/products/{id}", responses=problems(404, WITHDRAWN))
async def get_product(product_id: IdPath, ingress: IngressDep) -> Product:
    """A product."""
    return shown(found(await products(ingress).find(product_id)))


@router.post("/products/", status_code=201, response_model=Product, responses=problems(WITHDRAWN))
async def offer(body: ProductBody, ingress: IngressDep) -> Response:
    """Put a product on sale: for one event, or, without ``event_id``, for every event."""
    return await ingress.create(
        domain.Product,
        lambda product_id: domain.Product(
            product_id, body.event_id, body.name, body.price.cents, body.stock, allocated=0, withdrawn=False
        ),
        show=shown,
        location="/products/{id}",
    )


@router.put("/products/{id}", responses=problems(404, BELOW_ALLOCATED, WITHDRAWN))
async def change_offer(product_id: IdPath, body: ProductBody, ingress: IngressDep) -> Product:
    """Replace a product's offer. Orders that have the product keep it, at the price they were given."""
    async with ingress.work() as work:
        product = found(await work.load(domain.Product, product_id))
        if refused := product.change(Offer(body.event_id, body.name, body.price.cents, body.stock)):
            raise Problem(*REFUSALS[refused.reason], allocated=product.allocated)
    return shown(product)


@router.delete("/products/{id}", status_code=204, responses=problems(404))
async def withdraw(product_id: IdPath, ingress: IngressDep) -> None:
    """Sell a product no more. Orders that have it keep it. Withdrawing twice does nothing more."""
    async with ingress.work() as work:
        product = found(await work.load(domain.Product, product_id))
        product.withdraw()
