"""The network that CloudFormation makes of the template, on moto.

Which route table a subnet has is the template's word; what the table leads to was made.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from infra.network import ENDPOINTS
from infra.tests.conftest import Template
from infra.tests.deployed.cloudformation import REGION, Cloud
from infra.tests.deployed.on_moto import physical_ids

ZONES = {"dev": "ab", "prod": "abc"}
ENVIRONMENTS = tuple(ZONES)


def tag(found: dict[str, Any], name: str) -> str | None:
    return next((each["Value"] for each in found.get("Tags", []) if each["Key"] == name), None)


@pytest.fixture
def made(moto: Cloud, templates: dict[str, Template], environment: str) -> "Made":
    return Made(moto, templates, environment)


class Made:
    """What is there of an environment's network."""

    def __init__(self, cloud: Cloud, templates: dict[str, Template], environment: str) -> None:
        stack = f"Bilhetagem-{environment}-Network"
        self.ec2 = cloud.client("ec2")
        called = [{"Name": "tag:Name", "Values": [f"bilhetagem-{environment}"]}]
        (self.vpc,) = self.ec2.describe_vpcs(Filters=called)["Vpcs"]
        self.here = [{"Name": "vpc-id", "Values": [self.vpc["VpcId"]]}]
        self.subnets = self.ec2.describe_subnets(Filters=self.here)["Subnets"]
        ids = physical_ids(cloud, stack)
        associations = [
            one["Properties"]
            for one in templates[stack]["Resources"].values()
            if one["Type"] == "AWS::EC2::SubnetRouteTableAssociation"
        ]
        self.table_of = {ids[each["SubnetId"]["Ref"]]: ids[each["RouteTableId"]["Ref"]] for each in associations}

    def tier(self, tier: str) -> list[dict[str, Any]]:
        return [each for each in self.subnets if tag(each, "aws-cdk:subnet-name") == tier]

    def route_table(self, subnet: dict[str, Any]) -> dict[str, Any]:
        own = [self.table_of[subnet["SubnetId"]]]
        (table,) = self.ec2.describe_route_tables(RouteTableIds=own)["RouteTables"]
        found: dict[str, Any] = table
        return found

    def leads_to(self, tier: str) -> list[set[str]]:
        """What the route table of each subnet of a tier leads to, but the VPC itself."""
        return [set(_ways(self.route_table(subnet)["Routes"])) for subnet in self.tier(tier)]

    def endpoints(self) -> dict[str, dict[str, Any]]:
        found = self.ec2.describe_vpc_endpoints(Filters=self.here)["VpcEndpoints"]
        return {each["ServiceName"].removeprefix(f"com.amazonaws.{REGION}."): each for each in found}

    def groups(self) -> dict[str, dict[str, Any]]:
        found = self.ec2.describe_security_groups(Filters=self.here)["SecurityGroups"]
        return {each["GroupId"]: each for each in found if each["GroupName"] != "default"}


def _ways(routes: Iterable[dict[str, Any]]) -> Iterable[str]:
    for route in routes:
        if route.get("GatewayId") != "local":
            yield "nat" if "NatGatewayId" in route else route["GatewayId"].partition("-")[0]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("tier", ["public", "private", "isolated"])
def test_a_tier_has_a_subnet_in_each_zone(made: Made, environment: str, tier: str) -> None:
    subnets = made.tier(tier)

    assert sorted(each["AvailabilityZone"] for each in subnets) == [f"{REGION}{zone}" for zone in ZONES[environment]]
    assert not any(each["MapPublicIpOnLaunch"] for each in subnets)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_database_s_subnets_lead_nowhere(made: Made, environment: str) -> None:
    assert made.leads_to("isolated") == [set()] * len(ZONES[environment])


@pytest.mark.parametrize(("environment", "way"), [("dev", {"nat"}), ("prod", set())])
def test_tasks_get_out_to_s3_and_in_dev_to_the_internet(made: Made, environment: str, way: set[str]) -> None:
    assert made.leads_to("private") == [{"vpce", *way}] * len(ZONES[environment])
    assert made.leads_to("public") == [{"igw"}] * len(ZONES[environment])
    gateways = made.ec2.describe_nat_gateways(Filters=made.here)["NatGateways"]
    zone = {each["SubnetId"]: each["AvailabilityZone"] for each in made.tier("public")}
    assert [zone[each["SubnetId"]] for each in gateways] == ([f"{REGION}a"] if way else [])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_s3_is_reached_over_a_gateway_from_the_private_subnets_only(made: Made) -> None:
    tables = {made.route_table(subnet)["RouteTableId"] for subnet in made.tier("private")}

    endpoint = made.endpoints()["s3"]

    assert endpoint["VpcEndpointType"] == "Gateway"
    assert set(endpoint["RouteTableIds"]) == tables


@pytest.mark.parametrize(("environment", "reached"), [("dev", set()), ("prod", ENDPOINTS.keys())])
def test_the_rest_of_aws_is_reached_in_prod_over_endpoints_in_every_zone(made: Made, reached: set[str]) -> None:
    private = {each["SubnetId"] for each in made.tier("private")}

    interfaces = {name: each for name, each in made.endpoints().items() if each["VpcEndpointType"] == "Interface"}

    assert interfaces.keys() == reached
    assert all(set(each["SubnetIds"]) == private and each["PrivateDnsEnabled"] for each in interfaces.values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_groups_let_in_other_groups_and_no_address(made: Made, environment: str) -> None:
    groups = made.groups()
    let_in = set()
    for group in groups.values():
        for rule in group["IpPermissions"]:
            assert [*rule["IpRanges"], *rule.get("Ipv6Ranges", []), *rule.get("PrefixListIds", [])] == []
            assert rule["FromPort"] == rule["ToPort"]
            for pair in rule["UserIdGroupPairs"]:
                source = groups[pair["GroupId"]]
                let_in.add((source["Description"], group["Description"], rule["FromPort"]))

    tasks = "Ingresses, workers and one-off tasks"
    expected = {
        ("The private link of API Gateway", "The internal load balancer", 80),
        ("The internal load balancer", tasks, 8000),
        (tasks, "The internal load balancer", 80),
        (tasks, "PostgreSQL", 5433),
    }
    assert let_in == expected | ({(tasks, "Interface endpoints of AWS", 443)} if environment == "prod" else set())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_refused_is_logged(made: Made, environment: str) -> None:
    (log,) = [each for each in made.ec2.describe_flow_logs()["FlowLogs"] if each["ResourceId"] == made.vpc["VpcId"]]

    assert (log["TrafficType"], log["LogGroupName"]) == ("REJECT", f"/bilhetagem/{environment}/network")
