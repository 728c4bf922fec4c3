"""What import-linter cannot say: "the standard library only"."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
KERNEL = "services.chassis.kernel"
DOMAINS = sorted(SERVICES.glob("*/domain.py"))


def imports_of(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def beyond_the_standard_library(source: str) -> set[str]:
    return {name for name in imports_of(source) if name.partition(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda path: path.parent.name)
def test_a_domain_stands_on_the_standard_library_and_the_kernel(domain: Path) -> None:
    assert beyond_the_standard_library(domain.read_text()) <= {KERNEL}


def test_the_kernel_stands_on_the_standard_library() -> None:
    assert beyond_the_standard_library((SERVICES / "chassis" / "kernel.py").read_text()) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import json, sqlalchemy.orm", {"sqlalchemy.orm"}),
        ("from contracts.money import Money", {"contracts.money"}),
        ("from . import ports", {"."}),
        ("def late():\n    import httpx", {"httpx"}),
    ],
)
def test_no_way_of_importing_goes_unseen(source: str, found: set[str]) -> None:
    assert beyond_the_standard_library(source) == found
