"""Identity and Edge without the rest: before them, a balancer that nothing stands behind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_elasticloadbalancingv2 as elb

from infra.app import check, context, findings, stack_arguments
from infra.edge import Behind, Edge
from infra.identity import Identity
from infra.network import Network
from infra.settings import environments
from infra.tests.synthesis import Synthesised

STAND_IN = "Balancer"


def front(folder: Path, chosen: Mapping[str, Mapping[str, Any]]) -> Synthesised:
    """The environments that are given, in front of what their settings say."""
    app = App(context=context(), analytics_reporting=False, outdir=str(folder))
    for settings in environments(chosen):
        common = stack_arguments(settings)
        identity = Identity(app, settings, **common)
        if settings.target:
            Edge(app, settings, identity, None, **common)
            continue
        network = Network(app, settings, **common)
        balancer = elb.ApplicationLoadBalancer(
            Stack(app, settings.stack(STAND_IN), **common),
            "balancer",
            vpc=network.vpc,
            vpc_subnets=network.door_subnets,
            security_group=network.balancer_group,
        )
        Edge(app, settings, identity, Behind(network, balancer), **common)
    check(app)
    assembly = app.synth()
    ours = [stack for stack in assembly.stacks if not stack.stack_name.endswith(STAND_IN)]
    return Synthesised(
        templates={stack.stack_name: stack.template for stack in ours},
        files={stack.stack_name: Path(stack.template_full_path) for stack in ours},
        findings=[found for found in findings(assembly) if STAND_IN not in found],
    )


def settings_of(name: str, **changes: Any) -> dict[str, Any]:
    """An environment's settings of ``cdk.json``, with some of them as given."""
    return {**context()["environments"][name], **changes}
