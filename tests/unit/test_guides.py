"""The guides say what the code says: settings, scenarios, commands, and links that lead somewhere."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices, TypeAdapter
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings
from typer.main import get_command

import contracts.metrics
from contracts.metrics import DIMENSIONS, UNITS, Metric
from services.chassis.config import DatabaseSettings, Settings
from services.chassis.exporting import MetricSettings, TraceSettings
from services.chassis.telemetry import LogSettings
from services.operations.cli import app
from services.operations.databases import MasterSettings
from services.operations.registry import SERVICES
from services.payment.adapters.gateway.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
RUNNING = ROOT / "docs" / "run-instructions.md"
TELEMETRY = ROOT / "docs" / "telemetry.md"
GUIDES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(#[^)]*)?\)")


def rows_of_settings() -> Iterator[str]:
    """The lines of the settings table, as they follow from the classes."""
    yield from _rows("every service, `migrate`, `create-databases`", DatabaseSettings, set())
    yield from _rows("every service", Settings, set(DatabaseSettings.model_fields))
    for settings in (LogSettings, TraceSettings, MetricSettings):
        yield from _rows("every process", settings, set())
    yield from _rows("`create-databases`", MasterSettings, set(DatabaseSettings.model_fields))
    for name, service in SERVICES.items():
        yield from _rows(name, service.settings, set(Settings.model_fields))


def _rows(whose: str, settings: type[BaseSettings], known: set[str]) -> Iterator[str]:
    for name, field in settings.model_fields.items():
        if name in known or isinstance(field.validation_alias, AliasChoices):
            continue
        variable = f"{settings.model_config['env_prefix']}{name}".upper()
        meaning = " ".join((field.description or "").split())
        yield f"| `{variable}` | {whose} | {_default(field.default)} | {meaning} |"


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, timedelta):
        return f"`{TypeAdapter(timedelta).dump_python(value, mode='json')}`"
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "`[]`" if not value else f"`{value}`"
    return f"`{value}`" if value != "" else "empty"


@pytest.mark.parametrize("row", sorted(rows_of_settings()))
def test_every_setting_is_in_the_table(row: str) -> None:
    assert row in RUNNING.read_text().splitlines(), f"docs/run-instructions.md should have this line:\n{row}"


def test_the_table_has_no_setting_that_nothing_reads() -> None:
    told = {line for line in RUNNING.read_text().splitlines() if line.startswith("| `BILHETAGEM_")}

    assert told == set(rows_of_settings())


def rows_of_metrics() -> Iterator[str]:
    """The lines of the table of metrics, as they follow from the contract and what it says below each name."""
    module = ast.parse(Path(contracts.metrics.__file__).read_text())
    [names] = [each for each in module.body if isinstance(each, ast.ClassDef) and each.name == "Metric"]
    said = [ast.literal_eval(each.value) for each in names.body[1:] if isinstance(each, ast.Expr)]
    for metric, meaning in zip(Metric, said, strict=True):
        dimensions = ", ".join(DIMENSIONS[metric])
        yield f"| `{metric}` | {dimensions} | {UNITS.get(metric, 'Count')} | {' '.join(meaning.split())} |"


def test_the_table_of_metrics_is_the_contract_s() -> None:
    table = TELEMETRY.read_text().partition("| metric |")[2].partition("\n\n")[0]

    assert table.splitlines()[2:] == list(rows_of_metrics())


def test_every_scenario_of_the_mock_gateway_is_in_the_guide() -> None:
    table = RUNNING.read_text().partition("| token |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == set(SCENARIOS)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(guide: Path) -> None:
    targets = [target for target, _ in LINK.findall(guide.read_text()) if target]

    assert [target for target in targets if not (guide.parent / target).exists()] == []


def anchors(guide: Path) -> set[str]:
    """What GitHub calls a document's headings: lower case, without punctuation, blanks as hyphens."""
    prose = re.sub(r"^```.*?^```", "", guide.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(guide: Path) -> None:
    links = [(guide.parent / target if target else guide, anchor) for target, anchor in LINK.findall(guide.read_text())]
    into_guides = [(target, anchor) for target, anchor in links if anchor and target.suffix == ".md"]

    assert [f"{target.name}{anchor}" for target, anchor in into_guides if anchor[1:] not in anchors(target)] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_guide_names_exists(guide: Path) -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(re.findall(r"^```sh\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL))
    code += "\n".join(re.findall(r"`((?:make|bilhetagem) [^`]+)`", guide.read_text()))

    assert set(re.findall(r"\bbilhetagem ([a-z][a-z-]+)", code)) <= commands
    assert set(re.findall(r"\bmake ([a-z]+)", code)) <= targets
