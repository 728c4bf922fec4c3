"""Paths, methods, and the OpenAPI document."""

from pathlib import Path

import pytest

from services.chassis.http import Router
from services.chassis.service import Disagreement
from tests.front import Desk, assert_problem, desk


@pytest.mark.parametrize("path", ["/users", "/users/"])
async def test_paths_work_with_and_without_a_slash(registering: Desk, path: str) -> None:
    assert (await registering.client.get(path)).status_code == 200
    assert (await registering.client.post(path, json={"name": path})).status_code == 201
    assert (await registering.client.head(path)).status_code == 200
    options = await registering.client.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    wrong = await registering.client.patch(path)
    assert_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == options.headers["allow"]


@pytest.mark.parametrize("path", ["/", "//", "/users//", "/nowhere", "/users/1/2", "/health/x"])
async def test_a_path_that_is_none_is_not_found(registering: Desk, path: str) -> None:
    assert_problem(await registering.client.get(path), 404, "not_found")


async def test_the_document_has_every_answer_of_every_operation(holding: Desk) -> None:
    document = (await holding.client.get("/openapi.json")).json()
    assert (await holding.client.get("/docs")).status_code == 200
    post = document["paths"]["/reservations/"]["post"]
    assert post["operationId"] == "reservation_reserve"
    assert list(post["responses"]) == ["200", "201", "202", "400", "413", "415", "422", "500", "503"]
    assert post["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("Shown")
    assert post["responses"]["202"]["headers"].keys() == {"Location", "Retry-After"}
    assert {parameter["name"] for parameter in post["parameters"]} == {"Idempotency-Key", "Prefer"}
    assert post["responses"]["422"]["content"].keys() == {"application/problem+json"}
    get = document["paths"]["/reservations/{id}"]["get"]
    assert list(get["responses"]) == ["200", "404", "500", "503"]
    assert len(get["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]) == 2
    assert get["responses"]["200"]["headers"].keys() == {"Retry-After", "Preference-Applied"}
    assert {parameter["name"] for parameter in get["parameters"]} == {"id", "Prefer"}
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in str(document)
    assert document["paths"].keys() == {"/reservations/", "/reservations/{id}"}


async def test_operators_routes_are_marked_in_the_document(registering: Desk) -> None:
    document = (await registering.client.get("/openapi.json")).json()
    assert document["paths"]["/users/{id}"]["delete"]["security"] == [{"operators": []}]
    assert document["components"]["securitySchemes"]["operators"]["scheme"] == "bearer"
    assert document["paths"]["/users/"]["get"]["responses"]["200"]["headers"].keys() == {"Link"}


async def test_a_service_without_a_route_of_the_choreography_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(Disagreement, match=r"DELETE /users/\{id\}"):
        async with desk("user", Router(), f"sqlite+aiosqlite:///{tmp_path}/test.db"):
            pass


async def test_a_worker_without_a_handler_of_the_choreography_refuses_to_start(holding: Desk) -> None:
    with pytest.raises(Disagreement, match=r"reservation has no handler for .*ReserveTickets"):
        holding.running.worker()


async def test_the_documentation_page_needs_no_other_host(holding: Desk) -> None:
    page = (await holding.client.get("/docs")).text
    assert "://" not in page
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        assert f'"docs/assets/{asset}"' in page
        assert (await holding.client.get(f"/docs/assets/{asset}")).status_code == 200
