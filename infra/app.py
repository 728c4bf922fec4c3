"""The CDK app: ``python -m infra.app`` synthesises every stack and fails on any finding of cdk-nag."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aws_cdk import App, Aspects, DefaultStackSynthesizer, Tags
from aws_cdk import Environment as Place
from aws_cdk.cx_api import CloudAssembly
from cdk_nag import AwsSolutionsChecks

from contracts.choreography import CHOREOGRAPHY, Step
from infra.bootstrap import Bootstrap
from infra.data import Data
from infra.edge import Behind, Edge
from infra.identity import Identity
from infra.keys import KeyCopy
from infra.messaging import Messaging
from infra.network import Network
from infra.observability import Observability
from infra.roles import Roles
from infra.services import Services
from infra.settings import Environment, SettingsError, environments, refuse_examples
from infra.tasks import Tasks

CDK_JSON = Path(__file__).with_name("cdk.json")
OUTPUT = CDK_JSON.parent.parent / "cdk.out"


def build(app: App, table: tuple[Step, ...] = CHOREOGRAPHY) -> None:
    """Put the stacks of every environment of the app's context into it. Raises SettingsError."""
    all_of_them = environments(app.node.try_get_context("environments"))
    for settings in all_of_them:
        build_environment(app, settings, table)
    account = Place(region=all_of_them[0].region)
    Bootstrap(app, app.node.try_get_context("github"), all_of_them, env=account, synthesizer=_without_assets())
    Tags.of(app).add("project", "bilhetagem")
    check(app)


def check(app: App) -> None:
    """Have cdk-nag look at every resource when the app is synthesised; ``findings`` tells what it found."""
    Aspects.of(app).add(AwsSolutionsChecks(verbose=True))


def build_environment(app: App, settings: Environment, table: tuple[Step, ...] = CHOREOGRAPHY) -> None:
    """One environment's stacks, each handed what it needs of the others."""
    common = stack_arguments(settings)
    network = Network(app, settings, **common)
    Messaging(app, settings, table, **common)
    identity = Identity(app, settings, **common)
    roles = Roles(app, settings, table, **common)
    data = Data(app, settings, network, roles, **common)
    keys = KeyCopy(settings, identity, data, roles)
    tasks = Tasks(app, settings, network, data, app.node.try_get_context("image"), **common)
    services = Services(app, settings, network, data, roles, tasks, keys, table, **common)
    Edge(app, settings, identity, None if settings.target else Behind(network, services.balancer), **common)
    Observability(app, settings, services, table, **common)


def stack_arguments(settings: Environment) -> dict[str, Any]:
    """What is the same for all stacks of an environment. The account is the one whose credentials deploy them."""
    return {
        "env": Place(region=settings.region),
        "tags": {"environment": settings.name},
        "termination_protection": settings.deletion_protection,
        "synthesizer": _without_assets(),
    }


def _without_assets() -> DefaultStackSynthesizer:
    # No stack has assets, so none needs what the rule would look for in the account.
    return DefaultStackSynthesizer(generate_bootstrap_version_rule=False)


def findings(assembly: CloudAssembly) -> Iterator[str]:
    """What cdk-nag and the CDK itself have found wrong, a line each: none must be left."""
    for stack in assembly.stacks:
        for message in stack.messages:
            if message.level.value != "info":
                yield f"{message.id}: {message.entry.data}".strip()


def context() -> dict[str, Any]:
    """The context of ``cdk.json``. What the CDK's command line says comes before it."""
    read: dict[str, Any] = json.loads(CDK_JSON.read_text())["context"]
    return read


def templates_go_to(told: str | None) -> Path:
    """The folder that the CDK's command line has told, ``cdk.out`` without one. A relative one is meant from where
    ``cdk.json`` is, as the command line runs there, and has this run elsewhere.
    """
    return (CDK_JSON.parent / told).resolve() if told else OUTPUT


def main() -> None:
    """Synthesise into the folder that the CDK's command line names, ``cdk.out`` without one.

    The command line gets nothing with the examples of ``cdk.json`` in it, which it would deploy. Where a person
    runs this, the templates are listed.
    """
    told = os.environ.get("CDK_OUTDIR")
    app = App(context=context(), analytics_reporting=False, outdir=str(templates_go_to(told)))
    if told:
        refuse_examples(app.node.try_get_context("github"), environments(app.node.try_get_context("environments")))
    build(app)
    assembly = app.synth()
    if not told:
        for stack in assembly.stacks:
            print(stack.template_full_path)
    if found := list(findings(assembly)):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    try:
        main()
    except SettingsError as error:
        sys.exit(str(error))
