"""docker-compose.yml and Dockerfile, as they stand."""

import re
import subprocess
import sys

import pytest

from contracts.routes import SERVICES
from services.chassis.process import DRAIN_SECONDS
from services.chassis.telemetry import LogSettings
from services.operations.registry import SERVICES as DECLARED
from tests.compose.compose_file import COMPOSE_FILE, ROOT, containers, variables

CONTAINERS = containers({})
OURS = {name: one for name, one in CONTAINERS.items() if one.image.startswith("bilhetagem:")}
IMAGES = {one.image for one in CONTAINERS.values()} - {one.image for one in OURS.values()}
STAYING = {name: one for name, one in CONTAINERS.items() if name != "migrate"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()


def test_it_is_what_the_compose_specification_allows() -> None:
    checked = subprocess.run(
        (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE_FILE),
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_an_ingress_and_a_worker(service: str) -> None:
    assert CONTAINERS[service].command[:2] == ("serve", service)
    assert CONTAINERS[f"{service}-worker"].command[:2] == ("work", service)


def test_every_container_that_stays_says_whether_it_is_healthy() -> None:
    assert {name for name, one in STAYING.items() if not one.health} == set()


def test_all_of_ours_run_one_image_which_one_of_them_builds() -> None:
    assert len({one.image for one in OURS.values()}) == 1
    assert [name for name, one in CONTAINERS.items() if one.builds] == ["migrate"]


@pytest.mark.parametrize("image", sorted(IMAGES))
def test_images_of_others_are_pinned_to_a_release(image: str) -> None:
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", image)


def test_localstack_is_the_release_that_is_locked_for_laptops() -> None:
    locked = re.search(r"^localstack-core==(\S+)", (ROOT / "localstack" / "requirements.txt").read_text(), re.MULTILINE)
    assert locked
    assert CONTAINERS["localstack"].image == f"localstack/localstack:{locked[1]}"


def test_docker_waits_longer_than_a_process_drains() -> None:
    assert {name for name, one in OURS.items() if one.grace_seconds <= DRAIN_SECONDS} == set()


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for one in CONTAINERS.values() for port in one.published]
    assert len(published) == len(SERVICES) + 2
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    assert len(set(published)) == len(published)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_is_one_that_is_read(name: str) -> None:
    readers = [DECLARED[word].settings for word in OURS[name].command if word in DECLARED]
    if name == "migrate":
        readers = [service.settings for service in DECLARED.values()]
    known = {f"BILHETAGEM_{field}".upper() for reader in readers for field in reader.model_fields}
    known |= {f"BILHETAGEM_LOG_{field}".upper() for field in LogSettings.model_fields}
    known |= {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

    assert set(OURS[name].environment) - known == set()


def test_the_example_shows_every_variable_with_its_default() -> None:
    shown = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert shown == variables()


def test_the_image_runs_as_nobody_in_particular_and_gets_signals_itself() -> None:
    final = DOCKERFILE.split("FROM ")[-1]
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (.*)$", final, re.MULTILINE) == ['["bilhetagem"]']
    assert re.findall(r"^ARG PYTHON=(.*)$", DOCKERFILE, re.MULTILINE) == ["python:3.12-slim-trixie"]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON}"}


def test_the_image_holds_only_what_the_dockerfile_copies() -> None:
    copied = set(" ".join(re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)).split())
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == copied


def test_no_secret_stands_in_the_file_but_those_for_development() -> None:
    secrets = {name: default for name, default in variables().items() if re.search("SECRET|PASSWORD|KEY", name)}
    assert set(secrets.values()) == {"development-only", "ZGV2ZWxvcG1lbnQtb25seS1kZXZlbG9wbWVudC1vbmw="}
