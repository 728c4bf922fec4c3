"""What is looked up before a transaction."""

from contracts.order import CancelOrdersOf
from services.order.ports import LiveOrders, LivePage

PAGE = 50
"""Orders that are cancelled with one message: a transaction of milliseconds, and five batches to SQS."""


async def live_page(message: CancelOrdersOf, *, orders: LiveOrders) -> LivePage:
    """The next page of the event's live orders.

    The event was marked before this message was sent, so whoever is not found here now is rejected when placed.
    """
    found = await orders.live(message.event_id, message.after, PAGE)
    return LivePage(order_ids=tuple(found), more=len(found) == PAGE)
