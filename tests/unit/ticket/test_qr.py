"""The signed token in a ticket's QR code: what a gate accepts, and what it never does."""

import base64
from uuid import UUID

import pytest
from base45 import b45decode, b45encode
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.ticket.adapters.qr import (
    PREFIX,
    Claims,
    InvalidToken,
    Signer,
    from_jwks,
    key_ring,
    load_private_key,
    load_public_key,
    to_jwks,
    verify,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(KEY)
RING = key_ring([SIGNER.public_key])
CLAIMS = Claims(UUID(int=1), UUID(int=2), revision=3)
TOKEN = SIGNER.sign(CLAIMS)
QR_ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")

claims = st.builds(Claims, st.uuids(), st.uuids(), st.integers(0, 2**32 - 1))


def reason(token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        verify(token, RING)
    return refused.value.reason


def spelt(raw: bytes) -> str:
    return PREFIX + str(b45encode(raw), "ascii")


@given(claims)
def test_a_gate_reads_back_what_was_signed(what: Claims) -> None:
    token = SIGNER.sign(what)

    assert verify(token, RING) == what
    assert len(token) == 162
    assert set(token) <= QR_ALPHANUMERIC


def test_the_layout_is_the_documented_one() -> None:
    raw = b45decode(TOKEN.removeprefix(PREFIX))

    assert raw[0] == 1
    assert raw[1:5] == SIGNER.key_id
    assert (UUID(bytes=raw[5:21]), UUID(bytes=raw[21:37])) == (CLAIMS.ticket_id, CLAIMS.event_id)
    assert int.from_bytes(raw[37:41]) == CLAIMS.revision
    SIGNER.public_key.verify(raw[41:], raw[:41])


@given(st.integers(0, 105 * 8 - 1))
def test_no_token_survives_a_flipped_bit(bit: int) -> None:
    raw = bytearray(b45decode(TOKEN.removeprefix(PREFIX)))
    raw[bit // 8] ^= 1 << bit % 8

    expected = {0: "unknown_version", 1: "unknown_key", 2: "unknown_key", 3: "unknown_key", 4: "unknown_key"}
    assert reason(spelt(bytes(raw))) == expected.get(bit // 8, "bad_signature")


@given(st.integers(0, 161), st.integers(0, 6))
def test_no_token_survives_a_flipped_bit_of_its_text(position: int, bit: int) -> None:
    changed = TOKEN[:position] + chr(ord(TOKEN[position]) ^ 1 << bit) + TOKEN[position + 1 :]
    if not changed.endswith(("\r", "\n")):
        reason(changed)


@given(st.integers(0, 161))
def test_a_truncated_token_is_refused(length: int) -> None:
    reason(TOKEN[:length])


@given(st.one_of(st.text(), st.text().map(PREFIX.__add__), st.binary(max_size=120).map(spelt)))
def test_garbage_is_refused_and_never_breaks_the_gate(text: str) -> None:
    reason(text)


def test_another_keys_signature_is_refused() -> None:
    stranger = Signer(Ed25519PrivateKey.generate())

    assert reason(stranger.sign(CLAIMS)) == "unknown_key"
    with pytest.raises(InvalidToken, match="bad_signature"):
        verify(TOKEN, {SIGNER.key_id: stranger.public_key})


def test_a_longer_token_is_refused() -> None:
    assert reason(spelt(b45decode(TOKEN.removeprefix(PREFIX)) + b"\0")) == "bad_format"


def test_a_scanners_line_end_is_forgiven_and_nothing_else() -> None:
    assert verify(TOKEN + "\r\n", RING) == CLAIMS
    assert reason(" " + TOKEN) == "bad_format"
    assert reason(TOKEN.lower()) == "bad_format"


@pytest.mark.parametrize("revision", [-1, 2**32])
def test_a_revision_out_of_range_is_not_signed(revision: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        SIGNER.sign(Claims(CLAIMS.ticket_id, CLAIMS.event_id, revision))


def test_a_retired_key_still_verifies_through_the_served_set() -> None:
    new = Signer(Ed25519PrivateKey.generate())
    served = to_jwks([new.public_key, SIGNER.public_key])

    assert [key["kid"] for key in served["keys"]] == [new.key_id.hex(), SIGNER.key_id.hex()]
    assert verify(TOKEN, from_jwks(served)) == CLAIMS
    assert verify(new.sign(CLAIMS), from_jwks(served)) == CLAIMS


def test_the_key_set_is_the_one_of_rfc_8037() -> None:
    # RFC 8037, appendix A.2
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    (served,) = to_jwks([load_public_key(x)])["keys"]

    assert served["x"] == x
    assert (served["kty"], served["crv"]) == ("OKP", "Ed25519")


def test_keys_of_other_kinds_in_a_set_are_skipped() -> None:
    served = to_jwks([SIGNER.public_key])
    served["keys"] += [{"kty": "RSA", "n": "AQAB"}, {"kty": "OKP", "crv": "X25519", "x": "AA"}, "nonsense"]

    assert set(from_jwks(served)) == {SIGNER.key_id}


@pytest.mark.parametrize(
    "document", [None, [], {}, {"keys": 1}, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}]
)
def test_a_broken_key_set_is_a_value_error(document: object) -> None:
    with pytest.raises(ValueError, match=r"JWK set|32 bytes"):
        from_jwks(document)


def test_a_private_key_loads_from_pem_and_from_its_seed() -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    seed = base64.b64encode(bytes(range(32))).decode()

    for text in (pem, f"\n{pem}\n", seed, seed.rstrip("="), seed.replace("+", "-").replace("/", "_")):
        assert Signer(load_private_key(text)).key_id == SIGNER.key_id


def test_a_public_key_loads_from_pem_and_from_base64() -> None:
    pem = SIGNER.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    raw = base64.b64encode(SIGNER.public_key.public_bytes_raw()).decode()

    assert key_ring([load_public_key(pem), load_public_key(raw)]).keys() == RING.keys()


@pytest.mark.parametrize(
    "text", ["", "short", "é" * 43, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="PEM"):
        load_private_key(text)
    with pytest.raises(ValueError, match="PEM"):
        load_public_key(text)


def test_a_key_of_another_algorithm_is_a_value_error() -> None:
    key = generate_private_key(SECP256R1())
    with pytest.raises(ValueError, match="not an Ed25519"):
        load_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    with pytest.raises(ValueError, match="not an Ed25519"):
        load_public_key(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
