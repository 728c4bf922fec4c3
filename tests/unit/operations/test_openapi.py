"""Seven documents become one."""

from typing import Any

from services.operations.openapi import merged


def document(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Thing"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "one", "description": f"serves {path}"},
        "paths": {path: {"get": {"responses": {"200": {"content": {"application/json": {"schema": reference}}}}}}},
        "components": {"schemas": {"Thing": schema, "Things": {"type": "array", "items": reference}}},
    }


def schema_of(api: dict[str, Any], path: str) -> str:
    content = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return str(content["schema"]["$ref"])


def test_a_schema_that_two_services_share_is_there_once() -> None:
    api = merged({"user": document("/users/", {"type": "string"}), "order": document("/orders/", {"type": "string"})})

    assert set(api["components"]["schemas"]) == {"Thing", "Things"}
    assert schema_of(api, "/users/") == schema_of(api, "/orders/") == "#/components/schemas/Thing"


def test_schemas_of_one_name_that_differ_are_told_apart_everywhere() -> None:
    api = merged({"user": document("/users/", {"type": "string"}), "order": document("/orders/", {"type": "integer"})})

    assert schema_of(api, "/users/") == "#/components/schemas/Thing"
    assert schema_of(api, "/orders/") == "#/components/schemas/OrderThing"
    assert api["components"]["schemas"]["OrderThing"] == {"type": "integer"}
    assert api["components"]["schemas"]["Things"]["items"] == {"$ref": "#/components/schemas/Thing"}
    assert api["components"]["schemas"]["OrderThings"]["items"] == {"$ref": "#/components/schemas/OrderThing"}


def test_every_service_is_a_tag() -> None:
    api = merged({"user": document("/users/", {}), "order": document("/orders/", {})})

    assert api["tags"] == [
        {"name": "user", "description": "serves /users/"},
        {"name": "order", "description": "serves /orders/"},
    ]
