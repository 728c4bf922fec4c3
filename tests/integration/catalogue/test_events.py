from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.event import EventCancelled, EventChanged, EventScheduled
from services.event.service import event
from tests.integration.catalogue.conftest import Api, Serve, problem

CONCERT = {
    "title": "Orquestra Sinfônica",
    "location": "Sala São Paulo",
    "date": "2099-03-01T20:00:00-03:00",
    "timezone": "America/Sao_Paulo",
}
STATE: dict[str, Any] = {**CONCERT, "date": datetime(2099, 3, 1, 23, 0, tzinfo=UTC)}


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[Api]:
    async with serve(event) as api:
        yield api


async def scheduled(api: Api, **other: str) -> UUID:
    response = await api.http.post("/events/", json={**CONCERT, **other})
    assert response.status_code == 201, response.text
    return UUID(response.json()["id"])


async def test_an_event_is_scheduled_and_told(api: Api) -> None:
    response = await api.http.post("/events/", json=CONCERT)
    concert = UUID(response.json()["id"])
    assert (response.status_code, response.json()) == (201, {"id": str(concert), **CONCERT, "status": "scheduled"})
    assert (await api.http.get(response.headers["location"])).json() == response.json()
    fact = EventScheduled(event_id=concert, version=1, **STATE)
    assert await api.told() == {fact: {"ticket-underway", "reservation-underway"}}


async def test_who_missed_the_answer_asks_again_with_the_key_though_the_event_has_begun(api: Api) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await api.http.post("/events/", json=CONCERT, headers=key)
    object.__setattr__(api.running, "clock", lambda: datetime(2099, 3, 2, tzinfo=UTC))
    again = await api.http.post("/events/", json=CONCERT, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_an_event_takes_place_in_sao_paulo_unless_it_says_where(api: Api) -> None:
    without_zone = {name: value for name, value in CONCERT.items() if name != "timezone"}
    assert (await api.http.post("/events/", json=without_zone)).json()["timezone"] == "America/Sao_Paulo"


async def test_a_date_is_shown_in_the_time_of_the_place(api: Api) -> None:
    manaus = await scheduled(api, date="2099-03-01T23:00:00Z", timezone="America/Manaus")
    assert (await api.http.get(f"/events/{manaus}")).json()["date"] == "2099-03-01T19:00:00-04:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"date": "2099-03-01T20:00:00"},
        {"date": "tomorrow"},
        {"date": 4076000000},
        {"timezone": "Mars/Olympus"},
        {"title": ""},
        {"location": "x" * 201},
        {"status": "cancelled"},
    ],
)
async def test_a_body_that_is_wrong_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    assert problem(await api.http.post("/events/", json={**CONCERT, **wrong})) == (422, "invalid")
    assert await api.told() == {}


async def test_an_event_of_the_past_is_not_scheduled(api: Api) -> None:
    past = await api.http.post("/events/", json={**CONCERT, "date": "2020-03-01T20:00:00-03:00"})
    assert problem(past) == (422, "date_past")
    assert (await api.http.get("/events/")).json() == {"items": []}


async def test_a_change_is_told_whole_with_the_next_version(api: Api) -> None:
    concert = await scheduled(api)
    response = await api.http.put(f"/events/{concert}", json={**CONCERT, "location": "Theatro Municipal"})
    assert (response.status_code, response.json()["location"]) == (200, "Theatro Municipal")
    fact = EventChanged(event_id=concert, version=2, **{**STATE, "location": "Theatro Municipal"})
    assert list(await api.told())[1:] == [fact]


async def test_the_same_plan_again_is_told_to_nobody(api: Api) -> None:
    concert = await scheduled(api)
    assert (await api.http.put(f"/events/{concert}", json=CONCERT)).status_code == 200
    assert (
        await api.http.put(f"/events/{concert}", json={**CONCERT, "date": "2099-03-01T23:00:00Z"})
    ).status_code == 200
    assert len(await api.told()) == 1


async def test_an_event_does_not_move_into_the_past(api: Api) -> None:
    concert = await scheduled(api)
    moved = await api.http.put(f"/events/{concert}", json={**CONCERT, "date": "2020-03-01T20:00:00-03:00"})
    assert problem(moved) == (422, "date_past")


async def test_an_event_called_off_is_told_once_and_can_be_read(api: Api) -> None:
    concert = await scheduled(api)
    assert (await api.http.delete(f"/events/{concert}")).status_code == 204
    assert (await api.http.delete(f"/events/{concert}")).status_code == 204
    told = list((await api.told()).items())[1:]
    everyone = {"ticket-underway", "reservation-underway", "order-underway"}
    assert told == [(EventCancelled(event_id=concert, version=2, **STATE), everyone)]
    assert (await api.http.get(f"/events/{concert}")).json()["status"] == "cancelled"
    assert problem(await api.http.put(f"/events/{concert}", json=CONCERT)) == (409, "event_cancelled")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_event_is_not_found(api: Api, method: str) -> None:
    response = await api.http.request(method, f"/events/{uuid4()}", json=CONCERT if method == "PUT" else None)
    assert problem(response) == (404, "not_found")


async def test_events_are_found_by_status_and_date(api: Api) -> None:
    early = await scheduled(api, date="2098-01-01T20:00:00Z")
    late = await scheduled(api, date="2099-01-01T20:00:00Z")
    off = await scheduled(api, date="2099-06-01T20:00:00Z")
    await api.http.delete(f"/events/{off}")

    async def found(**query: str) -> list[str]:
        response = await api.http.get("/events/", params=query)
        return [item["id"] for item in response.json()["items"]]

    assert await found() == sorted(map(str, (early, late, off)))
    assert await found(status="cancelled") == [str(off)]
    assert await found(status="scheduled", since="2099-01-01T17:00:00-03:00") == [str(late)]
    assert await found(until="2099-01-01T20:00:00Z") == [str(early)]
    assert problem(await api.http.get("/events/?status=maybe")) == (422, "invalid")
