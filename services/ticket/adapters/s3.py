"""Where the PDFs are: one object per ticket and state, in a private bucket, under a key that nobody can guess."""

import hmac
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.response import StreamingBody
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from opentelemetry.trace import SpanKind

from services.chassis.store import Unavailable
from services.chassis.tracing import span
from services.ticket.ports import Sheet

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

PUTS_AT_ONCE = 16
"""Connections to S3 per process; a put takes some milliseconds."""

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class StoredPdf:
    """A stored PDF, opened: either read it to its end by ``chunks``, or ``close`` it."""

    etag: str
    size: int
    _body: StreamingBody

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its bytes, as they come from S3."""
        async with self._body as stream:
            async for chunk in stream.iter_chunks(_CHUNK_BYTES):
                yield chunk

    def close(self) -> None:
        """Leave it unread."""
        self._body.close()


class Archive:
    """The bucket of the tickets' PDFs."""

    def __init__(self, client: "S3Client", bucket: str, secret: bytes) -> None:
        self._client = client
        self._bucket = bucket
        self._secret = secret

    def key(self, sheet: Sheet) -> str:
        """Where a sheet's PDF is kept. Names the versions that it shows, and cannot be guessed without the secret."""
        versions = f"{sheet.event.version}.{sheet.holder.version}"
        mark = hmac.new(self._secret, f"{sheet.id} {versions}".encode(), "sha256").hexdigest()[:32]
        return f"{_folder(sheet)}{mark}-v{versions}.pdf"

    async def put(self, key: str, pdf: bytes) -> None:
        """Store a PDF."""
        with self._asked("PutObject"):
            await self._client.put_object(Bucket=self._bucket, Key=key, Body=pdf, ContentType="application/pdf")

    async def put_over_all(self, sheet: Sheet, pdf: bytes) -> None:
        """Store a PDF in the place of every one that the ticket ever had, so that none shows what it showed."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_folder(sheet))
        async for page in pages:
            for stored in page.get("Contents", []):
                await self.put(stored["Key"], pdf)

    async def open(self, key: str) -> StoredPdf | None:
        """A stored PDF, None where there is none. Raises Unavailable."""
        try:
            with self._asked("GetObject"):
                answer = await self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            return None
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(repr(error)) from error
        return StoredPdf(answer["ETag"], answer["ContentLength"], answer["Body"])

    def _asked(self, operation: str) -> AbstractContextManager[object]:
        """A span, by OpenTelemetry's conventions for S3. Without the key, which nobody shall be able to guess."""
        attributes = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": operation}
        return span(f"S3/{operation}", SpanKind.CLIENT, {**attributes, "aws.s3.bucket": self._bucket})


def _folder(sheet: Sheet) -> str:
    return f"tickets/{sheet.event.id}/{sheet.id}/"


@asynccontextmanager
async def open_archive(bucket: str, secret: bytes, endpoint_url: str | None, region: str) -> AsyncIterator[Archive]:
    """A client for the bucket; credentials come from the environment, as everywhere on AWS."""
    config = AioConfig(
        connect_timeout=5,
        read_timeout=10,
        max_pool_connections=PUTS_AT_ONCE,
        retries={"mode": "standard", "max_attempts": 3},
        # TLS and the signed SHA-256 protect a PDF on its way; a CRC beside them costs CPU only.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # LocalStack's host name has no subdomain for each bucket.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
    )
    async with get_session().create_client(
        "s3", region_name=region, endpoint_url=endpoint_url, config=config
    ) as client:
        yield Archive(client, bucket, secret)
