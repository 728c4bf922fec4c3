"""Accounts, sign-in and apps, as the templates say: LocalStack makes none of it, and moto less than half."""

from pathlib import Path
from typing import Any

import pytest

from infra.access import Scope
from infra.tests.conftest import Template
from infra.tests.front import front, settings_of
from infra.tests.intrinsics import resolved

ENVIRONMENTS = ["dev", "prod"]


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    resources = template["Resources"]
    return [
        resolved(one["Properties"], resources) for one in resources.values() if one["Type"] == f"AWS::Cognito::{kind}"
    ]


def client(template: Template, name: str) -> dict[str, Any]:
    (found,) = (each for each in of_type(template, "UserPoolClient") if each["ClientName"] == name)
    return found


def scopes(one: dict[str, Any]) -> set[str]:
    """Of the API's own, without the resource server's name."""
    return {each.partition("/")[2] for each in one["AllowedOAuthScopes"] if "/" in each}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_anybody_may_sign_up_with_an_address_that_is_theirs(templates: dict[str, Template], environment: str) -> None:
    (pool,) = of_type(templates[f"Bilhetagem-{environment}-Identity"], "UserPool")

    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": False}
    assert pool["UsernameAttributes"] == pool["AutoVerifiedAttributes"] == ["email"]
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert [(each["Name"], each["Required"]) for each in pool["Schema"]] == [("email", True)]
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_password_is_strong_and_a_second_factor_is_no_telephone(
    templates: dict[str, Template], environment: str
) -> None:
    (pool,) = of_type(templates[f"Bilhetagem-{environment}-Identity"], "UserPool")

    policy = pool["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] == 12
    assert all(policy[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])
    assert "SmsConfiguration" not in pool


@pytest.mark.parametrize(("environment", "kept"), [("dev", False), ("prod", True)])
def test_accounts_are_not_deleted_by_mistake_where_they_are_buyers(
    templates: dict[str, Template], environment: str, kept: bool
) -> None:
    resources = templates[f"Bilhetagem-{environment}-Identity"]["Resources"].values()
    (pool,) = (one for one in resources if one["Type"] == "AWS::Cognito::UserPool")

    assert pool["Properties"].get("DeletionProtection") == ("ACTIVE" if kept else "INACTIVE")
    assert pool["DeletionPolicy"] == ("Retain" if kept else "Delete")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_there_are_three_groups_and_every_scope_says_what_it_is_for(
    templates: dict[str, Template], environment: str
) -> None:
    template = templates[f"Bilhetagem-{environment}-Identity"]
    (server,) = of_type(template, "UserPoolResourceServer")

    assert {each["GroupName"] for each in of_type(template, "UserPoolGroup")} == {"buyer", "organiser", "operator"}
    assert server["Identifier"] == "bilhetagem"
    assert {each["ScopeName"] for each in server["Scopes"]} == {each.value for each in Scope}
    assert all(len(each["ScopeDescription"]) > 10 for each in server["Scopes"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_shop_has_no_secret_no_implicit_grant_and_takes_no_password(
    templates: dict[str, Template], environment: str
) -> None:
    shop = client(templates[f"Bilhetagem-{environment}-Identity"], "shop")

    assert shop["GenerateSecret"] is False
    assert shop["AllowedOAuthFlows"] == ["code"]
    assert shop["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
    assert shop["RefreshTokenRotation"]["Feature"] == "ENABLED"
    assert (shop["AccessTokenValidity"], shop["TokenValidityUnits"]["AccessToken"]) == (60, "minutes")
    assert shop["PreventUserExistenceErrors"] == "ENABLED"


def test_codes_of_buyers_are_sent_to_no_machine_of_a_developer(templates: dict[str, Template]) -> None:
    shop = client(templates["Bilhetagem-prod-Identity"], "shop")

    assert all(url.startswith("https://") for url in shop["CallbackURLs"] + shop["LogoutURLs"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_who_signs_up_by_themselves_gets_a_buyers_scopes_and_no_others(
    templates: dict[str, Template], environment: str
) -> None:
    people_s = [
        each
        for each in of_type(templates[f"Bilhetagem-{environment}-Identity"], "UserPoolClient")
        if each["AllowedOAuthFlows"] != ["client_credentials"]
    ]

    assert [scopes(each) for each in people_s] == [{"buyer.read", "buyer.write"}]


def test_letters_of_a_sale_are_sent_by_ses(tmp_path: Path) -> None:
    mail_from = "ingressos@mail.bilhetagem.example"
    made = front(tmp_path, {"prod": settings_of("prod", mail_from=mail_from)}).templates["Bilhetagem-prod-Identity"]

    (pool,) = of_type(made, "UserPool")
    sender = pool["EmailConfiguration"]
    assert (sender["EmailSendingAccount"], sender["From"]) == ("DEVELOPER", f"Bilhetagem <{mail_from}>")
    assert sender["SourceArn"].endswith(":identity/mail.bilhetagem.example")


def test_a_partner_has_a_secret_and_the_scopes_of_its_settings(tmp_path: Path) -> None:
    changed = settings_of(
        "prod", target="127.0.0.1:80", partners={"smoke": ["buyer.read"], "festival": ["organiser.write"]}
    )
    template = front(tmp_path, {"prod": changed}).templates["Bilhetagem-prod-Identity"]

    festival = client(template, "festival")
    assert festival["GenerateSecret"] is True
    assert festival["AllowedOAuthFlows"] == ["client_credentials"]
    assert scopes(festival) == {"organiser.write"}
    assert template["Outputs"].keys() >= {"PartnerSmoke", "PartnerFestival"}
    assert "ClientSecret" not in str(template)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_scopes_need_managed_login_and_that_needs_a_style(templates: dict[str, Template], environment: str) -> None:
    template = templates[f"Bilhetagem-{environment}-Identity"]

    (domain,) = of_type(template, "UserPoolDomain")
    (style,) = of_type(template, "ManagedLoginBranding")
    assert domain["ManagedLoginVersion"] == 2
    assert style["UseCognitoProvidedValues"] is True


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_outputs_say_whose_tokens_to_believe_and_where_to_get_one(
    templates: dict[str, Template], environment: str
) -> None:
    template = templates[f"Bilhetagem-{environment}-Identity"]
    told = {name: resolved(each["Value"], template["Resources"]) for name, each in template["Outputs"].items()}

    assert told["Issuer"] == f"https://cognito-idp.sa-east-1.amazonaws.com/{told['UserPool']}"
    assert told["JwksUrl"] == f"{told['Issuer']}/.well-known/jwks.json"
    assert told["TokenUrl"].endswith(".auth.sa-east-1.amazoncognito.com/oauth2/token")
