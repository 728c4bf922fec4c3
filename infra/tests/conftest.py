"""Both environments, synthesised once for all tests."""

from pathlib import Path
from typing import Any

import pytest

from infra.tests.choreographies import WITH_A_ROW, WITHOUT_PRODUCTS
from infra.tests.synthesis import Synthesised, synthesise

type Template = dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to leave the templates that the tests look at, to be looked at afterwards."""
    parser.addoption("--templates", type=Path, metavar="FOLDER", help="synthesise dev and prod into this folder")


@pytest.fixture(scope="session")
def synthesised(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Every stack of dev and prod, as `cdk synth` makes them."""
    return synthesise(pytestconfig.getoption("--templates") or tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture(scope="session")
def templates(synthesised: Synthesised) -> dict[str, Template]:
    """Every template by its stack's name, such as ``Bilhetagem-prod-Messaging``."""
    return synthesised.templates


@pytest.fixture(scope="session")
def with_a_row(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Production after a row has come into the choreography, with no other edit."""
    return synthesise(tmp_path_factory.mktemp("with-a-row"), "prod", table=WITH_A_ROW)


@pytest.fixture(scope="session")
def without_products(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Production after a listener has left the choreography, with no other edit."""
    return synthesise(tmp_path_factory.mktemp("without-products"), "prod", table=WITHOUT_PRODUCTS)
