"""The REST API deployed to LocalStack: again and again, in front of another target, at the same URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
import httpx
import pytest

from localstack.front_door import API, STAGE, deploy, url_of
from localstack.provision import REGION


@contextmanager
def a_target(name: str) -> Iterator[str]:
    """A server that answers with its name and what it was asked; its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{name} {self.path} {self.headers['X-Forwarded-Prefix']}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def any_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_it_may_be_deployed_again_and_leads_where_it_was_told_last(localstack_url: str) -> None:
    prefix = f"/_aws/execute-api/{API}/{STAGE}"
    with a_target("first") as first, a_target("second") as second:
        for name, target in (("first", first), ("second", second)):
            url = deploy(localstack_url, target, REGION)

            assert url == url_of(localstack_url) == f"{localstack_url}{prefix}"
            answer = httpx.get(f"{url}/orders/a%20b/?c=1&c=2", headers={"X-Forwarded-Prefix": "/mine"})
            assert answer.text == f"{name} /orders/a%20b?c=1&c=2 {prefix}"

    gateway = boto3.client("apigateway", endpoint_url=localstack_url, region_name=REGION)
    assert [api["name"] for api in gateway.get_rest_apis()["items"]] == [API]
    assert [stage["stageName"] for stage in gateway.get_stages(restApiId=API)["item"]] == [STAGE]


def test_it_says_itself_what_it_does_not_know(localstack_url: str) -> None:
    url = deploy(localstack_url, "127.0.0.1:9", REGION)

    answer = httpx.post(f"{url}/nowhere/at/all", json={})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["instance"] == f"/{STAGE}/nowhere/at/all"
