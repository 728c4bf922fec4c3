"""What CloudFormation's functions come to, as far as names go, once a template is deployed."""

from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"  # moto's
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "sa-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}


def resolved(value: Any, resources: Mapping[str, Any]) -> Any:
    """The value with its functions carried out. What only a deployment can know stands in angle brackets."""
    match value:
        case {"Ref": str(name)} if len(value) == 1:
            return PSEUDO.get(name, f"<{name}>")
        case {"Fn::GetAtt": [str(name), "Arn"]} if _is_queue(resources.get(name)):
            return queue_arn(resources[name]["Properties"]["QueueName"])
        case {"Fn::GetAtt": [str(name), attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return f"<{resolved(name, resources)}>"
        case {"Fn::Select": [index, _]}:
            return f"<part {index}>"
        case {"Fn::Join": [str(between), parts]}:
            return between.join(resolved(part, resources) for part in parts)
        case {"Fn::Sub": str(text)}:
            for name, meaning in PSEUDO.items():
                text = text.replace(f"${{{name}}}", meaning)
            return text
        case dict():
            return {name: resolved(each, resources) for name, each in value.items()}
        case list():
            return [resolved(each, resources) for each in value]
        case _:
            return value


def queue_arn(name: str) -> str:
    """The ARN of a queue in the account that templates are resolved for."""
    return f"arn:aws:sqs:sa-east-1:{ACCOUNT}:{name}"


def _is_queue(resource: Any) -> bool:
    return resource is not None and resource["Type"] == "AWS::SQS::Queue"
