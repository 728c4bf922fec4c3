from uuid import UUID

import pytest
from pydantic import ValidationError

from contracts.user import UserBody
from services.chassis.kernel import Refused
from services.user.domain import User

ANA = UUID(int=1)


def ana() -> User:
    return User(ANA, 1, "Ana Souza", "ana@example.com")


def erased() -> User:
    return User(ANA, 2, None, None)


def test_a_new_name_is_a_new_version() -> None:
    user = ana()
    assert user.update("Ana Lima", "ana@example.com") is True
    assert user == User(ANA, 2, "Ana Lima", "ana@example.com")


def test_a_new_email_is_a_new_version() -> None:
    user = ana()
    assert user.update("Ana Souza", "souza@example.com") is True
    assert user == User(ANA, 2, "Ana Souza", "souza@example.com")


def test_the_same_again_is_no_new_version() -> None:
    user = ana()
    assert user.update("Ana Souza", "ana@example.com") is False
    assert user == ana()


def test_erasing_leaves_no_personal_data_and_counts_as_a_change() -> None:
    user = ana()
    assert user.erase() is True
    assert user == erased()
    assert user.erased


def test_erasing_twice_changes_nothing() -> None:
    user = erased()
    assert user.erase() is False
    assert user == erased()


def test_an_erased_buyer_does_not_come_back() -> None:
    user = erased()
    assert user.update("Ana Souza", "ana@example.com") == Refused("erased")
    assert user == erased()


@pytest.mark.parametrize("email", ["ana@example.com", "a.b+c@mail.example.com.br", " ana@example.com "])
def test_an_email_is_what_browsers_take_for_one(email: str) -> None:
    assert UserBody(name="Ana", email=email).email == email.strip()


def test_two_emails_that_differ_in_case_are_one() -> None:
    assert UserBody(name="Ana", email="Ana@Example.COM").email == "ana@example.com"


@pytest.mark.parametrize(
    "email",
    ["", "ana", "ana@", "@example.com", "ana@localhost", "a na@example.com", "ana@-x.com", f"{'a' * 250}@x.com"],
)
def test_anything_else_is_none(email: str) -> None:
    with pytest.raises(ValidationError):
        UserBody(name="Ana", email=email)
