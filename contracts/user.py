"""Buyers. The only messages that carry personal data; the e-mail stays in the user service."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts.fields import Personal, Text, Version
from contracts.message import Body, Message

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=254,
        pattern=rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+$",
    ),
]
"""An e-mail address as browsers accept it (https://html.spec.whatwg.org/#valid-e-mail-address), with a dot in its
domain; at most 254 characters (RFC 5321, section 4.5.3.1.3). In lower case: two that differ in case are one."""


class UserBody(Body):
    """A buyer: the name is printed on tickets, the e-mail belongs to one buyer only."""

    name: Annotated[Text, Personal, Field(examples=["Ana Souza"])]
    email: Annotated[Email, Personal, Field(examples=["ana@example.com"])]


class UserRegistered(Message):
    """A buyer is known and may order."""

    user_id: UUID
    version: Version
    name: Annotated[Text, Personal]


class UserUpdated(Message):
    """A buyer's name or e-mail changed: where it was the name, tickets are printed again."""

    user_id: UUID
    version: Version
    name: Annotated[Text, Personal]


class UserErased(Message):
    """A buyer asked to be forgotten: the name goes from every ticket, live orders go on."""

    user_id: UUID
    version: Version
