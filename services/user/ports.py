"""What the user service's routes read."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from services.chassis.paging import Page
from services.user.domain import User


class Users(Protocol):
    """The buyers as they are, without a lock."""

    async def find(self, user_id: UUID) -> User | None:
        """A buyer, erased ones too, or None for an id that never was one's. Raises Unavailable."""

    async def page(self, page: Page) -> Sequence[User]:
        """A page of the buyers that are not erased. Raises Unavailable."""
