"""Seven documents become one."""

import json
from pathlib import Path
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


def test_an_id_in_a_path_is_described_and_one_name_means_one_thing() -> None:
    api = json.loads((Path(__file__).parents[3] / "docs/openapi.json").read_text())
    found: dict[str, list[Any]] = {}
    for operations in api["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    found.setdefault(parameter["name"], []).append(parameter)
    assert found["id"][0]["description"]
    assert all(several == several[:1] * len(several) for several in found.values())
