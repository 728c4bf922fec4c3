"""Buyers. The only messages that carry personal data; the e-mail stays in the user service."""

from typing import Annotated
from uuid import UUID

from contracts.fields import Personal, Text, Version
from contracts.message import Message


class UserRegistered(Message):
    """A buyer is known and may order."""

    user_id: UUID
    version: Version
    name: Annotated[Text, Personal]


class UserUpdated(Message):
    """A buyer's name changed: tickets are printed again."""

    user_id: UUID
    version: Version
    name: Annotated[Text, Personal]


class UserErased(Message):
    """A buyer asked to be forgotten: the name goes from every ticket, live orders go on."""

    user_id: UUID
    version: Version
