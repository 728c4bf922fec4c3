"""A webhook is believed only as it was signed, and only for some minutes."""

import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.chassis.kernel import Refused
from services.payment.ports import SIGNATURE_TOLERANCE, signature, unsigned

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
INVALID, STALE = Refused("invalid_signature"), Refused("stale_signature")

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
bodies = st.binary(max_size=200)
moments = st.integers(946_684_800, 7_226_582_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(secrets, bodies, moments)
def test_what_is_signed_is_believed(secret: str, body: bytes, at: datetime) -> None:
    assert unsigned(signature(secret, body, at), secret, body, at) is None


@given(secrets, bodies, st.data())
def test_one_changed_byte_is_noticed(secret: str, body: bytes, data: st.DataObject) -> None:
    assume(body)
    place = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert unsigned(signature(secret, body, NOW), secret, bytes(changed), NOW) == INVALID


@given(secrets, secrets, bodies)
def test_another_secret_is_noticed(secret: str, other: str, body: bytes) -> None:
    # HMAC pads a key with zeros (RFC 2104, section 2): trailing ones make no other secret.
    assume(secret.rstrip("\0") != other.rstrip("\0"))
    assert unsigned(signature(other, body, NOW), secret, body, NOW) == INVALID


@given(secrets, bodies, st.integers(-10_000, 10_000))
def test_it_is_believed_within_the_tolerance_only(secret: str, body: bytes, seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    expected = None if abs(seconds) <= SIGNATURE_TOLERANCE.total_seconds() else STALE
    assert unsigned(signature(secret, body, at), secret, body, NOW) == expected


@given(secrets, bodies, st.integers(1, 10**12))
def test_a_changed_time_is_noticed(secret: str, body: bytes, shift: int) -> None:
    seconds, _, digest = signature(secret, body, NOW).partition(",")
    later = f"t={int(seconds.removeprefix('t=')) + shift},{digest}"
    assert unsigned(later, secret, body, NOW) == INVALID


@given(st.none() | st.text(max_size=200), secrets, bodies)
def test_no_header_that_is_not_a_signature_is_believed_or_fails(header: str | None, secret: str, body: bytes) -> None:
    assert unsigned(header, secret, body, NOW) == INVALID


@given(secrets, secrets, bodies)
def test_while_secrets_change_one_of_two_signatures_is_enough(secret: str, old: str, body: bytes) -> None:
    header = f"{signature(old, body, NOW)},{signature(secret, body, NOW).partition(',')[2]}"
    assert unsigned(header, secret, body, NOW) is None


@pytest.mark.parametrize("seconds", ["", "12.5", "-1", "1e9", "١٢", "9" * 13, "9" * 400, "9" * 5000])
def test_a_time_that_cannot_be_is_invalid_though_it_was_signed(seconds: str) -> None:
    digest = hmac.new(b"secret", f"{seconds}.body".encode(), "sha256").hexdigest()
    assert unsigned(f"t={seconds},v1={digest}", "secret", b"body", NOW) == INVALID
