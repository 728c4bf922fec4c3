"""CloudFormation, as LocalStack carries it out: for what it really creates (queues, buckets, secrets, REST APIs)."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import WaiterError

REGION = "sa-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
MOST_IN_A_REQUEST = 51_200
"""A longer template comes from a bucket (CloudFormation User Guide, quotas), as the CDK's command line does it."""
TEMPLATES = "templates"
_PATIENCE = {"Delay": 1, "MaxAttempts": 180}


@dataclass(frozen=True)
class Cloud:
    """An AWS that takes any credentials."""

    url: str

    def client(self, service: str) -> Any:
        """A client of one of its services."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def deploy(self, stack: str, template: dict[str, Any]) -> dict[str, str]:
        """Create a stack, or update it to this template. Returns its outputs. Raises AssertionError when it fails."""
        cloudformation = self.client("cloudformation")
        known = {each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]}
        act, done = (
            (cloudformation.update_stack, "stack_update_complete")
            if stack in known
            else (cloudformation.create_stack, "stack_create_complete")
        )
        act(StackName=stack, Capabilities=["CAPABILITY_NAMED_IAM"], **self._given(stack, template))
        try:
            cloudformation.get_waiter(done).wait(StackName=stack, WaiterConfig=_PATIENCE)
        except WaiterError:
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            failed = [each for each in events if each["ResourceStatus"].endswith("FAILED")]
            raise AssertionError(f"{stack}: {[each.get('ResourceStatusReason') for each in failed]}") from None
        (made,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in made.get("Outputs", [])}

    def _given(self, stack: str, template: dict[str, Any]) -> dict[str, str]:
        body = json.dumps(template, separators=(",", ":"))
        if len(body) <= MOST_IN_A_REQUEST:
            return {"TemplateBody": body}
        s3 = self.client("s3")
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=TEMPLATES, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=TEMPLATES, Key=stack, Body=body.encode())
        return {"TemplateURL": f"{self.url}/{TEMPLATES}/{stack}"}
