"""Where a running system is, for those who operate it: its AWS, its queues' prefix, its services, the secret."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import HttpUrl, TypeAdapter, ValidationError

from contracts.routes import SERVICES
from localstack.provision import PREFIX, REGION
from services.operations.errors import BadInput, Trouble
from services.operations.laptop import STATE, State

_URL = TypeAdapter(HttpUrl)

AWS_ITSELF = "aws"
"""In place of a LocalStack's URL: Amazon's own endpoints."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A running system. ``services`` are each one's own URL, where alone the operators' routes are."""

    aws_endpoint: str | None
    """LocalStack's URL; None for AWS itself."""
    region: str
    queue_prefix: str
    services: Mapping[str, str]
    """Empty where nobody has said it: then the journals cannot be asked."""
    operators_secret: str | None = field(repr=False)


@contextmanager
def announced(state: State, deployment: Deployment) -> Iterator[None]:
    """Let commands find a laptop's system by its state folder, as long as it runs. The secret stays where it is."""
    record = {name: value for name, value in asdict(deployment).items() if name != "operators_secret"}
    file = _record(state)
    file.write_text(json.dumps(record, indent=2))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def find(state: Path | None, aws: str | None, environment: Mapping[str, str]) -> Deployment:
    """The system that an operator means: the folder they named, the AWS they named, the one that the environment is
    for, or the one that runs on this laptop; in this order. Raises Trouble when there is none.
    """
    if state is not None:
        return _of_laptop(State(state))
    if aws is not None or environment.get("AWS_ENDPOINT_URL") or environment.get("BILHETAGEM_OPERATORS_SECRET"):
        return _of_environment(aws, environment)
    return _of_laptop(State(STATE))


def service_urls(given: Sequence[str]) -> dict[str, str]:
    """URLs by service: one with ``{service}`` is every service's, ``NAME=URL`` is one service's, and wins.

    Raises BadInput when a service is without one, or one is no URL.
    """
    everyones, own = {}, {}
    for text in given:
        name, named, url = text.partition("=")
        if named and name in SERVICES:
            own[name] = url
        elif "{service}" in text:
            everyones = {service: text.replace("{service}", service) for service in SERVICES}
        else:
            raise BadInput(f"{text!r} is neither a URL with {{service}} in it nor NAME=URL.")
    if missing := set(SERVICES) - everyones.keys() - own.keys():
        raise BadInput(f"No URL is given for {', '.join(sorted(missing))}.")
    return {service: url_given(url, f"The URL of {service},") for service, url in (everyones | own).items()}


def url_given(text: str, what: str) -> str:
    """A URL that somebody gave; ``what`` it is of begins the complaint. Raises BadInput for what is none."""
    try:
        _URL.validate_python(text)
    except ValidationError:
        raise BadInput(f"{what} {text!r}, should be one such as http://HOST:PORT.") from None
    return text


def turn_to(deployment: Deployment) -> None:
    """Have AWS's libraries, which read the environment by themselves, speak to this system's AWS. LocalStack takes any
    credentials, but a client demands some: those of the environment come first.
    """
    if deployment.aws_endpoint is None:
        os.environ.pop("AWS_ENDPOINT_URL", None)
    elif not os.environ.get("AWS_PROFILE"):
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")


def _of_laptop(state: State) -> Deployment:
    # The record of a system that was killed stays behind; the lock does not.
    if not state.in_use:
        raise Trouble(
            f"No system runs in {state.folder}. Start one with `bilhetagem up`, name another one's folder with "
            f"--state, a LocalStack with --aws URL, or AWS itself with --aws {AWS_ITSELF}."
        )
    try:
        record = json.loads(_record(state).read_text())
        return Deployment(**record, operators_secret=state.secrets()["BILHETAGEM_OPERATORS_SECRET"])
    except (FileNotFoundError, ValueError, TypeError):
        raise Trouble(f"The system in {state.folder} is starting or stopping: try again in a moment.") from None


def _of_environment(aws: str | None, environment: Mapping[str, str]) -> Deployment:
    endpoint = aws or environment.get("AWS_ENDPOINT_URL") or AWS_ITSELF
    urls = environment.get("BILHETAGEM_SERVICE_URLS", "").split()
    return Deployment(
        aws_endpoint=None if endpoint == AWS_ITSELF else url_given(endpoint, "LocalStack's URL,"),
        region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or REGION,
        queue_prefix=environment.get("BILHETAGEM_QUEUE_PREFIX", PREFIX),
        services=service_urls(urls) if urls else {},
        operators_secret=environment.get("BILHETAGEM_OPERATORS_SECRET"),
    )


def _record(state: State) -> Path:
    return state.folder / "running.json"
