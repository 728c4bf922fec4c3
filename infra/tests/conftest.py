"""Both environments, synthesised once for all tests."""

from typing import Any

import pytest

from infra.tests.synthesis import Synthesised, synthesise

type Template = dict[str, Any]


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Every stack of dev and prod, as `cdk synth` makes them."""
    return synthesise(tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture(scope="session")
def templates(synthesised: Synthesised) -> dict[str, Template]:
    """Every template by its stack's name, such as ``Bilhetagem-prod-Messaging``."""
    return synthesised.templates
