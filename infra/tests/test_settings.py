"""A context that is wrong is refused, and told so that one can mend it."""

from pathlib import Path
from typing import Any

import pytest

from infra.app import context, main
from infra.settings import SettingsError, environments, refuse_examples


def prod(**changes: Any) -> dict[str, Any]:
    return {"prod": {**context()["environments"]["prod"], **changes}}


def test_the_file_has_dev_and_prod() -> None:
    assert [each.name for each in environments(context()["environments"])] == ["dev", "prod"]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_zones_are_of_the_region(name: str) -> None:
    (settings,) = (each for each in environments(context()["environments"]) if each.name == name)

    assert all(zone.startswith(settings.region) for zone in settings.zones)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (None, "no `environments`"),
        ({}, "no `environments`"),
        ({"prod": "large"}, "environments.prod is no object of settings"),
        (prod(region="São Paulo"), "environments.prod in the CDK's context: region: String should match pattern"),
        (prod(zones=[]), "zones: Tuple should have at least 1 item"),
        (prod(zonas=["a"]), "zonas: Unexpected keyword argument"),
        ({"Prod!": context()["environments"]["prod"]}, "environments.Prod! in the CDK's context: name: String should"),
    ],
)
def test_what_is_wrong_is_named(wrong: Any, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        environments(wrong)

    assert told in str(refused.value)


def test_examples_are_not_deployed() -> None:
    with pytest.raises(
        SettingsError, match=r"as github, environments\.dev\.alarm_email, environments\.prod\.alarm_email"
    ):
        refuse_examples(context()["github"], environments(context()["environments"]))


def test_what_is_somebody_s_is_deployed() -> None:
    refuse_examples("octo-org/bilhetagem", environments(prod(alarm_email="on-call@octo-org.com")))


def test_the_cdk_s_command_line_gets_no_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Where it wants the templates (CDK Developer Guide: it starts the app with this variable).
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))

    with pytest.raises(SettingsError, match="still has its examples"):
        main()
