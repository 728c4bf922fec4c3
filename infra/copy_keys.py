"""Runs in AWS Lambda: copies the keys that the user pool signs with to where the services can read them.

It is put into the template as it is here, so it has 4,096 characters at most (CloudFormation, AWS::Lambda::Function,
ZipFile), and imports nothing but boto3 and what Python has.
"""

import json
import os
import urllib.request
from typing import Any

import boto3

_copied = b""
"""What this process has copied last. Each new one copies once more, which changes nothing."""


def handler(_: Any, __: Any) -> None:
    """Copy what has changed. Raises, and leaves what is there, when the pool does not answer with keys."""
    global _copied
    with urllib.request.urlopen(os.environ["JWKS_URL"], timeout=5) as answer:  # noqa: S310 - the pool's own
        published = answer.read()
    if published == _copied:
        return
    if not json.loads(published)["keys"]:
        raise ValueError("The pool has published no keys.")
    boto3.client("s3").put_object(
        Bucket=os.environ["BUCKET"], Key=os.environ["KEY"], Body=published, ContentType="application/jwk-set+json"
    )
    _copied = published
