"""cfn-lint over every template of both environments."""

from functools import cache

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

from infra.tests.synthesis import Synthesised

OF_THE_CDK_ITSELF = ["W3005", "W3045"]
"""It writes DependsOn beside a reference that implies it, and access control lists where its own resources need one."""

MEANT = ["W3010", "W6001"]
"""Zones are named: asked for by number, an account decides which they are, and how many. And what a one-off task needs
is told in one place, though other stacks made it.
"""


@cache
def linter() -> Runner:
    """With its rules, which take a second to load: too long for each template."""
    return Runner(ConfigMixIn(regions=["sa-east-1"], ignore_checks=[*OF_THE_CDK_ITSELF, *MEANT]))


def findings(template: str) -> list[str]:
    read, unreadable = decode_str(template)
    found = [*unreadable, *linter().validate_template(read)]
    return [f"{match.rule.id} {'/'.join(map(str, match.path or []))}: {match.message}" for match in found]


def test_no_template_has_findings(synthesised: Synthesised) -> None:
    found = {name: findings(file.read_text()) for name, file in synthesised.files.items()}

    assert found == {name: [] for name in synthesised.files}


def test_a_property_that_does_not_exist_is_found() -> None:
    assert findings('{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Nmae": "a"}}}}')
