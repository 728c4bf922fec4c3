"""The signed token in a ticket's QR code: minted when a PDF is made, verified at a gate without a network.

    token = "BLT:" + BASE45(payload + signature)                           162 characters of QR's alphanumeric mode

    offset  size  field      meaning
    ------  ----  ---------  -------------------------------------------------------------------------
         0     1  version    1
         1     4  key id     first four bytes of SHA-256 over the raw 32-byte public key
         5    16  ticket     UUID of the issued ticket, big-endian
        21    16  event      UUID of the event, big-endian: a gate refuses another event's tickets
        37     4  revision   version of the event that the PDF shows, unsigned, big-endian
        41    64  signature  Ed25519 (RFC 8032) over bytes 0 to 40

BASE45 is RFC 9285, in its one canonical spelling: a text that decodes to the same bytes but is spelt otherwise is no
token. The alphabet contains the space, so a token is never trimmed but for the line end that a scanner appends.

A valid token says that this system issued the ticket; whether it has been used or voided since, only the ticket service
or the gate's own list says. It holds no personal data.
"""

import struct
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from base45 import b45decode, b45encode
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

PREFIX = "BLT:"
VERSION = 1
_PAYLOAD = struct.Struct(">B4s16s16sI")
_SIGNATURE_SIZE = 64
_KEY_SIZE = 32

PublicKeys = Mapping[bytes, Ed25519PublicKey]


class InvalidToken(Exception):
    """The text is no token of ours; `reason` is `bad_format`, `unknown_version`, `unknown_key` or `bad_signature`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of one issued ticket."""

    ticket_id: UUID
    event_id: UUID
    revision: int


class Signer:
    """Mints tokens with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.key_id = key_id(self.public_key)

    def sign(self, claims: Claims) -> str:
        """The token, always the same for the same claims. `ValueError` for a revision outside 0 to 2^32 - 1."""
        if not 0 <= claims.revision < 2**32:
            raise ValueError(f"a revision has 32 bits, not {claims.revision}")
        payload = _PAYLOAD.pack(VERSION, self.key_id, claims.ticket_id.bytes, claims.event_id.bytes, claims.revision)
        return PREFIX + _encoded(payload + self._key.sign(payload))


def verify(token: str, public_keys: PublicKeys) -> Claims:
    """The claims of a token that one of the keys signed; `InvalidToken` for every other text."""
    raw = _decoded(token.rstrip("\r\n"))
    if raw[:1] != bytes([VERSION]):
        raise InvalidToken("unknown_version")
    if len(raw) != _PAYLOAD.size + _SIGNATURE_SIZE:
        raise InvalidToken("bad_format")
    payload, signature = raw[: _PAYLOAD.size], raw[_PAYLOAD.size :]
    _, signed_by, ticket, event, revision = _PAYLOAD.unpack(payload)
    if signed_by not in public_keys:
        raise InvalidToken("unknown_key")
    try:
        public_keys[signed_by].verify(signature, payload)
    except InvalidSignature:
        raise InvalidToken("bad_signature") from None
    return Claims(UUID(bytes=ticket), UUID(bytes=event), revision)


def _encoded(raw: bytes) -> str:
    encoded: bytes = b45encode(raw)
    return encoded.decode("ascii")


def _decoded(token: str) -> bytes:
    encoded = token.removeprefix(PREFIX)
    if encoded == token or not encoded.isascii():
        raise InvalidToken("bad_format")
    try:
        raw: bytes = b45decode(encoded)
    except ValueError:
        raise InvalidToken("bad_format") from None
    if not raw or _encoded(raw) != encoded:
        raise InvalidToken("bad_format")
    return raw


def key_id(key: Ed25519PublicKey) -> bytes:
    """Four bytes that name a key in a token and, in hexadecimal, as its `kid`."""
    return sha256(key.public_bytes_raw()).digest()[:4]


def key_ring(keys: Iterable[Ed25519PublicKey]) -> dict[bytes, Ed25519PublicKey]:
    """The keys by their ids, as `verify` takes them. `ValueError` when two different keys share an id."""
    ring: dict[bytes, Ed25519PublicKey] = {}
    for key in keys:
        known = ring.setdefault(key_id(key), key)
        if known.public_bytes_raw() != key.public_bytes_raw():
            raise ValueError(f"two keys share the id {key_id(key).hex()}: make a new one")
    return ring


def to_jwks(keys: Iterable[Ed25519PublicKey]) -> dict[str, Any]:
    """The JWK set (RFC 7517, RFC 8037) that GET /tickets/keys serves: the signing key first, then the retired ones."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": identity.hex(),
                "x": urlsafe_b64encode(key.public_bytes_raw()).decode("ascii").rstrip("="),
            }
            for identity, key in key_ring(keys).items()
        ]
    }


def from_jwks(document: Any) -> dict[bytes, Ed25519PublicKey]:
    """The Ed25519 keys of a JWK set by their ids, other kinds skipped (RFC 7517, section 5); `ValueError` if none.

    The id is computed from the key, so a wrong `kid` cannot make one key answer for another.
    """
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError('not a JWK set: an object with a list "keys" is expected')
    ours = [
        key
        for key in document["keys"]
        if isinstance(key, dict) and (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")
    ]
    return key_ring(Ed25519PublicKey.from_public_bytes(_raw_key(str(key.get("x", "")))) for key in ours)


def load_private_key(text: str) -> Ed25519PrivateKey:
    """A private key from PKCS#8 PEM or its 32-byte seed in base64; a `ValueError` says what is wrong, never the key."""
    if not text.lstrip().startswith("-----BEGIN"):
        return Ed25519PrivateKey.from_private_bytes(_raw_key(text))
    try:
        key = load_pem_private_key(text.strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not an unencrypted private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("a private key, but not an Ed25519 one")
    return key


def load_public_key(text: str) -> Ed25519PublicKey:
    """A public key, a retired one for instance, from PEM or from its 32 bytes in base64; `ValueError` otherwise."""
    if not text.lstrip().startswith("-----BEGIN"):
        return Ed25519PublicKey.from_public_bytes(_raw_key(text))
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("a public key, but not an Ed25519 one")
    return key


def _raw_key(text: str) -> bytes:
    """32 bytes from base64, its URL-safe alphabet and a missing padding included."""
    compact = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_SIZE:
        raise ValueError("an Ed25519 key is PEM, or 32 bytes in base64")
    return raw
