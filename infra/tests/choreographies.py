"""The choreography as a change would make it: with a row more, and with a listener less."""

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.order import OrderCompleted
from contracts.product import ProductsAllocated
from contracts.routes import SERVICES, queues_of

NEWCOMER = next(service for service in SERVICES if not queues_of(service))
"""A service that listens to nothing."""

WITH_A_ROW = (*CHOREOGRAPHY, Step(OrderCompleted, NEWCOMER, (ProductsAllocated,)))
"""It begins to listen, so it gets its first queue, and to tell the order service something."""

WITHOUT_PRODUCTS = tuple(step for step in CHOREOGRAPHY if step.by != "product" and step.on is not ProductsAllocated)
"""The product service listens no more, so its queue goes."""
