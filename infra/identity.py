"""The user pool: buyers' accounts and sign-in, and the apps that may ask in their name or in their own."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import Construct

from infra.access import BUYER, MEANING, RESOURCE_SERVER, Scope
from infra.settings import Environment

GROUPS = {
    "buyer": "Buys tickets",
    "organiser": "Puts events on sale",
    "operator": "Looks after the system",
}


class Identity(Stack):
    """One pool, and two kinds of apps.

    *The shop* is public: it has no secret, so it proves with PKCE that the code is its own, and a token that is stolen
    is worth an hour. *Partners* are machines with a secret each, and the scopes that settings give them.

    The pool gives an app its scopes whoever signs in, and neither it nor API Gateway looks at groups without code of
    ours. So the shop, where anybody may sign up, has a buyer's scopes only; an organiser's and an operator's are in no
    token that a person can get. The groups are for services, which see them in the token.
    """

    def __init__(self, scope: Construct, settings: Environment, **stack: Any) -> None:
        super().__init__(scope, settings.stack("Identity"), **stack)
        self.pool = self._pool(settings)
        for name, description in GROUPS.items():
            cognito.CfnUserPoolGroup(
                self, name, user_pool_id=self.pool.user_pool_id, group_name=name, description=description
            )
        self._scopes = {
            each: cognito.ResourceServerScope(scope_name=each.value, scope_description=MEANING[each]) for each in Scope
        }
        self._api = self.pool.add_resource_server(
            "api",
            identifier=RESOURCE_SERVER,
            user_pool_resource_server_name="Bilhetagem",
            scopes=list(self._scopes.values()),
        )
        domain = self.pool.add_domain(
            "login",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=settings.login_domain),
            # The classic pages know no passkeys, and are not developed any more.
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        self.client = self._shop(settings)
        self.partners = {name: self._partner(name, scopes) for name, scopes in settings.partners.items()}
        self._tell(domain)

    @property
    def issuer(self) -> str:
        """The ``iss`` of every token."""
        return f"https://cognito-idp.{self.region}.{self.url_suffix}/{self.pool.user_pool_id}"

    @property
    def jwks_url(self) -> str:
        """Where the keys are that tokens are signed with."""
        return f"{self.issuer}/.well-known/jwks.json"

    def _pool(self, settings: Environment) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "pool",
            user_pool_name=settings.prefix.removesuffix("-"),
            self_sign_up_enabled=True,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            email=_sender(settings.mail_from) if settings.mail_from else None,
            # A mistyped new address locks nobody out: the old one works until the new one is verified.
            keep_original=cognito.KeepOriginalAttrs(email=True),
            standard_attributes=cognito.StandardAttributes(
                email=cognito.StandardAttribute(required=True, mutable=True)
            ),
            # Twelve, as the rules that make a password hard to remember make it short as well.
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                # The least: it stands in a letter, of an account that an administrator has made.
                temp_password_validity=Duration.days(1),
            ),
            mfa=cognito.Mfa.OPTIONAL,
            # A telephone number can be taken over, and a text message costs more than a ticket's fee carries.
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=settings.deletion_protection,
            removal_policy=RemovalPolicy.RETAIN if settings.deletion_protection else RemovalPolicy.DESTROY,
        )
        NagSuppressions.add_resource_suppressions(
            pool,
            [
                NagPackSuppression(
                    id="AwsSolutions-COG2",
                    reason="Buyers have seconds while a sale opens. Who wants a second factor has one; a ticket that "
                    "was bought can be seen and cancelled, and no card is kept.",
                ),
                NagPackSuppression(
                    id="AwsSolutions-COG8",
                    reason="The Plus plan costs two cents for each user in a month, from the first on, and a concert "
                    "has tens of thousands who sign in once. WAF has the rates and the addresses' reputation.",
                ),
            ],
        )
        return pool

    def _shop(self, settings: Environment) -> cognito.UserPoolClient:
        client = self.pool.add_client(
            "shop",
            user_pool_client_name="shop",
            generate_secret=False,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, *self._of(BUYER)],
                callback_urls=list(settings.app_urls),
                logout_urls=list(settings.app_urls),
            ),
            # Of those that the API would offer, the one in which no password is sent; managed login asks for none.
            auth_flows=cognito.AuthFlow(user_srp=True),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            # Not for as long as a browser stays open, since a token cannot be called back at the gateway.
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            # Nobody signs in twice between buying and the concert, mostly. Each is good for one use (RFC 9700, 4.14.2);
            # the grace is for an answer that was lost.
            refresh_token_validity=Duration.days(30),
            refresh_token_rotation_grace_period=Duration.seconds(30),
            enable_token_revocation=True,
            # Who has an account is nobody's business: an unknown address and a wrong password look alike.
            prevent_user_existence_errors=True,
        )
        # Without a style of its own, even the provided one, an app's managed login is an error page.
        cognito.CfnManagedLoginBranding(
            self,
            "style",
            user_pool_id=self.pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        return client

    def _partner(self, name: str, scopes: Sequence[Scope]) -> cognito.UserPoolClient:
        return self.pool.add_client(
            f"partner-{name}",
            user_pool_client_name=name,
            # Made and kept by Cognito: in no template, and no output.
            generate_secret=True,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=self._of(scopes),
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            # As long as it may be: Cognito bills each token that a machine gets.
            access_token_validity=Duration.days(1),
            enable_token_revocation=True,
            prevent_user_existence_errors=True,
        )

    def _of(self, scopes: Sequence[Scope]) -> list[cognito.OAuthScope]:
        return [cognito.OAuthScope.resource_server(self._api, self._scopes[each]) for each in scopes]

    def _tell(self, domain: cognito.UserPoolDomain) -> None:
        CfnOutput(self, "UserPool", value=self.pool.user_pool_id)
        CfnOutput(self, "Issuer", value=self.issuer)
        CfnOutput(self, "JwksUrl", value=self.jwks_url)
        CfnOutput(self, "LoginUrl", value=domain.base_url())
        CfnOutput(self, "TokenUrl", value=f"{domain.base_url()}/oauth2/token")
        CfnOutput(self, "Shop", value=self.client.user_pool_client_id)
        for name, client in self.partners.items():
            CfnOutput(self, f"Partner{name.capitalize()}", value=client.user_pool_client_id)


def _sender(address: str) -> cognito.UserPoolEmail:
    return cognito.UserPoolEmail.with_ses(
        from_email=address, from_name="Bilhetagem", ses_verified_domain=address.partition("@")[2]
    )
