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


def ours() -> dict[str, dict[str, Any]]:
    """The operations of the merged document, by their routes."""
    api = json.loads((Path(__file__).parents[3] / "docs/openapi.json").read_text())
    return {
        f"{method.upper()} {path}": operation
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    }


def test_what_is_made_or_accepted_says_where_it_is() -> None:
    made = [r[s] for r in (one["responses"] for one in ours().values()) for s in ("201", "202") if s in r]

    assert all("Location" in answer["headers"] for answer in made)


def test_where_an_answer_can_be_waited_for_the_document_says_so() -> None:
    waiting = {
        route
        for route, operation in ours().items()
        if any(parameter["name"] == "Prefer" for parameter in operation.get("parameters", []))
    }

    assert waiting == {
        "POST /reservations/",
        "GET /reservations/{id}",
        "POST /orders/",
        "GET /orders/{id}",
        "GET /payments/{id}",
    }


def test_an_id_in_a_path_is_described_and_one_name_means_one_thing() -> None:
    found: dict[str, list[Any]] = {}
    for operation in ours().values():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                found.setdefault(parameter["name"], []).append(parameter)
    assert found["id"][0]["description"]
    assert all(several == several[:1] * len(several) for several in found.values())
