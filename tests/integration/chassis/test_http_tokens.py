"""All seven services with tokens verified: what comes past the gateway is refused wherever the gateway asks for one."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from contracts.open_routes import OPEN
from services.chassis.documents import CALLER
from services.chassis.http import create_app
from services.chassis.runtime import running_together, system_clock
from services.operations.apigateway import ANY_METHOD, INTEGRATION
from services.operations.documents import ROOT
from services.operations.gateway import Gateway
from services.operations.laptop import State
from services.operations.openapi import merged
from services.operations.registry import SERVICES
from services.operations.settings import settings_of
from services.payment.ports import SIGNATURE_HEADER, signature
from tests.front import assert_problem
from tests.issuer import ISSUER, Issuer

METHODS = {"get", "put", "post", "delete"}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@dataclass
class Doors:
    """The services' public routes behind one URL, each service's own port, and the secrets that they were given."""

    public: httpx.AsyncClient
    own: dict[str, httpx.AsyncClient]
    secrets: dict[str, str]
    keys: Path

    @property
    def operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets['BILHETAGEM_OPERATORS_SECRET']}"}


@pytest.fixture
async def doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> AsyncIterator[Doors]:
    keys = tmp_path / "jwks.json"
    keys.write_bytes(issuer.jwks())
    state = State(tmp_path)
    environment = state.environment(
        aws="http://127.0.0.1:9", database_url=f"sqlite+aiosqlite:///{tmp_path}/{{service}}.db"
    )
    environment |= {
        "BILHETAGEM_JWKS_URL": keys.as_uri(),
        "BILHETAGEM_JWT_ISSUER": ISSUER,
        "BILHETAGEM_STAGE_PREFIX": "/v1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            running_together({name: (service, settings_of(service)) for name, service in SERVICES.items()})
        )
        for name, one in running.items():
            async with one.database.writing() as connection:
                await connection.run_sync(SERVICES[name].metadata.create_all)
        apps = {name: create_app(one) for name, one in running.items()}

        async def documents() -> dict[str, Any]:
            return merged({name: app.openapi() for name, app in apps.items()})

        def client(app: Any) -> httpx.AsyncClient:
            return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

        yield Doors(
            public=await stack.enter_async_context(client(Gateway(apps, documents))),
            own={name: await stack.enter_async_context(client(app)) for name, app in apps.items()},
            secrets=environment,
            keys=keys,
        )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def routes_of_the_gateway() -> Iterator[tuple[str, str, bool]]:
    """Method and path of what the gateway hands on to a service, and whether it asks for a token."""
    api = json.loads((ROOT / "contracts/apigateway.json").read_text())
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            if operation[INTEGRATION]["type"] != "mock" and method != ANY_METHOD:
                yield method.upper(), path, operation["security"] == [{CALLER: []}]


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", str(uuid4()), path)


async def test_a_token_is_asked_for_where_the_gateway_asks_for_one(doors: Doors, issuer: Issuer) -> None:
    known = set()
    for method, path, asks in routes_of_the_gateway():
        known.add(f"{method} {path}")
        client = doors.own[path.split("/")[1].removesuffix("s")]
        for spelling in (filled(path), f"{filled(path)}/", f"/v1{filled(path)}"):
            without = await client.request(method, spelling)
            asked = without.headers.get("www-authenticate") == 'Bearer realm="bilhetagem"'
            assert asked == asks == (f"{method} {path}" not in OPEN), f"{method} {spelling}"
            if asks:
                assert_problem(without, 401, "unauthorized")
                let_in = await client.request(method, spelling, headers=bearer(issuer.token()))
                assert let_in.status_code != 401, f"{method} {spelling}"
    assert known > OPEN.keys()


async def test_a_refusal_can_be_read_by_scripts(doors: Doors) -> None:
    refused = await doors.public.get("/events", headers={"Origin": "https://shop.example"})

    assert_problem(refused, 401, "unauthorized")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]


async def test_head_is_asked_what_get_is(doors: Doors, issuer: Issuer) -> None:
    assert (await doors.public.head("/events")).status_code == 401
    assert (await doors.public.head("/events", headers=bearer(issuer.token()))).status_code == 200
    assert (await doors.public.head("/tickets/keys")).status_code == 200


async def test_what_is_no_route_needs_no_token_to_be_told_so(doors: Doors) -> None:
    assert_problem(await doors.public.get("/nowhere"), 404, "not_found")
    assert_problem(await doors.public.patch("/events"), 405, "method_not_allowed")
    preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    assert (await doors.public.options("/events", headers=preflight)).status_code == 200


async def test_the_webhook_is_let_in_by_its_signature_alone(doors: Doors) -> None:
    secret = doors.secrets["BILHETAGEM_PAYMENT_WEBHOOK_SECRET"]

    unsigned = await doors.public.post("/payments/webhook", content=b"{}")
    signed = {SIGNATURE_HEADER: signature(secret, b"{}", system_clock())}
    heard = await doors.public.post("/payments/webhook", content=b"{}", headers=signed)

    assert_problem(unsigned, 401, "invalid_signature")
    assert_problem(heard, 422, "invalid")


async def test_operators_are_let_in_by_their_secret_and_by_nothing_else(doors: Doors, issuer: Issuer) -> None:
    gate = f"/tickets/issued/{uuid4()}/check-in"

    assert (await doors.public.post(gate, headers=doors.operator)).status_code == 404
    assert (await doors.public.post("/tickets/from-order", headers=doors.operator)).status_code == 422
    for client in doors.own.values():
        journal = await client.get("/operations/journal", headers=doors.operator)
        assert journal.status_code == 200, journal.text
    for refused in (
        await doors.public.post(gate, headers=bearer(issuer.token())),
        await doors.own["order"].get("/operations/journal", headers=bearer(issuer.token())),
    ):
        assert_problem(refused, 401, "unauthorized")
        assert refused.headers["www-authenticate"] == 'Bearer realm="operators"'


async def test_probes_and_documents_need_no_token(doors: Doors) -> None:
    for client in doors.own.values():
        for path in ("/health", "/ready", "/openapi.json", "/docs"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Bearer", None),
        ("Basic YTpi", None),
        ("Bearer made up", "no access token that this API takes"),
        ("bearer e30.e30.e30", "no access token that this API takes"),
    ],
)
async def test_a_client_learns_what_was_wrong_with_its_header(doors: Doors, header: str, said: str | None) -> None:
    answer = await doors.public.get("/events", headers={"Authorization": header})

    assert_problem(answer, 401, "unauthorized")
    assert ('error="invalid_token"' in answer.headers["www-authenticate"]) == (said is not None)
    assert (said or "needs a bearer token") in answer.json()["detail"]


async def test_a_client_whose_token_has_expired_learns_that_it_needs_a_new_one(doors: Doors, issuer: Issuer) -> None:
    answer = await doors.public.get("/events", headers=bearer(issuer.token(exp=int(time.time()) - 3600)))

    assert_problem(answer, 401, "token_expired")
    assert answer.headers["www-authenticate"].endswith('error_description="The token has expired: get a new one."')


async def test_a_token_that_is_refused_is_told_in_the_log_and_not_repeated(doors: Doors, issuer: Issuer) -> None:
    token = issuer.token(iss="https://issuer.example/other")

    with capture_logs() as logs:
        answer = await doors.public.post("/orders", headers=bearer(token), content=b"not looked at")

    assert answer.status_code == 401
    (entry,) = (each for each in logs if each["event"] == "request_not_admitted")
    assert (entry["path"], entry["slug"]) == ("/orders/", "unauthorized")
    assert "iss" in entry["because"]
    assert token not in str(logs)


async def test_while_no_keys_can_be_read_nobody_is_let_in_and_all_may_come_again(doors: Doors, issuer: Issuer) -> None:
    doors.keys.unlink()

    answer = await doors.public.get("/events", headers=bearer(issuer.token()))

    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert (await doors.public.get("/tickets/keys")).status_code == 200


async def test_the_document_says_where_a_token_is_asked_for(doors: Doors) -> None:
    document = (await doors.public.get("/openapi.json")).json()
    said = {
        (method.upper(), path.rstrip("/")): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }

    assert document["components"]["securitySchemes"][CALLER]["bearerFormat"] == "JWT"
    assert said.keys() == {(method, path) for method, path, _ in routes_of_the_gateway()}
    for method, path, asks in routes_of_the_gateway():
        operation = said[method, path]
        assert (operation.get("security") == [{CALLER: []}]) == asks, f"{method} {path}"
        assert not asks or "401" in operation["responses"]
