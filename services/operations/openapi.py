"""Seven OpenAPI documents become one: for API Gateway, for client generators, and for the page at the base URL."""

import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"#/components/schemas/([A-Za-z0-9_.-]+)")
_INTRODUCTION = """\
Reserve tickets for some minutes, add products, order, pay, and get a PDF ticket with a QR code.

The purchase is asynchronous: `POST /reservations/` and `POST /orders/` answer 202 with a `Location`, whose resource is
`pending` until a worker has decided. `Prefer: wait=10` holds the answer until then. Every POST takes an
`Idempotency-Key`. Every error is a problem document (RFC 9457) with a slug. Money is a JSON number in BRL.
"""


def merged(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One document of the services' own, by name. Schemas of one name that differ get their service's in front."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    security: dict[str, Any] = {}
    for service, document in documents.items():
        components = document.get("components", {})
        names = _new_names(service, components.get("schemas", {}), schemas)
        renamed = _renamed({"paths": document["paths"], "schemas": components.get("schemas", {})}, names)
        paths |= renamed["paths"]
        schemas |= {names.get(name, name): schema for name, schema in renamed["schemas"].items()}
        security |= components.get("securitySchemes", {})
    return {
        "openapi": next(iter(documents.values()))["openapi"],
        "info": {"title": "Bilhetagem", "version": "1", "description": _INTRODUCTION},
        "tags": [{"name": s, "description": d["info"].get("description", "")} for s, d in documents.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            **({"securitySchemes": security} if security else {}),
        },
    }


def _new_names(service: str, schemas: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    while True:  # a schema that refers to a renamed one differs too, though its text does not
        differing = {name for name in schemas.keys() & known.keys() if known[name] != _renamed(schemas[name], names)}
        if differing == names.keys():
            return names
        names = {name: f"{service.capitalize()}{name}" for name in differing | names.keys()}


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _renamed(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(value, names) for value in node]
    if isinstance(node, str) and (found := _REFERENCE.fullmatch(node)):
        return f"#/components/schemas/{names.get(found[1], found[1])}"
    return node
