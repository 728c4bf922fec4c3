"""Keys: when their source is looked at, and what is made of what it says."""

import asyncio
import json
from typing import Any

import pytest

from services.chassis.jwks import LIFETIME_SECONDS, PAUSE_SECONDS, Away, Keys, NoKeys, keys_of
from tests.issuer import Issuer


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


class Source:
    """A source, its clock, and how often it was read. It hangs while ``open`` is not set."""

    def __init__(self, document: bytes) -> None:
        self.document: bytes | None = document
        self.reads = 0
        self.now = 1_000.0
        self.open = asyncio.Event()
        self.open.set()
        self.keys = Keys(self.read, lambda: self.now)

    async def read(self) -> bytes:
        self.reads += 1
        await self.open.wait()
        if self.document is None:
            raise Away("nobody answers")
        return self.document


async def test_keys_are_read_when_one_is_asked_for_and_then_kept(issuer: Issuer) -> None:
    source = Source(issuer.jwks())

    assert source.reads == 0
    for _ in range(3):
        assert (await source.keys.find("first")) is not None
    assert source.reads == 1


async def test_a_new_key_of_the_issuer_is_found_at_once() -> None:
    rotating = Issuer()
    source = Source(rotating.jwks())
    await source.keys.find("first")
    source.now += PAUSE_SECONDS

    rotating.rotate()
    source.document = rotating.jwks()

    assert (await source.keys.find("after-first")) is not None
    assert (await source.keys.find("first")) is not None
    assert source.reads == 2


async def test_keys_that_are_made_up_do_not_have_the_source_read_each_time(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    await source.keys.find("first")

    for number in range(50):
        assert (await source.keys.find(f"made-up-{number}")) is None
    assert source.reads == 1
    source.now += PAUSE_SECONDS
    assert await asyncio.gather(*(source.keys.find(f"made-up-{number}") for number in range(50))) == [None] * 50
    assert source.reads == 2


async def test_requests_that_come_together_share_one_look(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    source.open.clear()
    asking = [asyncio.create_task(source.keys.find("first")) for _ in range(20)]
    await asyncio.sleep(0)

    source.open.set()

    assert all(await asyncio.gather(*asking))
    assert source.reads == 1


async def test_keys_are_looked_at_again_after_their_lifetime_and_nobody_else_waits_for_it(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    await source.keys.find("first")
    source.now += LIFETIME_SECONDS
    source.open.clear()

    looking = asyncio.create_task(source.keys.find("first"))
    await asyncio.sleep(0)
    assert (await source.keys.find("first")) is not None
    source.open.set()

    assert (await looking) is not None
    assert source.reads == 2


async def test_a_key_that_is_withdrawn_is_no_longer_good(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    await source.keys.find("first")

    source.document = Issuer().jwks().replace(b'"first"', b'"second"')
    source.now += LIFETIME_SECONDS

    assert (await source.keys.find("first")) is None


async def test_the_keys_that_were_read_last_are_good_while_the_source_is_away(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    await source.keys.find("first")

    source.document = None
    for _ in range(5):
        source.now += LIFETIME_SECONDS
        assert (await source.keys.find("first")) is not None
        assert (await source.keys.find("other")) is None
    assert source.reads == 6, "a look for each lifetime, and none more within the pause after it"


async def test_without_any_key_nobody_can_say_whether_a_token_is_good(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    source.document = None

    for _ in range(3):
        with pytest.raises(NoKeys):
            await source.keys.find("first")
    assert source.reads == 1

    source.document = issuer.jwks()
    source.now += PAUSE_SECONDS
    assert (await source.keys.find("first")) is not None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{}",
        b'{"keys": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_jwk_set_is_told_as_that(document: bytes) -> None:
    with pytest.raises(Away, match="no JWK set"):
        keys_of(document)


@pytest.mark.parametrize(
    "change",
    [{"kty": "EC"}, {"use": "enc"}, {"alg": "RS512"}, {"kid": None}, {"n": None}, {"n": "!"}, {"n": "AQAB"}, {"e": 3}],
)
def test_keys_that_verify_no_token_are_skipped(issuer: Issuer, change: dict[str, Any]) -> None:
    (good,) = json.loads(issuer.jwks())["keys"]
    other = {**good, "kid": "other", **change}

    assert keys_of(json.dumps({"keys": ["none", {}, other, good]}).encode()).keys() == {"first"}
    with pytest.raises(Away, match="no RSA key with an id"):
        keys_of(json.dumps({"keys": [other]}).encode())


def test_a_private_key_that_somebody_published_is_not_kept(issuer: Issuer) -> None:
    published = json.dumps({"keys": [issuer.keys[0].as_dict(private=True)]}).encode()

    assert not keys_of(published)["first"].is_private
