"""cdk-nag's AwsSolutions rules, over every stack: what cannot be mended is suppressed where it is, with its reason."""

from collections.abc import Iterator
from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from infra.app import check, findings
from infra.tests.conftest import Template
from infra.tests.synthesis import Synthesised

SUPPRESSED = {
    "APIG2": "requests are validated by the services",
    "COG2": "a second factor is offered, and asked of nobody",
    "COG8": "threat protection is priced by the user",
    "ECS2": "what is no secret is told in variables",
    "IAM5": "ids that AWS makes up, and actions without a resource",
    "SMG4": "someone outside has the other half",
}
IN_DEV_ALSO = {"RDS3": "no standby"}


def suppressed(template: Template) -> Iterator[tuple[str, str]]:
    """The rules, without their pack's name, that anything in a template is let off, each with the reason."""
    for resource in template["Resources"].values():
        for each in resource.get("Metadata", {}).get("cdk_nag", {}).get("rules_to_suppress", []):
            yield each["id"].removeprefix("AwsSolutions-"), each["reason"]


def test_nothing_is_found_in_dev_or_prod(synthesised: Synthesised) -> None:
    assert synthesised.findings == []


def test_few_rules_are_suppressed_and_each_with_a_reason(templates: dict[str, Template]) -> None:
    found = {name: set(suppressed(template)) for name, template in templates.items()}

    everywhere = {rule for name, rules in found.items() if "-dev-" not in name for rule, _ in rules}
    assert everywhere == SUPPRESSED.keys()
    assert {rule for rules in found.values() for rule, _ in rules} == {*SUPPRESSED, *IN_DEV_ALSO}
    assert all(len(reason.split()) > 5 for rules in found.values() for _, reason in rules)


def test_a_bucket_without_tls_or_access_log_is_found(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    s3.Bucket(Stack(app, "Stack"), "Bucket")
    check(app)

    found = "\n".join(findings(app.synth()))

    assert "AwsSolutions-S10" in found
    assert "AwsSolutions-S1" in found
