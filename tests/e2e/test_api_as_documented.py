"""The running system against its own OpenAPI document: Schemathesis makes requests up, good and bad ones."""

import json
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.box_office import BoxOffice
from tests.e2e.system import System

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

schema = schemathesis.openapi.from_path(DOCUMENT)


async def test_the_system_serves_the_document_that_is_published(office: BoxOffice) -> None:
    assert await office.get("/openapi.json") == json.loads(DOCUMENT.read_text())


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,  # the same requests each time: what they find is found by everybody
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(case: schemathesis.Case[Any], system: System) -> None:
    case.headers.pop("Prefer", None)  # nothing is decided by waiting for what is made up
    operator = {"Authorization": f"Bearer {system.secrets['BILHETAGEM_OPERATORS_SECRET']}"}
    case.call_and_validate(base_url=system.url, headers=operator, checks=CHECKS)
