"""The mock gateway: a company outside with books of its own, that charges by PIX and tells by webhook who has paid.

``MockGateway`` is what the payment service calls, ``Bank`` calls back, ``scenarios`` says what a tester can choose.
"""

from services.payment.adapters.gateway.bank import Bank
from services.payment.adapters.gateway.books import Books, bank_tables
from services.payment.adapters.gateway.mock import MockGateway
from services.payment.adapters.gateway.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "Bank", "Books", "MockGateway", "bank_tables"]
