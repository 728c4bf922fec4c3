"""Reading docker-compose.yml as `docker compose` does: anchors, variables and their defaults, commands in one line."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class Container:
    """A service of the file, in the words that the test needs."""

    name: str
    image: str
    builds: bool
    command: tuple[str, ...]
    environment: Mapping[str, str]
    depends_on: Mapping[str, str]
    """Conditions by the name of the other container."""
    health: tuple[str, ...]
    """The command that says whether it is healthy; none where it ends by itself."""
    grace_seconds: float
    published: tuple[str, ...]
    mounts: tuple[tuple[str, str], ...]
    configs: Mapping[str, str]
    """What the file itself holds, by the path in the container."""


def containers(environment: Mapping[str, str], path: Path = COMPOSE_FILE) -> dict[str, Container]:
    """The containers by name, with the variables of this environment."""
    document = _interpolated(yaml.safe_load(path.read_text()), environment)
    contents = {name: config["content"] for name, config in document["configs"].items()}
    return {name: _container(name, service, contents) for name, service in document["services"].items()}


def variables(path: Path = COMPOSE_FILE) -> dict[str, str | None]:
    """The variables that the file reads, and their defaults. Fails when one has two defaults."""
    found: dict[str, str | None] = {}
    for match in _VARIABLE.finditer(path.read_text()):
        if name := match["name"]:
            assert found.setdefault(name, match["default"]) == match["default"], f"{name} has two defaults"
    return found


def in_order(all_of_them: Mapping[str, Container]) -> Iterator[Container]:
    """Each container after those that it depends on."""
    seen: set[str] = set()

    def visit(names: Iterable[str]) -> Iterator[Container]:
        for name in names:
            if name not in seen:
                seen.add(name)
                yield from visit(all_of_them[name].depends_on)
                yield all_of_them[name]

    yield from visit(all_of_them)


def _container(name: str, service: Mapping[str, Any], contents: Mapping[str, str]) -> Container:
    health = service.get("healthcheck", {}).get("test", ["CMD"])
    assert health[0] == "CMD", f"{name}: a health check goes without a shell"
    grace = service.get("stop_grace_period", "10s")
    return Container(
        name=name,
        image=service["image"],
        builds="build" in service,
        command=tuple(shlex.split(service.get("command", ""))),
        environment={key: str(value) for key, value in service.get("environment", {}).items()},
        depends_on={other: how["condition"] for other, how in service.get("depends_on", {}).items()},
        health=tuple(health[1:]),
        grace_seconds=float(grace.removesuffix("s")),
        published=tuple(service.get("ports", ())),
        mounts=tuple(_mount(text) for text in service.get("volumes", ())),
        configs={config["target"]: contents[config["source"]] for config in service.get("configs", ())},
    )


def _mount(text: str) -> tuple[str, str]:
    source, target = text.removesuffix(":ro").split(":")
    return source, target


def _interpolated(node: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolated(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value, environment) for value in node]
    return _filled_in(node, environment) if isinstance(node, str) else node


def _filled_in(text: str, environment: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        return environment.get(match["name"]) or match["default"] or ""

    filled_in = _VARIABLE.sub(value, text)
    assert "${" not in filled_in, f"a form of variable that is not read here: {text}"
    return filled_in
