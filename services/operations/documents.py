"""Generated files: written by ``bilhetagem docs``, and checked so that none of them tells of an older system."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from contracts.message import Message, message_types
from services.chassis.http import create_app
from services.chassis.runtime import running_together
from services.operations.apigateway import definition
from services.operations.asyncapi import asyncapi
from services.operations.commands import console
from services.operations.compatibility import breaking_changes
from services.operations.errors import Trouble
from services.operations.laptop import State
from services.operations.openapi import merged
from services.operations.registry import SERVICES
from services.operations.saga import saga
from services.operations.settings import settings_of

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path("contracts/schemas")


def documents() -> dict[Path, str]:
    """Every generated file of the repository, and what it should contain. Raises Trouble."""
    rest = asyncio.run(openapi())
    return {
        Path("docs/openapi.json"): _json(rest),
        Path("contracts/apigateway.json"): _json(definition(rest)),
        Path("docs/asyncapi.yaml"): _yaml(asyncapi()),
        Path("docs/saga.md"): saga(),
        **{SCHEMAS / f"{message.type}.json": _json(schema_of(message)) for message in message_types().values()},
    }


def write_documents() -> None:
    """Write what is stale, remove what nothing generates any more, and name it.

    Raises Trouble, and writes nothing, when the schema of a message that is in use would break its readers.
    """
    wanted = documents()
    _refuse_breaking_changes(wanted)
    for path in _stale(wanted):
        content = wanted.get(path)
        if content is None:
            (ROOT / path).unlink()
            console.print(f"removed {path}")
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(content)
            console.print(f"wrote {path}")


def check_documents() -> None:
    """Raises Trouble when a generated file is not what the code says, naming it; a breaking change first."""
    wanted = documents()
    _refuse_breaking_changes(wanted)
    stale = [str(path) for path in _stale(wanted)]
    if stale:
        raise Trouble("These generated files are stale; `make docs` writes them again:\n  " + "\n  ".join(stale))
    console.print("All generated files are up to date.")


def _refuse_breaking_changes(wanted: dict[Path, str]) -> None:
    breaches = [
        f"  {path.stem}: {breach}"
        for path, content in sorted(wanted.items())
        if path.parent == SCHEMAS and (ROOT / path).exists()
        for breach in breaking_changes(json.loads((ROOT / path).read_text()), json.loads(content))
    ]
    if breaches:
        raise Trouble(
            "These changes break readers of messages that are in use. Leave the class as it was, and emit a new one "
            "beside it (OrderPlacedV2):\n" + "\n".join(breaches)
        )


def _stale(wanted: dict[Path, str]) -> Iterator[Path]:
    for path, content in sorted(wanted.items()):
        if not (ROOT / path).exists() or (ROOT / path).read_text() != content:
            yield path
    for found in sorted((ROOT / SCHEMAS).glob("*.json")):
        if found.relative_to(ROOT) not in wanted:
            yield found.relative_to(ROOT)


async def openapi() -> dict[str, Any]:
    """The merged document of all services, which need not be running: nothing is connected to."""
    with TemporaryDirectory() as folder:
        state = State(Path(folder))
        os.environ |= state.environment(aws="http://127.0.0.1:9", database_url=state.sqlite_url())
        async with running_together({name: (s, settings_of(s)) for name, s in SERVICES.items()}) as running:
            return merged({name: create_app(one).openapi() for name, one in running.items()})


class _AsRead(GenerateJsonSchema):
    """What a queue's reader accepts: fields that it does not know too, also in parts that are refused with them when
    they come in a request.
    """

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """A model's own schema."""
        written = super().model_schema(schema)
        written.pop("additionalProperties", None)
        return written


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema of a message's ``data``, as a reader takes it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://bilhetagem.example/schemas/{message.type}.json",
        **message.model_json_schema(schema_generator=_AsRead),
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _yaml(document: Any) -> str:
    try:
        import yaml
    except ImportError:
        raise Trouble("Generating documents needs the developers' tools: run it as `make docs`.") from None

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Plain.add_representer(str, text_node)
    text: str = yaml.dump(document, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
    return text
