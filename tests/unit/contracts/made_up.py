"""Any message, made up from its fields: a field of a type that is not known here fails, so none is left out."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from annotated_types import MaxLen, MinLen
from hypothesis import reject
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from contracts.choreography import CHOREOGRAPHY
from contracts.fields import Instant, Quantity, Slug, Stock, Text, Version, Zone
from contracts.message import Envelope, Message, message_types
from contracts.money import MAX_CENTS, Money
from contracts.routes import emitted_by
from contracts.user import Email

VISIBLE = st.characters(categories=["L", "N", "P", "S"])
ODD = "\N{ZERO WIDTH JOINER} \N{COMBINING ACUTE ACCENT}"

texts = st.builds(
    lambda visible, rest: visible + rest,
    VISIBLE,
    st.text(st.one_of(VISIBLE, st.sampled_from(ODD)), max_size=199),
).map(str.strip).filter(lambda text: not any(ord(character) & 0xFFFE == 0xFFFE for character in text))  # fmt: skip
zones = st.sampled_from(["America/Sao_Paulo", "America/Noronha", "Europe/Lisbon", "UTC"])
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(2000, 1, 2), datetime(2200, 12, 30), timezones=offsets)  # noqa: DTZ001
moneys = st.integers(0, MAX_CENTS).map(Money)
clocks = st.datetimes(datetime(2020, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001

FIELD_TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Text, texts),
    (Slug, st.from_regex(r"[a-z0-9][a-z0-9_.:-]{0,63}", fullmatch=True)),
    (Instant, instants),
    (Zone, zones),
    (Stock, st.integers(0, 1_000_000)),
    (Quantity, st.integers(1, 50)),
    (Version, st.integers(1, 10_000)),
    (Email, st.from_regex(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,20}@[a-z]{1,20}\.example", fullmatch=True)),
]
PLAIN_TYPES: dict[Any, st.SearchStrategy[Any]] = {
    UUID: st.uuids(),
    Money: moneys,
    str: st.text(VISIBLE, max_size=40),
    int: st.integers(1, 1_000),
    NoneType: st.none(),
}

BETWEEN_FIELDS = {"sale_window", "nobodys_tickets"}
"""Rules over several fields: what breaks one of these is made up again."""


class NoStrategy(Exception):
    """A field's type that nobody has said how to make up."""


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type. Raises NoStrategy."""
    if isinstance(annotation, TypeAliasType):
        return values_of(annotation.__value__)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _annotated(annotation)
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if origin in (Union, UnionType):
        return st.one_of(*(values_of(part) for part in get_args(annotation)))
    if origin is tuple:
        return _tuples(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return models(annotation)
    if annotation in PLAIN_TYPES:
        return PLAIN_TYPES[annotation]
    raise NoStrategy(f"no strategy for {annotation!r}: add one to tests/unit/contracts/made_up.py")


def _annotated(annotation: Any) -> st.SearchStrategy[Any]:
    base, *metadata = get_args(annotation)
    for known, strategy in FIELD_TYPES:
        known_base, *known_metadata = get_args(known)
        if base == known_base and metadata[: len(known_metadata)] == known_metadata:
            return strategy
    if get_origin(base) is tuple:
        limits = [limit for info in metadata if isinstance(info, FieldInfo) for limit in info.metadata]
        least = next((limit.min_length for limit in limits if isinstance(limit, MinLen)), 0)
        most = next((limit.max_length for limit in limits if isinstance(limit, MaxLen)), 3)
        return _tuples(get_args(base)[0], least, min(most, 3))
    return values_of(base)


def _tuples(item: type[BaseModel], least: int = 0, most: int = 3) -> st.SearchStrategy[Any]:
    # Lists name each thing once, by the first field of their items.
    first = next(iter(item.model_fields))
    lists = st.lists(models(item), min_size=least, max_size=most, unique_by=lambda part: getattr(part, first))
    return lists.map(tuple)


@cache
def _fields(model: type[BaseModel]) -> dict[str, st.SearchStrategy[Any]]:
    hints = get_type_hints(model, include_extras=True)
    return {name: values_of(hints[name]) for name in model.model_fields}


@st.composite
def models[Model: BaseModel](draw: st.DrawFn, model: type[Model]) -> Model:
    """Any instance of a model, with and without its optional fields."""
    fields = {
        name: draw(strategy)
        for name, strategy in _fields(model).items()
        if model.model_fields[name].is_required() or draw(st.booleans())
    }
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        if {wrong["type"] for wrong in error.errors()} <= BETWEEN_FIELDS:
            reject()
        raise


def messages_of[M: Message](message: type[M]) -> st.SearchStrategy[M]:
    """Any message of a type."""
    return cast("st.SearchStrategy[M]", models(message))


def envelopes_of(message: type[Message]) -> st.SearchStrategy[Envelope]:
    """Any message of a type, on its way: a request's, or one that another caused."""
    return st.builds(
        Envelope,
        id=st.uuids(),
        source=st.sampled_from(["/bilhetagem/order", "/bilhetagem/ticket"]),
        time=clocks,
        message=messages_of(message),
        causation=st.none() | st.uuids(),
        traceparent=st.none() | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )


TOLD = {message for step in CHOREOGRAPHY for message in emitted_by(step)}
"""What anybody says, by the choreography: importing it makes every message known."""

MESSAGES = sorted(message_types().values(), key=lambda message: message.type)
