"""OpenAPI 3.1, which FastAPI writes, as the 3.0.1 that API Gateway imports: the same API in an older language."""

import re
from collections.abc import Mapping
from typing import Any

_SCHEMAS = "#/components/schemas/"


def as_3_0(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document in OpenAPI 3.0.1, its schemas named by letters and digits only, as API Gateway wants its models.

    Raises ValueError for what 3.0 cannot say, and for two schemas that would get one name.
    """
    names = {name: re.sub(r"[^A-Za-z0-9]", "", name) for name in document["components"]["schemas"]}
    if len(set(names.values())) < len(names):
        raise ValueError(f"two schemas would get one name: {sorted(names)}")
    older: dict[str, Any] = _older({**document, "openapi": "3.0.1"}, names)
    components = older["components"]
    components["schemas"] = {names[name]: _schema(s, names) for name, s in document["components"]["schemas"].items()}
    return older


def _older(node: Any, names: Mapping[str, str]) -> Any:
    """Everything outside schemas is the same in both; an example is data, whatever it looks like."""
    if isinstance(node, list):
        return [_older(value, names) for value in node]
    if not isinstance(node, dict):
        return node
    as_is = ("example", "examples", "schemas")
    return {
        key: _schema(value, names) if key == "schema" else value if key in as_is else _older(value, names)
        for key, value in node.items()
    }


def _schema(schema: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    node = dict(schema)
    reference = node.pop("$ref", None)
    nullable = _take_null(node)
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in node:
            node[bound], node[exclusive] = node[exclusive], True
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "examples" in node:
        node["example"] = node.pop("examples")[0]
    for key in ("items", "additionalProperties", "not"):
        if isinstance(node.get(key), dict):
            node[key] = _schema(node[key], names)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in node:
            node[key] = [_schema(option, names) for option in node[key]]
    if "properties" in node:
        node["properties"] = {name: _schema(value, names) for name, value in node["properties"].items()}
    if len(node.get("anyOf", ())) == 1:
        (only,) = node.pop("anyOf")
        if "$ref" in only:
            node["allOf"] = [only]
        else:
            node = {**only, **node}
    if nullable:
        node["nullable"] = True
        if "enum" in node:  # in 3.0 null has to be among the values as well
            node["enum"] = [*node["enum"], None]
    if reference is None:
        return node
    renamed = {"$ref": _SCHEMAS + names[reference.removeprefix(_SCHEMAS)]}
    # What stands beside a reference is ignored in 3.0.
    return {"allOf": [renamed], **node} if node else renamed


def _take_null(node: dict[str, Any]) -> bool:
    """Whether null is allowed; it is no type in 3.0, and taken out."""
    types = node.get("type")
    if types == "null":
        raise ValueError(f"OpenAPI 3.0 has no schema that is null only: {node}")
    if isinstance(types, list):
        rest = [name for name in types if name != "null"]
        if len(rest) != 1:
            raise ValueError(f"OpenAPI 3.0 has one type for each schema: {node}")
        node["type"] = rest[0]
        return len(rest) < len(types)
    options = node.get("anyOf", [])
    others = [option for option in options if option != {"type": "null"}]
    if len(others) == len(options):
        return False
    node["anyOf"] = others
    return True
