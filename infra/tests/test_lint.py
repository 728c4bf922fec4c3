"""cfn-lint over every template of both environments."""

from cfnlint.api import lint
from cfnlint.config import ManualArgs

from infra.tests.synthesis import Synthesised

OF_THE_CDK_ITSELF = ["W3005", "W3045"]
"""It writes DependsOn beside a reference that implies it, and access control lists where its own resources need one."""

MEANT = ["W3010", "W6001"]
"""Zones are named: asked for by number, an account decides which they are, and how many. And what a one-off task needs
is told in one place, though other stacks made it.
"""


def findings(template: str, region: str = "sa-east-1") -> list[str]:
    config = ManualArgs(regions=[region], ignore_checks=[*OF_THE_CDK_ITSELF, *MEANT])
    return [
        f"{match.rule.id} {'/'.join(map(str, match.path or []))}: {match.message}"
        for match in lint(template, config=config)
    ]


def test_no_template_has_findings(synthesised: Synthesised) -> None:
    found = {name: findings(file.read_text()) for name, file in synthesised.files.items()}

    assert found == {name: [] for name in synthesised.files}


def test_a_property_that_does_not_exist_is_found() -> None:
    assert findings('{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Nmae": "a"}}}}')
