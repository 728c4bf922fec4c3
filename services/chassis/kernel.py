"""What inner code may know of the chassis. Standard library only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

type Clock = Callable[[], datetime]
"""The time now, UTC."""


@dataclass(frozen=True)
class Refused:
    """A business *no*: a value to return, never an exception. ``reason`` is a slug that a machine reads."""

    reason: str


class NotYet(Exception):
    """A message overtook the one it depends on: it is parked, and handled again later. Raise it before any change.

    The text says what is awaited, for the operator who asks why a purchase waits.
    """


class Impossible(Exception):
    """A state and a message that cannot meet. The message is buried, so that the mistake is seen."""
