"""A LocalStack and a moto, and on them what the app's own templates make."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from infra.tests.conftest import Template
from infra.tests.deployed.cloudformation import CREDENTIALS, Cloud
from infra.tests.deployed.on_moto import makeable
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


@pytest.fixture(scope="session")
def moto(templates: dict[str, Template]) -> Iterator[Cloud]:
    """A moto with the networks and databases of dev and prod, made by CloudFormation: LocalStack makes neither."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        cloud = Cloud(f"http://{host}:{port}")
        for environment in ("dev", "prod"):
            for stack in ("Network", "Data"):
                name = f"Bilhetagem-{environment}-{stack}"
                cloud.deploy(name, makeable(templates[name]))
        yield cloud
    finally:
        server.stop()
