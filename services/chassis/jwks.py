"""The public keys of whoever signs access tokens: a JWK set (RFC 7517), read from where a setting says, kept for a
while, and read again when a token names a key that is not in it.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

LIFETIME_SECONDS = 3600
"""How long keys are taken for granted: a withdrawn one is believed for so long, if no other one is asked for before."""

PAUSE_SECONDS = 10
"""From one look at the source to the next, whatever comes: a token costs nothing to whoever makes its key id up."""

_SOURCE_SECONDS = 5
_ALGORITHM = "RS256"

log = structlog.get_logger()

type Read = Callable[[], Awaitable[bytes]]
"""Reads the JWK set. Raises Away."""


class Away(Exception):
    """The source does not answer, or not with a JWK set of use; the text says why."""


class NoKeys(Exception):
    """No keys could be read so far: nobody can say whether a token is good."""


class Keys:
    """Keys by their ids. One look at the source is under way at most, and those that were read last stay good while the
    source is away.
    """

    def __init__(self, read: Read, now: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._now = now
        self._looking = asyncio.Lock()
        self._keys: Mapping[str, RSAKey] = {}
        self._stale_from = self._quiet_until = float("-inf")

    async def find(self, key_id: str) -> RSAKey | None:
        """The key of this id, None where the source has none. Raises NoKeys."""
        known = self._keys.get(key_id)
        # While somebody looks whether it is still there, nobody else has to wait.
        if known and (self._looking.locked() or self._now() < self._stale_from):
            return known
        async with self._looking:
            if self._is_look_due(key_id):
                await self._look()
        if not self._keys:
            raise NoKeys
        return self._keys.get(key_id)

    def _is_look_due(self, key_id: str) -> bool:
        now = self._now()
        return now >= self._quiet_until and (key_id not in self._keys or now >= self._stale_from)

    async def _look(self) -> None:
        self._quiet_until = self._now() + PAUSE_SECONDS
        try:
            self._keys = keys_of(await self._read())
        except Away as away:
            log.warning("keys_not_read", error=str(away), kept=sorted(self._keys))
        else:
            self._stale_from = self._now() + LIFETIME_SECONDS
            log.info("keys_read", ids=sorted(self._keys))


def keys_of(document: bytes) -> dict[str, RSAKey]:
    """The keys of a JWK set that verify RS256, by their ids; others are skipped (RFC 7517, section 5).

    Raises Away, with what is wrong.
    """
    try:
        published = list(json.loads(document)["keys"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Away(f'It is no JWK set, an object with a list "keys": {error!r}') from error
    found = dict(_usable(published))
    if not found:
        raise Away(f"The JWK set has no RSA key with an id for {_ALGORITHM}.")
    return found


def _usable(published: Iterable[Any]) -> Iterator[tuple[str, RSAKey]]:
    for jwk in published:
        # joserfc and cryptography tell what is wrong with a key in their own ways.
        with suppress(JoseError, ValueError, LookupError, TypeError, AttributeError):
            suits = (jwk["kty"], jwk.get("use", "sig"), jwk.get("alg", _ALGORITHM)) == ("RSA", "sig", _ALGORITHM)
            if suits and isinstance(jwk["kid"], str):
                # Nothing but the public key, even if somebody has published more.
                yield jwk["kid"], RSAKey.import_key({name: jwk[name] for name in ("kty", "n", "e")})


def reading(url: str, endpoint_url: str | None, region: str) -> Read:
    """How to read an ``https:``, ``file:`` or ``s3:`` URL; the latter where ``endpoint_url`` is, or in AWS's region."""
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return partial(_from_file, url)
    return partial(_from_s3, url, endpoint_url, region) if scheme == "s3" else partial(_from_web, url)


async def _from_file(url: str) -> bytes:
    try:
        return await asyncio.to_thread(Path(url2pathname(urlsplit(url).path)).read_bytes)
    except OSError as error:
        raise Away(f"{url}: {error!r}") from error


async def _from_web(url: str) -> bytes:
    try:
        async with httpx.AsyncClient(timeout=_SOURCE_SECONDS) as client:
            return (await client.get(url)).raise_for_status().content
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Away(f"{url}: {error!r}") from error


async def _from_s3(url: str, endpoint_url: str | None, region: str) -> bytes:
    place = urlsplit(url)
    config = AioConfig(
        connect_timeout=_SOURCE_SECONDS,
        read_timeout=_SOURCE_SECONDS,
        retries={"mode": "standard", "max_attempts": 2},
        # LocalStack's host name has no subdomain for each bucket.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
    )
    try:
        # Once an hour: a client that stayed open would be one more thing to close.
        async with get_session().create_client(
            "s3", region_name=region, endpoint_url=endpoint_url, config=config
        ) as client:
            answer = await client.get_object(Bucket=place.netloc, Key=place.path.removeprefix("/"))
            return await answer["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise Away(f"{url}: {error!r}") from error
