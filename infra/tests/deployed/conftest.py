"""A LocalStack, and on it what the app's own templates make."""

from collections.abc import Iterator

import pytest

from infra.tests.conftest import Template
from infra.tests.deployed.cloudformation import CREDENTIALS, Cloud
from localstack.server import LocalStack


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An empty LocalStack on a free port; the environment's credentials are such as it takes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with LocalStack(tmp_path_factory.mktemp("localstack"), port=0) as server:
            yield Cloud(server.url)


@pytest.fixture(scope="session")
def with_queues(cloud: Cloud, templates: dict[str, Template]) -> Cloud:
    """The LocalStack with the queues of dev, made by CloudFormation: their prefix is ``bilhetagem-dev-``."""
    cloud.deploy("Bilhetagem-dev-Messaging", templates["Bilhetagem-dev-Messaging"])
    return cloud
