"""Messages and their envelope: CloudEvents 1.0 in JSON structured mode (https://cloudevents.io), one per SQS body."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts.fields import Personal

_BY_TYPE: dict[str, type["Message"]] = {}
_VERSIONED = re.compile(r"V(\d+)$")
_TYPE = re.compile(r"bilhetagem\.[a-z_]{1,50}\.[a-z0-9-]{1,100}\.v[0-9]{1,4}")
"""What types of ours look like, those of newer releases too: anything else is nobody's that will ever be known."""


class Undecodable(Exception):
    """A body that is no message of ours, and will not become one by being read again."""


class UnknownType(Exception):
    """A well-formed envelope of a type that this release does not know: perhaps a newer producer's.

    ``id`` is the envelope's.
    """

    def __init__(self, message_id: UUID, type_name: str) -> None:
        super().__init__(type_name)
        self.id = message_id


class Body(BaseModel):
    """What a client may send: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_an_object(cls, value: object) -> object:
        # FastAPI reads any Python object by its attributes: a number that is parsed as a Decimal would be one without.
        if isinstance(value, dict | BaseModel):
            return value
        raise PydanticCustomError("object_type", "Input should be an object")


class Part(BaseModel):
    """A piece of a message. Frozen; unknown fields are ignored, as in the message itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(BaseModel):
    """A command or a fact. Frozen; unknown fields are ignored, so a newer producer may add optional ones.

    Within a version only optional fields are added. Anything else is a new class (``OrderPlacedV2``), emitted beside
    the old one. Both versions of one message have the same id, so an inbox takes them as one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    owner: ClassVar[str]
    """The service whose message it is: the receiver of a command, the sender of a fact. Its module's name."""
    kind: ClassVar[str]
    """The type without its version: ``bilhetagem.order.order-placed``."""
    type: ClassVar[str]
    """The CloudEvents type: ``bilhetagem.order.order-placed.v1``."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        name, version = _VERSIONED.sub("", cls.__name__), _VERSIONED.search(cls.__name__)
        cls.owner = cls.__module__.rpartition(".")[2]
        cls.kind = f"bilhetagem.{cls.owner}.{re.sub(r'(?<!^)(?=[A-Z])', '-', name).lower()}"
        cls.type = f"{cls.kind}.v{version[1] if version else 1}"
        if not name.startswith("_"):  # a base of messages, such as _EventState, is none itself
            _BY_TYPE[cls.type] = cls

    @classmethod
    def is_of_a_purchase(cls) -> bool:
        """It is about an order or a reservation, and so is its correlation."""
        return not cls.model_fields.keys().isdisjoint({"order_id", "reservation_id"})

    def _first(self, *fields: str) -> str:
        return next(str(value) for field in fields if (value := getattr(self, field, None)) is not None)

    @property
    def subject(self) -> str:
        """The aggregate it is about: one of its owner's, else the order, event or buyer."""
        return self._first(f"{self.owner}_id", "order_id", "event_id", "user_id")

    @property
    def correlation(self) -> str:
        """What an operator looks it up by: its order, else its reservation, else its catalogue row."""
        return self._first("order_id", "reservation_id", "ticket_id", "event_id", "user_id")

    @property
    def partition(self) -> str:
        """The tenant of SQS fair queues: its event, else its ticket type, else its order."""
        return self._first("event_id", "ticket_id", "order_id", "reservation_id", "user_id")

    def id_when(self, cause: UUID) -> UUID:
        """The id it has when ``cause`` brings it about: always the same, so that a repeat is known as one."""
        return uuid5(cause, f"{self.kind} {self.subject}")

    def without_personal_data(self) -> dict[str, Any]:
        """Its payload for a journal: fields marked Personal are absent."""
        personal = {
            name for name, field in type(self).model_fields.items() if any(m is Personal for m in field.metadata)
        }
        return self.model_dump(mode="json", exclude=personal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message on its way. ``causation`` is the id of the message that caused it, None for a request's."""

    id: UUID
    source: str
    time: datetime
    message: Message
    causation: UUID | None = None
    traceparent: str | None = None

    @classmethod
    def request(
        cls,
        message: Message,
        *,
        by: str,
        at: datetime,
        message_id: UUID,
        traceparent: str | None = None,
    ) -> Self:
        """Wrap what came in through an ingress."""
        return cls(
            id=message_id,
            source=f"/bilhetagem/{by}",
            time=at,
            message=message,
            traceparent=traceparent,
        )

    def followed_by(self, message: Message, *, by: str, at: datetime, traceparent: str | None = None) -> "Envelope":
        """Wrap what a handler of this one emits: id, causation and trace follow from this one. ``traceparent`` names
        the span, within that trace, in which it was handled.
        """
        return Envelope(
            id=message.id_when(self.id),
            source=f"/bilhetagem/{by}",
            time=at,
            message=message,
            causation=self.id,
            traceparent=traceparent or self.traceparent,
        )

    def attributes(self, *, personal: bool = True) -> dict[str, Any]:
        """The CloudEvents attributes; without the payload's personal fields for a journal."""
        message = self.message
        optional = {
            "causationid": self.causation and str(self.causation),
            "traceparent": self.traceparent,
        }
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "source": self.source,
            "type": message.type,
            "subject": message.subject,
            "time": self.time.astimezone(UTC).isoformat(),
            "datacontenttype": "application/json",
            "correlationid": message.correlation,
            "partitionkey": message.partition,
            **{name: value for name, value in optional.items() if value},
            "data": message.model_dump(mode="json") if personal else message.without_personal_data(),
        }

    def encode(self) -> str:
        """The SQS body."""
        return json.dumps(self.attributes(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def decode(cls, body: str) -> Self:
        """Read an SQS body.

        Raises Undecodable when it is no message of ours, UnknownType when this release does not know its type.
        """
        try:
            attributes = json.loads(body, parse_float=Decimal)
            message_id = UUID(attributes["id"])
            type_name = str(attributes["type"])
            if not _TYPE.fullmatch(type_name):
                raise ValueError("a type that is none of ours")
            time = datetime.fromisoformat(attributes["time"])
            if time.tzinfo is None or attributes["specversion"] != "1.0":
                raise ValueError("not CloudEvents 1.0, or a time without an offset")
            causation = attributes.get("causationid")
            cause = UUID(causation) if causation else None
            source, data = str(attributes["source"]), attributes["data"]
            traceparent = attributes.get("traceparent")
            if not isinstance(traceparent, str | None):
                raise ValueError("a traceparent that is no text")
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            ArithmeticError,  # a number with an exponent that no Decimal holds
            RecursionError,
        ) as error:
            raise Undecodable(f"no CloudEvents envelope: {error!r}") from error
        contract = _BY_TYPE.get(type_name)
        if contract is None:
            raise UnknownType(message_id, type_name)
        try:
            message = contract.model_validate(data, extra="ignore")
        except ValidationError as error:
            # Without the input: a payload may hold personal data, and this text goes into logs and attributes.
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise Undecodable(f"{type_name}: {wrong}") from None
        return cls(
            id=message_id,
            source=source,
            time=time,
            message=message,
            causation=cause,
            traceparent=traceparent,
        )


def message_types() -> dict[str, type[Message]]:
    """Every known message by its CloudEvents type."""
    return dict(_BY_TYPE)
