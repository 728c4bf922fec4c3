"""An issuer of access tokens: what a user pool of Amazon Cognito signs, made in the test."""

import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://cognito-idp.sa-east-1.amazonaws.com/sa-east-1_pool"


class Issuer:
    """Signs with the last of its keys."""

    def __init__(self) -> None:
        self.keys = [a_key("first")]

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is published still."""
        self.keys.append(a_key(f"after-{self.keys[-1].kid}"))

    def jwks(self) -> bytes:
        """What it publishes."""
        published = [key.as_dict(private=False, use="sig", alg="RS256") for key in self.keys]
        return json.dumps({"keys": published}).encode()

    def token(self, key: RSAKey | None = None, **claims: Any) -> str:
        """A buyer's access token of an hour, with other claims where any are given; None leaves one out."""
        now = int(time.time())
        said = {
            "sub": "4a2f6c5e-0000-4000-8000-000000000000",
            "iss": ISSUER,
            "client_id": "shop",
            "token_use": "access",
            "scope": "bilhetagem/buyer.read bilhetagem/buyer.write",
            "iat": now,
            "exp": now + 3600,
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        key = key or self.keys[-1]
        return jwt.encode({"alg": "RS256", "kid": key.kid}, said, key, default_type=None)


def a_key(key_id: str) -> RSAKey:
    """A pair of keys."""
    return RSAKey.generate_key(2048, {"kid": key_id})
