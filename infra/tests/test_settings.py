"""A context that is wrong is refused, and told so that one can mend it."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack

from contracts.routes import SERVICES
from infra.app import CDK_JSON, OUTPUT, context, main, templates_go_to
from infra.settings import SettingsError, environments, refuse_examples

NOBODY = {"github": "-your-organisation-/bilhetagem", "alarm_email": "on-call@bilhetagem.example"}
SOMEBODY = {"github": "octo-org/bilhetagem", "alarm_email": "on-call@octo-org.com"}
"""What ``cdk.json`` has as long as it is nobody's, and what it may have then."""


def prod(**changes: Any) -> dict[str, Any]:
    return {"prod": {**context()["environments"]["prod"], **changes}}


def of(somebody: dict[str, str]) -> dict[str, Any]:
    """The context of one who has filled it in like that."""
    return {"github": somebody["github"], "environments": prod(alarm_email=somebody["alarm_email"])}


def test_the_file_has_dev_and_prod() -> None:
    assert [each.name for each in environments(context()["environments"])] == ["dev", "prod"]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_zones_are_of_the_region(name: str) -> None:
    (settings,) = (each for each in environments(context()["environments"]) if each.name == name)

    assert all(zone.startswith(settings.region) for zone in settings.zones)


def test_the_longest_name_makes_no_target_group_s_name_too_long() -> None:
    (longest,) = environments({"rehearsal": context()["environments"]["prod"]})

    assert max(len(f"{longest.prefix}{service}") for service in SERVICES) == 32


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (None, "no `environments`"),
        ({}, "no `environments`"),
        ({"prod": "large"}, "environments.prod is no object of settings"),
        (prod(region="São Paulo"), "environments.prod in the CDK's context: region: String should match pattern"),
        (prod(zones=[]), "zones: Tuple should have at least 1 item"),
        (prod(zonas=["a"]), "zonas: Unexpected keyword argument"),
        (prod(restored={"resource_id": "db-1A"}), "restored.master_secret: Field required"),
        ({"Prod!": context()["environments"]["prod"]}, "environments.Prod! in the CDK's context: name: String should"),
        ({"rehearsals": context()["environments"]["prod"]}, "environments.rehearsals in the CDK's context: name: "),
    ],
)
def test_what_is_wrong_is_named(wrong: Any, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        environments(wrong)

    assert told in str(refused.value)


def test_examples_are_not_deployed() -> None:
    examples = of(NOBODY)

    with pytest.raises(SettingsError, match=r"as github, environments\.prod\.alarm_email: put your own there"):
        refuse_examples(examples["github"], environments(examples["environments"]))


def test_what_is_somebody_s_is_deployed() -> None:
    filled_in = of(SOMEBODY)

    refuse_examples(filled_in["github"], environments(filled_in["environments"]))


def test_templates_are_where_the_cdk_s_command_line_looks_for_them(tmp_path: Path) -> None:
    # It reads `output` from where `cdk.json` is, and hands it on as it stands there.
    output = json.loads(CDK_JSON.read_text())["output"]

    assert templates_go_to(output) == (CDK_JSON.parent / output).resolve() == OUTPUT.resolve()
    assert templates_go_to(str(tmp_path)) == tmp_path.resolve()
    assert templates_go_to(None) == OUTPUT


@pytest.mark.parametrize("by_command_line", [True, False])
def test_templates_are_listed_for_a_person_and_not_in_what_the_cdk_s_command_line_prints(
    by_command_line: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infra.app.context", lambda: of(SOMEBODY))
    monkeypatch.setattr("infra.app.build", lambda app: Stack(app, "Bilhetagem-one"))
    monkeypatch.setattr("infra.app.OUTPUT", tmp_path)
    monkeypatch.delenv("CDK_OUTDIR", raising=False)
    if by_command_line:
        monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))

    main()

    made = tmp_path / "Bilhetagem-one.template.json"
    assert made.exists()
    assert capsys.readouterr().out == ("" if by_command_line else f"{made}\n")


def test_the_cdk_s_command_line_gets_no_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Where it wants the templates (CDK Developer Guide: it starts the app with this variable).
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setattr("infra.app.context", lambda: of(NOBODY))

    with pytest.raises(SettingsError, match="still has its examples"):
        main()
