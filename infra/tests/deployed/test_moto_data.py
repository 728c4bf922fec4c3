"""The database that CloudFormation makes of the template, on moto."""

from typing import Any

import pytest

from infra.tests.deployed.cloudformation import Cloud


@pytest.fixture
def database(moto: Cloud, environment: str) -> dict[str, Any]:
    made = moto.client("rds").describe_db_instances(DBInstanceIdentifier=f"bilhetagem-{environment}")
    found: dict[str, Any] = made["DBInstances"][0]
    return found


@pytest.mark.parametrize(("environment", "standby"), [("dev", False), ("prod", True)])
def test_the_database_is_private_and_encrypted_and_in_prod_has_a_standby(
    moto: Cloud, database: dict[str, Any], standby: bool
) -> None:
    assert database["MultiAZ"] is standby
    assert (database["Engine"], database["EngineVersion"]) == ("postgres", "18.3")
    assert not database["PubliclyAccessible"]
    assert database["Endpoint"]["Port"] == 5433
    assert database["StorageEncrypted"]
    assert database["KmsKeyId"] in {each["KeyArn"] for each in moto.client("kms").list_keys()["Keys"]}


@pytest.mark.parametrize(("environment", "days"), [("dev", 1), ("prod", 14)])
def test_the_database_can_be_restored_to_any_moment_of_so_many_days(database: dict[str, Any], days: int) -> None:
    assert database["BackupRetentionPeriod"] == days


@pytest.mark.parametrize(("environment", "zones"), [("dev", "ab"), ("prod", "abc")])
def test_the_database_may_stand_in_every_isolated_subnet_and_in_no_other(
    moto: Cloud, database: dict[str, Any], zones: str
) -> None:
    subnets = [each["SubnetIdentifier"] for each in database["DBSubnetGroup"]["Subnets"]]

    found = moto.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]

    assert sorted(each["AvailabilityZone"][-1] for each in found) == list(zones)
    tags = [{tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in found]
    assert {each["aws-cdk:subnet-name"] for each in tags} == {"isolated"}
