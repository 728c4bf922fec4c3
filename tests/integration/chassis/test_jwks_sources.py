"""Keys from where they really are: a file, an object of S3, and a server that speaks TLS."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from typing import Literal
from uuid import uuid4

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from services.chassis.jwks import Away, reading
from tests.issuer import Issuer

REGION: Literal["sa-east-1"] = "sa-east-1"


@pytest.fixture(scope="module")
def jwks() -> bytes:
    return Issuer().jwks()


async def test_a_file(tmp_path: Path, jwks: bytes) -> None:
    file = tmp_path / "the keys.json"
    read = reading(file.as_uri(), None, REGION)

    with pytest.raises(Away, match=r"the%20keys\.json.*FileNotFoundError"):
        await read()
    file.write_bytes(jwks)

    assert await read() == jwks


async def test_an_object_of_s3(localstack_url: str, jwks: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bucket = f"keys-{uuid4().hex}"
    client = boto3.client("s3", endpoint_url=localstack_url, region_name=REGION)
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    read = reading(f"s3://{bucket}/identity/jwks.json", localstack_url, REGION)

    with pytest.raises(Away, match="NoSuchKey"):
        await read()
    client.put_object(Bucket=bucket, Key="identity/jwks.json", Body=jwks)
    client.close()

    assert await read() == jwks
    with pytest.raises(Away, match="NoSuchBucket"):
        await reading(f"s3://{uuid4().hex}/jwks.json", localstack_url, REGION)()


async def test_s3_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    with pytest.raises(Away, match="EndpointConnectionError"):
        await reading("s3://bucket/jwks.json", "http://127.0.0.1:9", REGION)()


class Published(BaseHTTPRequestHandler):
    """An issuer's server: it has the keys under one path, and leads away from another."""

    document: bytes

    def do_GET(self) -> None:
        found = self.path == "/pool/.well-known/jwks.json"
        self.send_response(200 if found else 302 if self.path == "/moved" else 404)
        if self.path == "/moved":
            self.send_header("Location", "/pool/.well-known/jwks.json")
        self.end_headers()
        self.wfile.write(self.document if found else b"")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer_url(tmp_path: Path, jwks: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server whose certificate is trusted."""
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(a_certificate())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    handler = type("Handler", (Published,), {"document": jwks})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.05,)).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def a_certificate() -> bytes:
    """A key, and a certificate of its own making for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=5))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


async def test_a_server(issuer_url: str, jwks: bytes) -> None:
    assert await reading(f"{issuer_url}/pool/.well-known/jwks.json", None, REGION)() == jwks
    with pytest.raises(Away, match="404"):
        await reading(f"{issuer_url}/other/.well-known/jwks.json", None, REGION)()
    with pytest.raises(Away, match="302"):
        await reading(f"{issuer_url}/moved", None, REGION)()


async def test_a_server_that_nobody_vouches_for(issuer_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(Away, match="CERTIFICATE_VERIFY_FAILED"):
        await reading(f"{issuer_url}/pool/.well-known/jwks.json", None, REGION)()


async def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(Away, match="ConnectError"):
        await reading("https://127.0.0.1:9/jwks.json", None, REGION)()
