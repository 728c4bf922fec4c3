"""What moto makes of a template. The rest is asserted on the template itself, and does not count as deployed.

Without a word, it makes no association of a subnet with its route table, and leaves out an instance's security groups,
its IAM login and its protection.
"""

from typing import Any

from infra.tests.deployed.cloudformation import Cloud

NOT_MADE = {"AWS::EC2::SecurityGroupEgress", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"}
"""Of these it makes nothing, or little; buckets are tried on LocalStack."""

NOT_TAKEN = {("AWS::KMS::Key", "Tags"), ("AWS::RDS::DBInstance", "DBParameterGroupName")}
"""Properties that it breaks on."""


def makeable(template: dict[str, Any]) -> dict[str, Any]:
    """The part of a template that moto makes. Of outputs only the network's, which the database needs: it has no answer
    for many others, and a stack with one of these fails.
    """
    network = {key for key, one in template["Resources"].items() if one["Type"].startswith("AWS::EC2::")}
    return {
        **template,
        "Resources": {
            key: {**one, "Properties": _taken(one["Type"], one.get("Properties", {}))}
            for key, one in template["Resources"].items()
            if one["Type"] not in NOT_MADE
        },
        "Outputs": {key: one for key, one in template.get("Outputs", {}).items() if _names(one["Value"]) in network},
    }


def physical_ids(cloud: Cloud, stack: str) -> dict[str, str]:
    """What a stack's resources are called that were made, by their ids in the template."""
    found = cloud.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found if "PhysicalResourceId" in each}


def _names(value: dict[str, Any]) -> str:
    """The resource that a reference is to."""
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


def _taken(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if (kind, name) not in NOT_TAKEN}
