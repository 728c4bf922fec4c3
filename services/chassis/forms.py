"""What settings look like that are no plain words. What is wrong is told without repeating it: it may be a secret."""

import json
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import AfterValidator, Field, FilePath, SecretStr, TypeAdapter, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

POSTGRES_URL = "postgresql+asyncpg://{service}@HOST:PORT/{service}"
"""Where each service has a login and a database of its own."""

_HTTP_URL = TypeAdapter(pydantic.HttpUrl)


def _database_url(url: str) -> str:
    try:
        known = make_url(url).drivername in ("postgresql+asyncpg", "sqlite+aiosqlite")
    except ArgumentError:
        known = False
    if not known:
        raise ValueError(f"should be sqlite+aiosqlite:///FOLDER/{{service}}.db or {POSTGRES_URL}")
    return url


def _http_url(url: str) -> str:
    try:
        _HTTP_URL.validate_python(url)
    except ValidationError:
        raise ValueError("should be a URL such as https://HOST:PORT") from None
    return url


def _jwks_url(url: str) -> str:
    if not re.fullmatch(r"https://\S+|s3://[a-z0-9.-]+/\S+|file:///\S+", url):
        raise ValueError("should be https://HOST/..., s3://BUCKET/KEY or file:///FOLDER/FILE")
    return _http_url(url) if url.startswith("https:") else url


def _authorities(file: Path) -> Path:
    try:
        ssl.create_default_context(cafile=file)
    except OSError:  # also for what is no certificate
        raise ValueError("should be a file of certificates in PEM") from None
    return file


def from_json(value: Any) -> Any:
    """What a text says in JSON, and anything else as it is. It needs ``NoDecode`` beside it, not to come too late."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError('should be a JSON list, such as ["..."]') from None


def read_by(read: Callable[[str], object]) -> AfterValidator:
    """For text, or a secret, that ``read`` understands: it raises ValueError with what is wrong."""

    def check[Text: str | SecretStr](text: Text) -> Text:
        read(text.get_secret_value() if isinstance(text, SecretStr) else text)
        return text

    return AfterValidator(check)


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
JwksUrl = Annotated[str, AfterValidator(_jwks_url)]
Authorities = Annotated[FilePath, AfterValidator(_authorities)]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")]

QueuePrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,50}$")]
"""Queues' names have 80 characters at most (SQS Developer Guide), of which ours take half at most."""

Unguessable = Annotated[SecretStr, Field(min_length=16)]
"""A secret that nobody can try out: 16 characters or more."""
