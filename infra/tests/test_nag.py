"""cdk-nag's AwsSolutions rules, over every stack: what cannot be mended is suppressed where it is, with its reason."""

from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from infra.app import check, findings
from infra.tests.synthesis import Synthesised


def test_nothing_is_found_in_dev_or_prod(synthesised: Synthesised) -> None:
    assert synthesised.findings == []


def test_a_bucket_without_tls_or_access_log_is_found(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    s3.Bucket(Stack(app, "Stack"), "Bucket")
    check(app)

    found = "\n".join(findings(app.synth()))

    assert "AwsSolutions-S10" in found
    assert "AwsSolutions-S1" in found
