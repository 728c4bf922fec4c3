"""The one type for money: BRL, exact, integer cents inside, a JSON number with at most two decimals outside."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MAX_CENTS = 99_999_999_999
"""R$ 999,999,999.99: far below 2**53, so that a JSON number carries every cent exactly."""

_MOST = Decimal(MAX_CENTS).scaleb(-2)


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount in BRL. Constructed from cents in code, parsed from reais (``150.00``) in JSON.

    The two never mix: a bare ``int`` is not accepted where cents are meant, and arithmetic stays in the type.
    """

    cents: int

    def __add__(self, other: "Money") -> "Money":
        return Money(self.cents + other.cents)

    def __mul__(self, times: int) -> "Money":
        return Money(self.cents * times)

    def __str__(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02}"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a JSON number of reais.

        Raises PydanticCustomError when it is not a number, is negative or too large, or has a fraction of a cent.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise PydanticCustomError("money_type", "Money is a JSON number in reais, such as 150.00")
        reais = Decimal(repr(value) if isinstance(value, float) else value)
        if not reais.is_finite():
            raise PydanticCustomError("money_type", "Money is a finite number in reais, such as 150.00")
        if not 0 <= reais <= _MOST:
            raise PydanticCustomError("money_range", "Money lies between 0 and 999999999.99 reais")
        # Arithmetic with Decimals rounds to 28 digits and overflows, comparison does neither.
        cents = int(reais.scaleb(2))
        if Decimal(cents).scaleb(-2) != reais:
            raise PydanticCustomError("money_decimals", "Money has at most two decimals: a cent is not divided")
        return cls(cents)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            # Division of an integer below 2**53 by 100 is correctly rounded, so its shortest text has two decimals.
            serialization=core_schema.plain_serializer_function_ser_schema(lambda money: money.cents / 100),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "number",
            "minimum": 0,
            "maximum": MAX_CENTS / 100,
            "multipleOf": 0.01,
            "description": "BRL, at most two decimals",
            "examples": [150.00],
        }
