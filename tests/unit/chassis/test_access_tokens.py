"""Which access tokens are good: those that one issuer signed, and that say what they must."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.errors import ExpiredTokenError

from services.chassis.access_tokens import AccessTokens, NotGood
from services.chassis.jwks import Keys
from tests.issuer import ISSUER, Issuer, a_key


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(issuer: Issuer) -> AccessTokens:
    async def read() -> bytes:
        return issuer.jwks()

    return AccessTokens(ISSUER, Keys(read), lambda: datetime.now(UTC))


async def test_a_token_of_the_issuer_is_good_and_its_claims_are_told(issuer: Issuer, tokens: AccessTokens) -> None:
    claims = await tokens.verify(issuer.token())

    assert claims["client_id"] == "shop"
    assert claims["scope"] == "bilhetagem/buyer.read bilhetagem/buyer.write"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://cognito-idp.sa-east-1.amazonaws.com/sa-east-1_other"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"iss": None}, "iss"),
        ({"token_use": "id"}, "token_use"),
        ({"token_use": None}, "token_use"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"nbf": time.time() + 3600}, "not yet valid"),
    ],
)
async def test_a_token_that_says_something_else_is_not_good(
    issuer: Issuer, tokens: AccessTokens, claims: dict[str, Any], why: str
) -> None:
    with pytest.raises(NotGood, match=why):
        await tokens.verify(issuer.token(**claims))


async def test_a_token_is_good_until_it_expires_by_clocks_that_differ_a_little(
    issuer: Issuer, tokens: AccessTokens
) -> None:
    await tokens.verify(issuer.token(exp=int(time.time()) - 10, nbf=int(time.time()) + 10))

    with pytest.raises(ExpiredTokenError):
        await tokens.verify(issuer.token(exp=int(time.time()) - 60))


async def test_nobody_else_can_sign(issuer: Issuer, tokens: AccessTokens) -> None:
    with pytest.raises(NotGood, match="bad_signature"):
        await tokens.verify(issuer.token(key=a_key("first")))
    with pytest.raises(NotGood, match="names a key that the issuer does not have"):
        await tokens.verify(issuer.token(key=a_key("ours")))


async def test_a_token_that_was_changed_is_not_good(issuer: Issuer, tokens: AccessTokens) -> None:
    header, payload, signature = issuer.token().split(".")
    changed = {**json.loads(_decoded(payload)), "scope": "bilhetagem/operator.write"}

    with pytest.raises(NotGood, match="bad_signature"):
        await tokens.verify(f"{header}.{_encoded(changed)}.{signature}")


async def test_the_public_key_is_no_shared_secret(issuer: Issuer, tokens: AccessTokens) -> None:
    """The confusion of RS256 with HS256 (RFC 8725, section 2.1)."""
    _, payload, _ = issuer.token().split(".")
    signed = f"{_encoded({'alg': 'HS256', 'kid': 'first'})}.{payload}"
    signature = hmac.digest(issuer.keys[0].as_pem(private=False), signed.encode(), "sha256")

    with pytest.raises(NotGood, match="not signed with RS256"):
        await tokens.verify(f"{signed}.{_b64(signature)}")


@pytest.mark.parametrize("algorithm", ["none", "None", "RS384", "PS256", "", 256, ["RS256"], None])
async def test_another_algorithm_is_no_signature(issuer: Issuer, tokens: AccessTokens, algorithm: object) -> None:
    _, payload, signature = issuer.token().split(".")

    for end in (signature, ""):
        with pytest.raises(NotGood):
            await tokens.verify(f"{_encoded({'alg': algorithm, 'kid': 'first'})}.{payload}.{end}")


async def test_a_token_that_names_no_key_is_not_good(issuer: Issuer, tokens: AccessTokens) -> None:
    _, payload, signature = issuer.token().split(".")

    with pytest.raises(NotGood, match="a key that it names"):
        await tokens.verify(f"{_encoded({'alg': 'RS256'})}.{payload}.{signature}")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)
_header = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku"]), _json | st.just("RS256"))


@given(header=_header | _json, payload=_json, signature=st.text(max_size=9))
async def test_whatever_is_made_up_is_not_good(header: object, payload: object, signature: str) -> None:
    async def read() -> bytes:
        return _KNOWN.jwks()

    tokens = AccessTokens(ISSUER, Keys(read), lambda: datetime.now(UTC))
    with pytest.raises(NotGood):
        await tokens.verify(f"{_encoded(header)}.{_encoded(payload)}.{signature}")


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a.b.c", "é.é.é", "\ud800", "[" * 9_000, "e30.e30.e30"])
async def test_a_text_that_is_no_token_is_not_good(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(NotGood):
        await tokens.verify(text)


async def test_a_header_that_is_nested_deeply_is_not_good(tokens: AccessTokens) -> None:
    with pytest.raises(NotGood):
        await tokens.verify(f"{_b64(b'[' * 300)}.e30.e30")


_KNOWN = Issuer()


def _encoded(part: object) -> str:
    return _b64(json.dumps(part).encode())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
