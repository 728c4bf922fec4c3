"""What may change in a message that is in use: an optional field may be added, and nothing else.

A queue holds messages of the release before while readers of this one start, and readers of the release before still
run while this one sends. So what an old message lacks may not be required, and what a new one says an old reader must
take: a wider enum breaks it as a narrower one breaks the new. Anything else is a new class, ``OrderPlacedV2``, that is
emitted beside the old one until nobody reads that any more.
"""

from collections.abc import Iterator, Mapping
from typing import Any

type Schema = Mapping[str, Any]

_FOR_PEOPLE = {"$defs", "$id", "$schema", "description", "examples", "title"}
_FIELDS = {"properties", "required"}


def breaking_changes(before: Schema, after: Schema) -> list[str]:
    """What in ``after`` would break a reader or a message of ``before``: a sentence for each, none if it may be so.

    Both are JSON Schemas as Pydantic writes them, and not recursive.
    """
    return list(_changes(_resolved(before, before), _resolved(after, after), ""))


def _resolved(node: Any, root: Schema) -> Any:
    """Without references, and without what is written for people."""
    if isinstance(node, list):
        return [_resolved(item, root) for item in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        target = root["$defs"][node["$ref"].rpartition("/")[2]]
        return _resolved({**target, **{key: value for key, value in node.items() if key != "$ref"}}, root)
    plain = {key: _resolved(value, root) for key, value in node.items() if key not in _FOR_PEOPLE | {"properties"}}
    if "properties" in node:
        plain["properties"] = {name: _resolved(field, root) for name, field in node["properties"].items()}
    return plain


def _changes(before: Any, after: Any, where: str) -> Iterator[str]:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield f"{where} was {before!r} and is {after!r}"
        return
    yield from _changed_fields(before, after, where)
    for key in sorted((before.keys() | after.keys()) - _FIELDS):
        old, new = before.get(key), after.get(key)
        if key == "items":
            yield from _changes(old, new, f"{where}[]")
        elif key == "anyOf" and old and new and len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                yield from _changes(one, other, where)
        elif old != new:
            yield f"{where or 'the message'}: {key} was {old!r} and is {new!r}"


def _changed_fields(before: Schema, after: Schema, where: str) -> Iterator[str]:
    old, new = before.get("properties", {}), after.get("properties", {})
    demanded, demands = set(before.get("required", ())), set(after.get("required", ()))
    for name in old:
        path = f"{where}.{name}".lstrip(".")
        if name not in new:
            yield f"{path} is gone"
            continue
        if name in demands - demanded:
            yield f"{path} was optional and is required"
        if name in demanded - demands:
            yield f"{path} was required and is optional"
        yield from _changes(old[name], new[name], path)
    for name in new.keys() - old.keys():
        if name in demands:
            yield f"{f'{where}.{name}'.lstrip('.')} is new and required"
