"""The app as the command line synthesises it: from ``cdk.json``, by the same function."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App

from contracts.choreography import CHOREOGRAPHY, Step
from infra.app import build, context, findings


@dataclass(frozen=True)
class Synthesised:
    """Templates by stack name, the files that they are in, and what cdk-nag found."""

    templates: dict[str, dict[str, Any]]
    files: dict[str, Path]
    findings: list[str]


def synthesise(
    folder: Path, *environments: str, table: tuple[Step, ...] = CHOREOGRAPHY, **settings: Any
) -> Synthesised:
    """Synthesise these environments into the folder, all unless any is named, with some settings as given."""
    of_file = context()
    chosen = {
        name: {**values, **settings}
        for name, values in of_file["environments"].items()
        if not environments or name in environments
    }
    app = App(context={**of_file, "environments": chosen}, analytics_reporting=False, outdir=str(folder))
    build(app, table)
    assembly = app.synth()
    return Synthesised(
        templates={stack.stack_name: stack.template for stack in assembly.stacks},
        files={stack.stack_name: Path(stack.template_full_path) for stack in assembly.stacks},
        findings=list(findings(assembly)),
    )
