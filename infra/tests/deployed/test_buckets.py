"""The buckets that CloudFormation makes of the template, on LocalStack. It makes neither lifecycle nor access log."""

import pytest

from infra.tests.conftest import Template
from infra.tests.deployed.cloudformation import Cloud


@pytest.fixture(scope="module")
def bucket(cloud: Cloud, templates: dict[str, Template]) -> str:
    """The bucket of the tickets' PDFs, of prod."""
    template = templates["Bilhetagem-prod-Data"]
    buckets = {key: one for key, one in template["Resources"].items() if one["Type"].startswith("AWS::S3::")}
    cloud.deploy("Buckets", {"Resources": buckets})
    made = cloud.client("cloudformation").describe_stack_resources(StackName="Buckets")["StackResources"]
    (name,) = (
        each["PhysicalResourceId"]
        for each in made
        if each["ResourceType"] == "AWS::S3::Bucket" and each["LogicalResourceId"].startswith("tickets")
    )
    return str(name)


def test_it_is_private_and_encrypted(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")

    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert sorted(access) == ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
    assert all(access.values())
    (ownership,) = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership["ObjectOwnership"] == "BucketOwnerEnforced"
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]


def test_what_was_written_over_can_be_brought_back(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    pdf = {"Bucket": bucket, "Key": "tickets/one.pdf"}
    first = s3.put_object(**pdf, Body=b"before")["VersionId"]
    s3.put_object(**pdf, Body=b"after")

    assert s3.get_object(**pdf)["Body"].read() == b"after"
    assert s3.get_object(**pdf, VersionId=first)["Body"].read() == b"before"
