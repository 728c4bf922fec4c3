"""OpenAPI 3.1 as 3.0: what each of the newer words becomes."""

from typing import Any

import pytest

from services.operations.openapi_30 import as_3_0


def converted(schema: dict[str, Any], **others: dict[str, Any]) -> Any:
    document = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"It": schema, **others}}}
    return as_3_0(document)["components"]["schemas"]["It"]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}], "title": "It"},
            {"type": "string", "maxLength": 3, "title": "It", "nullable": True},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        ),
        (
            {"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "null"}]},
            {"enum": ["a", None], "type": "string", "nullable": True},
        ),
        ({"const": "pending"}, {"enum": ["pending"]}),
        ({"type": "integer", "examples": [3, 4]}, {"type": "integer", "example": 3}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"exclusiveMaximum": 9}, {"maximum": 9, "exclusiveMaximum": True}),
        ({"type": "array", "items": {"const": 1}}, {"type": "array", "items": {"enum": [1]}}),
        ({"additionalProperties": {"const": 1}}, {"additionalProperties": {"enum": [1]}}),
        ({"properties": {"const": {"const": 1}}}, {"properties": {"const": {"enum": [1]}}}),
    ],
)
def test_a_newer_word_is_said_in_older_ones(newer: dict[str, Any], older: dict[str, Any]) -> None:
    assert converted(newer) == older


def test_a_reference_that_may_be_null_or_is_described_is_wrapped() -> None:
    nullable = {"anyOf": [{"$ref": "#/components/schemas/A_List"}, {"type": "null"}]}

    assert converted(nullable, A_List={}) == {"allOf": [{"$ref": "#/components/schemas/AList"}], "nullable": True}
    assert converted({"$ref": "#/components/schemas/A_List", "description": "said"}, A_List={}) == {
        "allOf": [{"$ref": "#/components/schemas/AList"}],
        "description": "said",
    }
    assert converted({"$ref": "#/components/schemas/A_List"}, A_List={}) == {"$ref": "#/components/schemas/AList"}


@pytest.mark.parametrize("unsayable", [{"type": "null"}, {"type": ["string", "integer"]}])
def test_what_3_0_cannot_say_is_refused(unsayable: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"OpenAPI 3\.0"):
        converted(unsayable)


def test_two_schemas_never_get_one_name() -> None:
    with pytest.raises(ValueError, match="one name"):
        converted({}, A_List={}, AList={})


def test_examples_are_data_and_stay() -> None:
    media = {"schema": {"const": 1}, "examples": {"one": {"value": {"schema": {"const": 1}}}}}
    document = {"paths": {"/": media}, "components": {"schemas": {}}}

    assert as_3_0(document)["paths"]["/"] == {"schema": {"enum": [1]}, "examples": media["examples"]}
