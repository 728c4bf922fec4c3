"""Settings that are missing or wrong are named, as the variables that they are, without what they were."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

import services
from services.chassis.config import DatabaseSettings
from services.operations.cli import app
from services.operations.errors import BadInput
from services.operations.registry import SERVICES
from services.operations.settings import complete, settings_of, variables_of

MALFORMED = " ?"
"""No setting's value: who adds one that takes any text says what it should look like."""


def classes(above: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for each in above.__subclasses__():
        if each.__module__.startswith("services."):
            yield each
        yield from classes(each)


for module in walk_packages(services.__path__, "services."):
    if ".migrations" not in module.name and not module.name.endswith("__main__"):
        import_module(module.name)
CLASSES = sorted(set(classes(BaseSettings)), key=lambda each: (each.__module__, each.__name__))
FIELDS = [(each, name) for each in CLASSES for name in each.model_fields]
VARIABLES = {variable for each in CLASSES for variable in variables_of(each).values()} | {"AWS_DEFAULT_REGION"}


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def complaints(settings: type[BaseSettings]) -> dict[str, str]:
    """What is said of each variable."""
    with pytest.raises(BadInput) as refused:
        complete(settings, "it")
    first, *lines = str(refused.value).splitlines()
    assert first == "The settings of it are not complete:"
    assert MALFORMED not in str(refused.value)
    return dict(line.strip().split(": ", 1) for line in lines)


def test_every_service_s_settings_are_looked_at() -> None:
    assert {service.settings for service in SERVICES.values()} < set(CLASSES)


@pytest.mark.parametrize(("settings", "name"), FIELDS)
def test_a_malformed_value_is_told_with_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], name: str
) -> None:
    variable = variables_of(settings)[name]
    monkeypatch.setenv(variable, MALFORMED)

    said = complaints(settings)[variable]

    meaning = " ".join((settings.model_fields[name].description or "").split())
    assert meaning
    assert said.endswith(f" ({meaning})")
    assert not said.startswith("is not set")


@pytest.mark.parametrize(
    ("settings", "name"), [(each, name) for each, name in FIELDS if each.model_fields[name].is_required()]
)
def test_a_variable_that_is_missing_is_told_with_its_meaning(settings: type[BaseSettings], name: str) -> None:
    meaning = " ".join((settings.model_fields[name].description or "").split())

    assert complaints(settings)[variables_of(settings)[name]] == f"is not set ({meaning})"


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILHETAGEM_HOLD_SECONDS", "soon-ish")

    with pytest.raises(BadInput) as refused:
        settings_of(SERVICES["reservation"])

    said = str(refused.value)
    assert "BILHETAGEM_OPERATORS_SECRET: is not set" in said
    assert "BILHETAGEM_HOLD_SECONDS: Input should be a valid integer" in said
    assert "soon-ish" not in said


@pytest.mark.parametrize("value", ['["not a key"]', '"a text"', "{}", "[1]"])
def test_one_of_several_keys_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BILHETAGEM_TICKETS_RETIRED_KEYS", value)

    assert "BILHETAGEM_TICKETS_RETIRED_KEYS" in complaints(SERVICES["ticket"].settings)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///{service}.db",
        "postgresql+asyncpg://host/{service}",
        "postgresql+asyncpg://{service}@/{service}",
        "postgresql+asyncpg://{service}:word@host/{service}",
    ],
)
def test_iam_is_for_a_login_without_a_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BILHETAGEM_DATABASE_AUTH", "iam")
    monkeypatch.setenv("BILHETAGEM_DATABASE_URL", url)

    assert complaints(DatabaseSettings)["BILHETAGEM_DATABASE_AUTH"].startswith("iam is for a BILHETAGEM_DATABASE_URL")


def test_a_token_is_sent_to_nobody_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILHETAGEM_DATABASE_AUTH", "iam")
    monkeypatch.setenv("BILHETAGEM_DATABASE_URL", "postgresql+asyncpg://{service}@host/{service}")

    assert complaints(DatabaseSettings).keys() == {"BILHETAGEM_DATABASE_CA_FILE"}


def test_a_file_without_authorities_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    monkeypatch.setenv("BILHETAGEM_DATABASE_CA_FILE", str(file))

    assert complaints(DatabaseSettings)["BILHETAGEM_DATABASE_CA_FILE"].startswith("should be a file of certificates")


def test_migrations_need_no_more_than_a_database() -> None:
    assert (
        complete(DatabaseSettings, "`migrate`").database_url_of("order") == "sqlite+aiosqlite:///.bilhetagem/order.db"
    )


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (["serve", "payment", "--port", "0"], "BILHETAGEM_PAYMENT_WEBHOOK_SECRET"),
        (["serve", "payment", "--port", "0"], "BILHETAGEM_LOG_LEVEL"),
        (["serve", "order", "--port", "0"], "BILHETAGEM_TRACES_TO"),
        (["work", "ticket"], "BILHETAGEM_TICKETS_SIGNING_KEY"),
        (["work", "order"], "BILHETAGEM_LOG_FORMAT"),
        (["work", "order"], "BILHETAGEM_METRICS_TO"),
        (["migrate"], "BILHETAGEM_DATABASE_URL"),
        (["create-databases"], "BILHETAGEM_DATABASE_MASTER"),
        (["gateway", "--services", "http://{service}", "--port", "0"], "BILHETAGEM_LOG_LEVEL"),
        (["smoke", "http://127.0.0.1:1"], "BILHETAGEM_ACCESS_TOKEN"),
    ],
)
def test_a_command_that_is_set_up_wrong_says_so_and_ends(
    monkeypatch: pytest.MonkeyPatch, command: list[str], variable: str
) -> None:
    monkeypatch.setenv("BILHETAGEM_OPERATORS_SECRET", "an operators' secret")
    monkeypatch.setenv(variable, MALFORMED)

    ran = CliRunner().invoke(app, command)

    assert ran.exit_code == 2
    assert ran.output.startswith("Error: The settings of ")
    assert f"  {variable}: " in ran.output
    assert (MALFORMED in ran.output, "Traceback" in ran.output) == (False, False)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/jwks.json",
        "https://",
        "https://issuer.example:none/jwks.json",
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "file://etc/jwks.json",
        "file:///",
        "/etc/jwks.json",
        "https://issuer.example\n/",
    ],
)
def test_keys_are_read_from_the_web_s3_or_a_file(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BILHETAGEM_JWKS_URL", url)

    said = complaints(SERVICES["user"].settings)

    assert said["BILHETAGEM_JWKS_URL"].startswith(
        ("should be https://HOST/..., s3://BUCKET/KEY or ", "should be a URL ")
    )
    assert "BILHETAGEM_JWT_ISSUER" not in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [("BILHETAGEM_JWKS_URL", "s3://bucket/jwks.json"), ("BILHETAGEM_JWT_ISSUER", "https://issuer.example/pool")],
)
def test_an_issuer_and_its_keys_go_together(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    said = complaints(SERVICES["user"].settings)["BILHETAGEM_JWT_ISSUER"]

    assert said.startswith("goes with BILHETAGEM_JWKS_URL: both are set, or neither is")
