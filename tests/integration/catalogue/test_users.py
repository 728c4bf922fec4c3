import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from contracts.user import UserErased, UserRegistered, UserUpdated
from services.chassis.storage import SqlTransaction
from services.chassis.store import Conflict
from services.user.service import user
from tests.integration.catalogue.conftest import Api, Serve, problem

ANA = {"name": "Ana Souza", "email": "ana@example.com"}
BIA = {"name": "Bia Reis", "email": "bia@example.com"}


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[Api]:
    async with serve(user) as api:
        yield api


async def registered(api: Api, body: dict[str, str] = ANA) -> UUID:
    response = await api.http.post("/users/", json=body)
    assert response.status_code == 201, response.text
    return UUID(response.json()["id"])


async def test_a_buyer_is_registered_and_told_without_the_email(api: Api) -> None:
    response = await api.http.post("/users/", json=ANA)
    ana = UUID(response.json()["id"])
    assert (response.status_code, response.json()) == (201, {"id": str(ana), **ANA})
    assert (await api.http.get(response.headers["location"])).json() == {"id": str(ana), **ANA}
    told = {UserRegistered(user_id=ana, version=1, name="Ana Souza"): {"ticket-underway", "order-underway"}}
    assert await api.told() == told


async def test_paths_work_with_and_without_the_slash(api: Api) -> None:
    ana = await registered(api)
    assert (await api.http.post("/users", json=BIA)).status_code == 201
    assert (await api.http.get("/users")).json() == (await api.http.get("/users/")).json()
    assert (await api.http.get(f"/users/{ana}/")).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"email": "ana"}, {"email": None}, {"name": " "}, {"name": "a\nb"}, {"id": str(uuid4())}]
)
async def test_a_body_that_is_wrong_is_refused(api: Api, wrong: dict[str, str | None]) -> None:
    response = await api.http.post("/users/", json={**ANA, **wrong})
    assert problem(response) == (422, "invalid")
    assert await api.told() == {}


async def test_an_email_is_one_buyers_in_whatever_case(api: Api) -> None:
    await registered(api)
    again = await api.http.post("/users/", json={"name": "Outra Ana", "email": "ANA@example.com"})
    assert problem(again) == (409, "email_taken")
    bia = await registered(api, BIA)
    assert problem(await api.http.put(f"/users/{bia}", json={**BIA, "email": "Ana@Example.com"})) == (
        409,
        "email_taken",
    )
    assert (await api.http.get(f"/users/{bia}")).json()["email"] == "bia@example.com"


async def test_of_two_who_want_an_email_at_the_same_time_one_gets_it(api: Api) -> None:
    answers = await asyncio.gather(*(api.http.post("/users/", json={**ANA, "name": f"Ana {n}"}) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert {problem(answer) for answer in answers if answer.status_code == 409} == {(409, "email_taken")}
    assert len(await api.told()) == 1


async def test_who_was_merely_slower_is_not_told_that_the_email_is_taken(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(*_: object) -> None:
        raise Conflict("deadlock detected")

    ana = await registered(api)
    monkeypatch.setattr(SqlTransaction, "save", lose)
    assert problem(await api.http.post("/users/", json=BIA)) == (409, "conflict")
    assert problem(await api.http.put(f"/users/{ana}", json=BIA)) == (409, "conflict")


async def test_an_idempotency_key_registers_once(api: Api) -> None:
    first, second = [await api.http.post("/users/", json=ANA, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert (second.status_code, second.json()) == (201, first.json())
    assert len(await api.told()) == 1
    other = await api.http.post("/users/", json=BIA, headers={"Idempotency-Key": "k-1"})
    assert problem(other) == (422, "idempotency_key_reused")


async def test_a_new_name_is_told_with_the_next_version(api: Api) -> None:
    ana = await registered(api)
    response = await api.http.put(f"/users/{ana}", json={**ANA, "name": "Ana Lima"})
    assert (response.status_code, response.json()["name"]) == (200, "Ana Lima")
    assert list(await api.told())[1:] == [UserUpdated(user_id=ana, version=2, name="Ana Lima")]


async def test_the_same_again_is_told_to_nobody(api: Api) -> None:
    ana = await registered(api)
    assert (await api.http.put(f"/users/{ana}", json=ANA)).status_code == 200
    assert len(await api.told()) == 1


async def test_an_erased_buyer_leaves_nothing_but_an_id(api: Api) -> None:
    ana = await registered(api)
    assert (await api.http.delete(f"/users/{ana}")).status_code == 204
    assert (await api.http.delete(f"/users/{ana}")).status_code == 204
    assert list(await api.told())[1:] == [UserErased(user_id=ana, version=2)]
    assert problem(await api.http.get(f"/users/{ana}")) == (410, "erased")
    assert problem(await api.http.put(f"/users/{ana}", json=ANA)) == (410, "erased")
    assert (await api.http.get("/users/")).json() == {"items": []}
    async with api.running.database.reading() as connection:
        rows = (await connection.execute(text("SELECT version, name, email FROM users"))).all()
    assert [tuple(row) for row in rows] == [(2, None, None)]


async def test_the_email_of_an_erased_buyer_is_free_again(api: Api) -> None:
    ana = await registered(api)
    await api.http.delete(f"/users/{ana}")
    assert await registered(api) != ana


async def test_a_key_whose_buyer_was_erased_says_so(api: Api) -> None:
    key = {"Idempotency-Key": "k-1"}
    ana = (await api.http.post("/users/", json=ANA, headers=key)).json()["id"]
    await api.http.delete(f"/users/{ana}")
    assert problem(await api.http.post("/users/", json=ANA, headers=key)) == (410, "erased")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("user_id", ["6f1c2d3e-8a4b-4c5d-9e6f-7a8b9c0d1e2f", "nobody"])
async def test_an_unknown_buyer_is_not_found(api: Api, method: str, user_id: str) -> None:
    response = await api.http.request(method, f"/users/{user_id}", json=ANA if method == "PUT" else None)
    assert problem(response) == (404, "not_found")


async def test_pages_show_every_buyer_once(api: Api) -> None:
    made = [str(await registered(api, {"name": "Ana", "email": f"ana{n}@example.com"})) for n in range(5)]
    seen: list[str] = []
    url: httpx.URL | str = "/users/?limit=2"
    for _ in range(3):
        response = await api.http.get(url)
        seen += [item["id"] for item in response.json()["items"]]
        url = response.url.join(response.links["next"]["url"]) if "next" in response.links else ""
    assert (seen, url) == (sorted(made), "")
