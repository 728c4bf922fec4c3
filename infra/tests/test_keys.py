"""The copy of the keys that tokens are signed with: what the function does, and who may do what with it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from moto import mock_aws

from contracts.routes import SERVICES
from infra import copy_keys
from infra.keys import CODE, KEY
from infra.tests.conftest import Template
from infra.tests.policies import Rights, rights_of
from infra.tests.test_network import of_type

ENVIRONMENTS = ("dev", "prod")
BUCKET = "kept"


class Pool(BaseHTTPRequestHandler):
    """A user pool's server; it is away where it has nothing to publish."""

    published: bytes | None = None

    def do_GET(self) -> None:
        self.send_response(200 if self.published is not None else 503)
        self.end_headers()
        self.wfile.write(self.published or b"")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Pool]]:
    handler = type("Handler", (Pool,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        monkeypatch.setenv("JWKS_URL", f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json")
        yield handler
        server.shutdown()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("BUCKET", BUCKET)
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setattr(copy_keys, "_copied", b"")
    with mock_aws():
        made = boto3.resource("s3").create_bucket(Bucket=BUCKET)
        boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield made


def jwks(*ids: str) -> bytes:
    return json.dumps({"keys": [{"kty": "RSA", "kid": each} for each in ids]}).encode()


def versions(bucket: Any) -> int:
    return len(list(bucket.object_versions.all()))


def test_keys_are_copied_when_they_have_changed(pool: type[Pool], bucket: Any) -> None:
    for published in (jwks("first"), jwks("first"), jwks("first", "second")):
        pool.published = published
        copy_keys.handler({}, None)
        assert bucket.Object(KEY).get()["Body"].read() == published
    assert versions(bucket) == 2


@pytest.mark.parametrize("published", [None, b"", b"<html>", b"{}", jwks()])
def test_a_pool_that_has_no_keys_to_tell_fails_the_function_and_leaves_the_copy(
    pool: type[Pool], bucket: Any, published: bytes | None
) -> None:
    pool.published = jwks("first")
    copy_keys.handler({}, None)
    pool.published = published

    with pytest.raises((HTTPError, ValueError, KeyError)):
        copy_keys.handler({}, None)

    assert bucket.Object(KEY).get()["Body"].read() == jwks("first")
    assert versions(bucket) == 1


def own(templates: dict[str, Template], environment: str, stack: str) -> Template:
    return templates[f"Bilhetagem-{environment}-{stack}"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_function_is_this_code_and_runs_every_minute(templates: dict[str, Template], environment: str) -> None:
    template = own(templates, environment, "Identity")
    ((name, function),) = of_type(template, "Lambda::Function").items()
    (rule,) = of_type(template, "Events::Rule").values()

    assert function["Code"]["ZipFile"] == CODE.read_text()
    assert len(function["Code"]["ZipFile"]) <= 4096
    assert function["Handler"] == "index.handler"
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert [each["Arn"] for each in rule["Targets"]] == [f"<{name}.Arn>"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_ingress_reads_where_the_function_writes_and_expects_the_pool_s_tokens(
    templates: dict[str, Template], environment: str
) -> None:
    identity = own(templates, environment, "Identity")
    (function,) = of_type(identity, "Lambda::Function").values()
    copied = function["Environment"]["Variables"]
    told = {
        task["Family"].removeprefix(f"bilhetagem-{environment}-"): {
            each["Name"]: each["Value"] for each in task["ContainerDefinitions"][0]["Environment"]
        }
        for task in of_type(own(templates, environment, "Services"), "ECS::TaskDefinition").values()
    }

    for service in SERVICES:
        ingress = told[f"{service}-ingress"]
        assert ingress["BILHETAGEM_JWKS_URL"] == f"s3://{copied['BUCKET']}/{copied['KEY']}"
        # Another stack's value: the pool's id is imported there.
        assert ingress["BILHETAGEM_JWT_ISSUER"].startswith("https://cognito-idp.sa-east-1.amazonaws.com/<Bilhetagem-")
        assert "pool" in ingress["BILHETAGEM_JWT_ISSUER"]
        assert not {"BILHETAGEM_JWKS_URL", "BILHETAGEM_JWT_ISSUER"} & told[f"{service}-worker"].keys()
    assert copied["JWKS_URL"].startswith("https://cognito-idp.sa-east-1.amazonaws.com/<pool")
    assert copied["JWKS_URL"].endswith("/.well-known/jwks.json")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_ingresses_may_read_the_copy_and_only_the_function_may_write_it(
    templates: dict[str, Template], environment: str
) -> None:
    prefix = f"bilhetagem-{environment}-"
    rights = {
        role.removeprefix(prefix): each
        for stack in ("Roles", "Identity", "Tasks")
        for role, each in rights_of(own(templates, environment, stack)).items()
    }
    (copy,) = {resource for each in rights.values() for resource in resources(each) if resource.endswith(f"/{KEY}")}

    def able(action: str, resource: str = copy) -> set[str]:
        return {role for role, each in rights.items() if each.allow(f"s3:{action}", resource)}

    assert able("GetObject") == {f"{service}-ingress" for service in SERVICES}
    assert able("PutObject") == {"keys"}
    assert able("DeleteObject") == set()
    assert "keys" not in able("PutObject", copy.replace(KEY, "tickets/event/ticket/one.pdf"))


def resources(rights: Rights) -> Iterator[str]:
    for statement in rights.statements:
        several = statement["Resource"]
        yield from several if isinstance(several, list) else [several]
