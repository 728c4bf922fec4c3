"""What docs/deploy.md says that it costs: every amount is its quantity times its unit price, every sum is a sum."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
COSTS = TEXT.partition("\n## What it costs\n")[2].partition("\n## ")[0]

A_MONTH = {
    "hour": Decimal(730),
    "month": Decimal(1),
    "GB": Decimal(1),
    "GB-month": Decimal(1),
    "million": Decimal("1e-6"),
}
A_THOUSAND = {"million": Decimal("1e-3"), "GB": Decimal(1000), "GB-month": Decimal(1000)}
CENT = Decimal("0.01")


def table(heading: str) -> Iterator[list[str]]:
    """The cells of a table's rows, without its header."""
    lines = COSTS.partition(f"\n### {heading}\n")[2].partition("\n### ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 2, f"docs/deploy.md has no table under {heading!r}"
    return ([cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:])


def prices() -> dict[str, tuple[Decimal, str]]:
    """What a unit costs, and for how much or how long."""
    return {unit: (Decimal(price), per) for unit, price, per, *_ in table("Unit prices")}


def amount(text: str) -> Decimal:
    return Decimal(text.strip("*").replace(",", ""))


@pytest.mark.parametrize("column", [2, 3], ids=["dev", "prod"])
def test_a_month(column: int) -> None:
    *rows, total = table("A month, idle")
    for row in rows:
        price, per = prices()[row[1]]
        due = (amount(row[column]) * price * A_MONTH[per]).quantize(CENT)
        assert amount(row[column + 2]) == due, f"{row[0]}: {row[column]} x {price} for a {per}, 730 hours a month"

    assert amount(total[column + 2]) == sum(amount(row[column + 2]) for row in rows)


def test_a_thousand_purchases() -> None:
    *rows, total = table("A thousand purchases")
    for what, unit, quantity, due in rows:
        price, per = prices()[unit]
        assert amount(due) == (amount(quantity) * price * A_THOUSAND[per]).quantize(CENT), what

    assert amount(total[-1]) == sum(amount(row[-1]) for row in rows)
