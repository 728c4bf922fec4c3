"""The pipeline, as far as it can be looked at without GitHub: shape, known mistakes, and what it refers to."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
import pytest
import yaml

from infra import smoke
from infra.tests.conftest import Template

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in sorted((GITHUB / "workflows").glob("*.yml"))}
ACTIONS = {path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(GITHUB.glob("actions/*/action.yml"))}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"]]


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def steps_of(workflow: str, job: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = WORKFLOWS[workflow]["jobs"][job].get("steps", [])
    return steps


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", [f".github/workflows/{name}" for name in WORKFLOWS]),
        ("vendor.github-actions", [f".github/actions/{name}/action.yml" for name in ACTIONS]),
    ],
)
def test_every_file_has_the_shape_that_github_reads(schema: str, files: list[str]) -> None:
    checked = tool("check-jsonschema", "--builtin-schema", schema, *files)
    assert checked.returncode == 0, checked.stdout


def test_zizmor_finds_nothing() -> None:
    audited = tool("zizmor", "--offline", "--quiet", ".github")
    assert audited.returncode == 0, audited.stdout


@pytest.mark.parametrize(("workflow", "job"), JOBS)
def test_what_a_job_needs_exists_and_is_what_it_reads_from(workflow: str, job: str) -> None:
    jobs = WORKFLOWS[workflow]["jobs"]
    needed = jobs[job].get("needs", [])
    needed = [needed] if isinstance(needed, str) else needed
    assert set(needed) <= jobs.keys() - {job}
    for source, output in re.findall(r"needs\.(\w+)\.outputs\.(\w+)", str(jobs[job])):
        assert source in needed
        assert output in jobs[source]["outputs"]


@pytest.mark.parametrize(("workflow", "job"), JOBS)
def test_what_a_job_calls_exists_and_gets_what_it_asks_for(workflow: str, job: str) -> None:
    calls = [WORKFLOWS[workflow]["jobs"][job], *steps_of(workflow, job)]
    for call in calls:
        used = call.get("uses", "")
        if not used.startswith("./"):
            continue
        path = ROOT / used
        # YAML 1.1 reads a workflow's `on` as a truth value.
        asked = yaml.safe_load((path / "action.yml" if path.is_dir() else path).read_text())
        inputs = asked["inputs"] if path.is_dir() else asked[True]["workflow_call"]["inputs"]
        assert call.get("with", {}).keys() == inputs.keys()


@pytest.mark.parametrize(("workflow", "job"), JOBS)
def test_a_step_refers_to_steps_before_it(workflow: str, job: str) -> None:
    before: set[str] = set()
    for step in steps_of(workflow, job):
        assert set(re.findall(r"steps\.(\w+)\.", str(step))) <= before
        before |= {step["id"]} if "id" in step else set()


@pytest.mark.parametrize(("workflow", "job"), JOBS)
def test_a_command_starts_our_python_from_where_it_runs(workflow: str, job: str) -> None:
    elsewhere = WORKFLOWS[workflow]["jobs"][job].get("defaults", {}).get("run", {}).get("working-directory", ".")
    for step in steps_of(workflow, job):
        for path in re.findall(r"(?:\.\./)*\.infra/bin/python", step.get("run", "")):
            found = os.path.normpath(ROOT / step.get("working-directory", elsewhere) / path)
            assert found == str(ROOT / ".infra/bin/python"), step["name"]


def test_a_release_deploys_every_stack_of_its_environment_once_and_in_order(templates: dict[str, Template]) -> None:
    deployed = [
        name
        for step in steps_of("release.yml", "release")
        if "cdk deploy" in step.get("run", "") and "failure()" not in step.get("if", "")
        for name in re.findall(r'"\$STACKS-(\w+)"', step["run"])
    ]
    stacks = {name.removeprefix("Bilhetagem-prod-") for name in templates if name.startswith("Bilhetagem-prod-")}
    assert sorted(deployed) == sorted(stacks)
    for earlier, later in (("Network", "Data"), ("Data", "Tasks"), ("Tasks", "Services"), ("Services", "Edge")):
        assert deployed.index(earlier) < deployed.index(later)


def test_a_release_migrates_before_its_services_and_buys_after_them() -> None:
    said = [f"{step.get('run', '')} {step.get('with', {})}" for step in steps_of("release.yml", "release")]

    def position(text: str) -> int:
        (found,) = (number for number, step in enumerate(said) if text in step)
        return found

    order = ["$STACKS-Network", "CreateDatabases", "'Migrate'", "$STACKS-Edge", "infra.smoke", "image=$BEFORE"]
    assert [position(text) for text in order] == sorted(position(text) for text in order)


def test_the_way_back_has_credentials_of_its_own() -> None:
    steps = steps_of("release.yml", "release")
    (back,) = (number for number, step in enumerate(steps) if "image=$BEFORE" in step.get("run", ""))
    assumed, way_back = steps[back - 1], steps[back]
    others = [step["with"] for step in steps[: back - 1] if step.get("uses") == assumed["uses"]]

    assert "assume-role" in assumed["uses"]
    assert "failure()" in way_back["if"]
    assert assumed["if"] == way_back["if"]
    assert assumed["with"] in others


def test_the_outputs_that_the_pipeline_reads_are_there(templates: dict[str, Template]) -> None:
    one_off = {step["with"]["task"] for step in steps_of("release.yml", "release") if "task" in step.get("with", {})}
    read = set(re.findall(r"\$\(output (\w+)\)", ACTIONS["run-task"]["runs"]["steps"][0]["run"]))
    assert read == {"Cluster", "Subnets", "SecurityGroup"}
    for environment in ("dev", "prod"):
        assert templates[f"Bilhetagem-{environment}-Tasks"]["Outputs"].keys() >= read | one_off
        assert "Image" in templates[f"Bilhetagem-{environment}-Services"]["Outputs"]
        assert templates[f"Bilhetagem-{environment}-Identity"]["Outputs"].keys() >= {*smoke.IDENTITY_OUTPUTS}
        assert templates[f"Bilhetagem-{environment}-Edge"]["Outputs"].keys() >= {*smoke.EDGE_OUTPUTS}


@pytest.mark.parametrize(("workflow", "job"), [("release.yml", "release"), ("deploy.yml", "difference")])
@pytest.mark.parametrize(
    ("stack", "image"),
    [({}, ""), ({"Outputs": []}, ""), ({"Outputs": [{"OutputKey": "Image", "OutputValue": "2027.1"}]}, "2027.1")],
    ids=["its creation failed", "it tells nothing", "it runs"],
)
def test_the_image_of_a_stack_that_has_none_is_no_text(
    workflow: str, job: str, stack: dict[str, Any], image: str
) -> None:
    """The AWS command line writes nothing as ``None``, which would be taken for a tag."""
    said = " ".join(step.get("run", "") for step in steps_of(workflow, job))
    (query,) = re.findall(r'--query "(Stacks[^"]+)"', said)

    assert jmespath.search(query, {"Stacks": [stack]}) == image


def test_whoever_assumes_a_role_has_told_boto3_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for name in re.findall(r'echo "(\w+)=\$REGION"', ACTIONS["assume-role"]["runs"]["steps"][0]["run"]):
        monkeypatch.setenv(name, "sa-east-1")

    assert boto3.Session().region_name == "sa-east-1"


def test_what_is_kept_under_a_name_is_not_in_the_way_when_a_creation_that_failed_is_tried_again(
    templates: dict[str, Template],
) -> None:
    names = {
        "AWS::ECR::Repository": "RepositoryName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::S3::Bucket": "BucketName",
        "AWS::SecretsManager::Secret": "Name",
    }
    kept = {
        (resource["Type"], resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
        for template in templates.values()
        for resource in template["Resources"].values()
        if "Retain" in resource.get("DeletionPolicy", "") and names.get(resource["Type"]) in resource["Properties"]
    }

    assert kept == {
        ("AWS::ECR::Repository", "RetainExceptOnCreate", "Retain"),
        ("AWS::Logs::LogGroup", "RetainExceptOnCreate", "Retain"),
    }


def test_only_the_jobs_that_assume_a_role_get_a_token_and_none_may_write() -> None:
    for workflow, job in JOBS:
        granted = WORKFLOWS[workflow]["jobs"][job].get("permissions", WORKFLOWS[workflow]["permissions"])
        calls = WORKFLOWS[workflow]["jobs"][job].get("uses", "")
        assumes = any("assume-role" in step.get("uses", "") for step in steps_of(workflow, job))
        assert granted.get("id-token") == ("write" if assumes or "release.yml" in calls else None)
        assert granted["contents"] == "read"


def test_the_command_line_of_the_cdk_is_locked_without_a_registry() -> None:
    locked = (ROOT / "infra/package-lock.json").read_text()
    assert "integrity" in locked
    assert "resolved" not in locked
