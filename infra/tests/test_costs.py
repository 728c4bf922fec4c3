"""What docs/deploy.md counts for an idle month is what the templates make. That it adds up, tests/unit/test_costs.py
says.
"""

from collections.abc import Iterator

import pytest

from infra.app import CDK_JSON
from infra.tests.conftest import Template
from infra.tests.test_network import of_type
from infra.tests.test_services import by_name, spans

GUIDE = CDK_JSON.parents[1] / "docs" / "deploy.md"
COLUMNS = {"dev": 2, "prod": 3}


def told(environment: str) -> dict[str, float]:
    """How many of each unit an idle month has."""
    rows = GUIDE.read_text().partition("\n### A month, idle\n")[2].partition("\n### ")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("| ")]
    return {row[1]: float(row[COLUMNS[environment]].replace(",", "")) for row in cells[1:] if row[1]}


def made(templates: dict[str, Template], environment: str) -> Iterator[tuple[str, float]]:
    """The same, counted in the templates, as far as they tell it."""
    of = {name.rpartition("-")[2]: one for name, one in templates.items() if f"-{environment}-" in name}
    tasks = of_type(of["Services"], "ECS::TaskDefinition")
    fewest = {name: least for name, (least, _) in spans(of["Services"]).items()}
    running = [
        (fewest[name], tasks[each["TaskDefinition"].strip("<>")]) for name, (_, each) in by_name(of["Services"]).items()
    ]
    yield "Fargate, vCPU", sum(count * int(task["Cpu"]) for count, task in running) / 1024
    yield "Fargate, GB", sum(count * int(task["Memory"]) for count, task in running) / 1024

    (database,) = of_type(of["Data"], "RDS::DBInstance").values()
    twice = ", Multi-AZ" if database["MultiAZ"] else ""
    yield f"RDS, {database['DBInstanceClass']}{twice}", 1
    yield f"RDS, storage{twice}", float(database["AllocatedStorage"])

    endpoints = of_type(of["Network"], "EC2::VPCEndpoint").values()
    yield "Interface endpoint", sum(len(one["SubnetIds"]) for one in endpoints if one["VpcEndpointType"] == "Interface")
    yield "NAT gateway", len(of_type(of["Network"], "EC2::NatGateway"))
    yield "Public IPv4 address", len(of_type(of["Network"], "EC2::EIP"))
    yield "Load balancer", len(of_type(of["Services"], "ElasticLoadBalancingV2::LoadBalancer"))
    (firewall,) = of_type(of["Edge"], "WAFv2::WebACL").values()
    yield "WAF, rule", len(firewall["Rules"])
    yield "KMS, key", sum(len(of_type(one, "KMS::Key")) for one in of.values())
    # The master's is RDS's.
    yield "Secret", 1 + sum(len(of_type(one, "SecretsManager::Secret")) for one in of.values())
    apps = of_type(of["Identity"], "Cognito::UserPoolClient").values()
    yield "Cognito, machine client", sum(one["GenerateSecret"] for one in apps)


@pytest.mark.parametrize("environment", COLUMNS)
def test_an_idle_month_is_priced_as_it_is_made(templates: dict[str, Template], environment: str) -> None:
    counted = dict(made(templates, environment))

    assert {unit: told(environment)[unit] for unit in counted} == counted
