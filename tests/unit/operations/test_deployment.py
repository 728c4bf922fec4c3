"""Commands find the system that an operator means, and say how to name one when there is none."""

import os
from pathlib import Path

import pytest

from contracts.routes import SERVICES
from services.chassis.sqs import open_queues
from services.operations.deployment import Deployment, announced, find, turn_to
from services.operations.errors import BadInput, Trouble
from services.operations.laptop import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state")


def running_in(state: State) -> Deployment:
    return Deployment(
        aws_endpoint="http://127.0.0.1:4599",
        region="sa-east-1",
        queue_prefix="bilhetagem-",
        services={"order": "http://127.0.0.1:8006"},
        operators_secret=state.secrets()["BILHETAGEM_OPERATORS_SECRET"],
    )


def test_a_laptops_system_is_found_by_its_folder_as_long_as_it_runs(state: State) -> None:
    with state.held():
        system = running_in(state)
        with announced(state, system):
            assert find(state.folder, None, {}) == system
            assert str(system.operators_secret) not in (state.folder / "running.json").read_text()

        with pytest.raises(Trouble, match="is starting or stopping"):
            find(state.folder, None, {})


def test_what_a_killed_system_left_behind_is_not_taken_for_one_that_runs(state: State) -> None:
    with state.held():
        record = (state.folder / "running.json", running_in(state))
        with announced(state, record[1]):
            left = record[0].read_text()
    record[0].write_text(left)

    with pytest.raises(Trouble, match=r"No system runs in .*state\. Start one with `bilhetagem up`, name .*--aws URL"):
        find(state.folder, None, {})


def test_the_environment_of_a_service_names_its_system(state: State) -> None:
    found = find(
        None,
        None,
        {
            "AWS_REGION": "us-east-1",
            "BILHETAGEM_QUEUE_PREFIX": "staging-",
            "BILHETAGEM_OPERATORS_SECRET": "secret",
            "BILHETAGEM_SERVICE_URLS": "http://{service}.internal:8000 order=http://other:1",
        },
    )

    assert (found.aws_endpoint, found.region, found.queue_prefix) == (None, "us-east-1", "staging-")
    assert found.services.keys() == set(SERVICES)
    assert found.services["payment"] == "http://payment.internal:8000"
    assert found.services["order"] == "http://other:1"
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("aws", "endpoint"), [("http://127.0.0.1:4566", "http://127.0.0.1:4566"), ("aws", None), (None, "http://there:1")]
)
def test_a_named_aws_wins_over_the_environments(aws: str | None, endpoint: str | None) -> None:
    assert find(None, aws, {"AWS_ENDPOINT_URL": "http://there:1"}).aws_endpoint == endpoint


def test_without_urls_of_the_services_their_journals_are_not_known() -> None:
    assert find(None, "aws", {}).services == {}


@pytest.mark.parametrize(("aws", "endpoint"), [("http://127.0.0.1:1", "http://127.0.0.1:1"), ("aws", "amazonaws.com")])
async def test_amazons_own_is_spoken_to_where_it_is_named_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, aws: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://there:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    deployment = find(None, aws, os.environ)

    turn_to(deployment)

    async with open_queues("", deployment.aws_endpoint, deployment.region) as queues:
        assert queues.client.meta.endpoint_url.endswith(endpoint)


@pytest.mark.parametrize("text", ["localhost:4566", "4566", "http://[::1"])
def test_a_localstack_that_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"LocalStack's URL, .* should be one such as http://HOST:PORT"):
        find(None, text, {})
