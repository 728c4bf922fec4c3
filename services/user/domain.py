"""A buyer, until erased."""

from dataclasses import dataclass
from uuid import UUID

from services.chassis.kernel import Refused


@dataclass(slots=True)
class User:
    """A buyer. ``version`` counts the changes. Name and e-mail are personal data, and None once erased."""

    id: UUID
    version: int
    name: str | None
    email: str | None

    @property
    def erased(self) -> bool:
        """Whether the buyer was forgotten; the row stays, so that its last version is known."""
        return self.name is None

    def update(self, name: str, email: str) -> bool | Refused:
        """Take over what the buyer says now. False when that is nothing new, Refused(erased) for an erased buyer."""
        if self.erased:
            return Refused("erased")
        if (name, email) == (self.name, self.email):
            return False
        self.name, self.email = name, email
        self.version += 1
        return True

    def erase(self) -> bool:
        """Forget the personal data, for ever. False when that has happened already."""
        if self.erased:
            return False
        self.name = self.email = None
        self.version += 1
        return True
