"""``python -m infra.smoke dev``: one purchase at a deployed environment, as the partner's app that is there for it.

Which API, and as whom, the stacks' outputs say. The purchase itself is ``bilhetagem smoke``.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

IDENTITY_OUTPUTS = ("UserPool", "PartnerSmoke", "TokenUrl")
EDGE_OUTPUTS = ("Url",)


def outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """What a deployed stack tells. Raises botocore's errors."""
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def access_token(identity: dict[str, str]) -> str:
    """A token of the app itself (RFC 6749, section 4.4). Raises botocore's errors and httpx.HTTPError."""
    app = boto3.client("cognito-idp").describe_user_pool_client(
        UserPoolId=identity["UserPool"], ClientId=identity["PartnerSmoke"]
    )["UserPoolClient"]
    answer = httpx.post(
        identity["TokenUrl"],
        auth=(app["ClientId"], app["ClientSecret"]),
        data={"grant_type": "client_credentials"},
        timeout=30,  # as long as any request to API Gateway may take: a token takes a second, and a step must end
    )
    token: str = answer.raise_for_status().json()["access_token"]
    return token


def main(environment: str) -> int:
    """Buy, give back, and return the command's exit code."""
    cloudformation = boto3.client("cloudformation")
    identity = outputs(cloudformation, f"Bilhetagem-{environment}-Identity")
    edge = outputs(cloudformation, f"Bilhetagem-{environment}-Edge")
    bilhetagem = Path(sys.executable).with_name("bilhetagem")
    return subprocess.run(  # noqa: S603 - our own command, told a URL of our own stack
        [bilhetagem, "smoke", edge["Url"]],
        env=os.environ | {"BILHETAGEM_ACCESS_TOKEN": access_token(identity)},
        check=False,
    ).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]) if len(sys.argv) == 2 else "Usage: python -m infra.smoke ENVIRONMENT")
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        sys.exit(f"The purchase could not begin: {error}")
