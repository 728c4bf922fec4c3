"""What the roles of a template may do, decided as IAM decides (IAM User Guide, policy evaluation logic).

Strict where it could be wrong: what it cannot decide, it refuses to. Who may do something under a condition may do it
here, and a denial under a condition is none: the question here is what must never be possible.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from infra.tests.intrinsics import resolved


@dataclass
class Rights:
    """A role's statements, from everywhere that a template gives it some."""

    statements: list[dict[str, Any]] = field(default_factory=list)

    def allow(self, action: str, resource: str) -> bool:
        """Whether a request would be allowed."""
        effects = {each["Effect"] for each in self.statements if _covers(each, action, resource)}
        return "Allow" in effects and "Deny" not in effects


def rights_of(template: Mapping[str, Any]) -> dict[str, Rights]:
    """The rights of every role in a template, by the role's name, or its logical id where CloudFormation names it."""
    resources = template["Resources"]
    roles = {key: one for key, one in resources.items() if one["Type"] == "AWS::IAM::Role"}
    rights = {key: Rights() for key in roles}
    for key, role in roles.items():
        assert "ManagedPolicyArns" not in role["Properties"], f"{key} has policies that are not known here"
        for policy in role["Properties"].get("Policies", []):
            rights[key].statements += _statements(policy["PolicyDocument"], resources)
    for one in resources.values():
        if one["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for role in one["Properties"].get("Roles", []):
                rights[role["Ref"]].statements += _statements(one["Properties"]["PolicyDocument"], resources)
    return {resolved(roles[key]["Properties"].get("RoleName", key), resources): each for key, each in rights.items()}


def _statements(document: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for statement in document["Statement"]:
        assert {"NotAction", "NotResource"}.isdisjoint(statement), f"cannot be decided here: {statement}"
        yield {**statement, "Resource": resolved(statement["Resource"], resources)}


def _covers(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    if statement["Effect"] == "Deny" and "Condition" in statement:
        return False
    # IAM compares actions without regard to case, resources with it.
    actions = [each.lower() for each in _several(statement["Action"])]
    return any(fnmatchcase(action.lower(), each) for each in actions) and any(
        fnmatchcase(resource, each) for each in _several(statement["Resource"])
    )


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
