"""Queues poisoned by hand, and mended with the commands alone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from contracts.message import Envelope, Message
from contracts.order import CancelOrder
from contracts.user import UserRegistered
from localstack.provision import PREFIX, REGION
from services.chassis.ids import minting
from services.chassis.runtime import system_clock
from tests.e2e.system import System

a_fresh_id = minting(system_clock)


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def bilhetagem(system: System, *arguments: str, **environment: str) -> Said:
    done = subprocess.run(
        [sys.executable, "-m", "services.operations", *arguments, "--state", str(system.state)],
        env={**os.environ, "COLUMNS": "200", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def put(system: System, queue: str, body: str) -> None:
    sqs = boto3.client(
        "sqs",
        endpoint_url=system.aws_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # LocalStack's
    )
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"{PREFIX}{queue}")["QueueUrl"], MessageBody=body)


def wrapped(message: Message) -> dict[str, Any]:
    envelope = Envelope.request(message, by="test", at=datetime.now(UTC), message_id=uuid4())
    return envelope.attributes()


def dead_letters(system: System) -> dict[str, dict[str, Any]]:
    """By id."""
    listed = bilhetagem(system, "dead-letters", "--list", "--json")
    return {letter["id"]: letter for letter in listed.json}


def until_dead(system: System, wanted: Callable[[Mapping[str, Any]], object]) -> dict[str, dict[str, Any]]:
    """The dead letters, once they are as wanted. Asking takes long enough to need no pause."""
    deadline = time.monotonic() + 60
    while not wanted(found := dead_letters(system)):
        assert time.monotonic() < deadline, found
    return found


@pytest.fixture
def ana() -> UserRegistered:
    return UserRegistered(user_id=a_fresh_id(), version=1, name="Ana Souza")


def test_a_poisoned_queue_is_seen_mended_and_cleaned(system: System, ana: UserRegistered, tmp_path: Path) -> None:
    broken = wrapped(ana)
    broken["data"]["version"] = 0
    key = broken["id"]
    put(system, "ticket-underway", json.dumps(broken))
    found = until_dead(system, lambda letters: key in letters)
    assert found[key]["reason"] == "undecodable"
    assert "version" in found[key]["error"]

    queues = bilhetagem(system, "queues", "--json")
    assert next(q for q in queues.json if q["queue"] == "ticket-underway")["dead_letters"] >= 1
    peeked = bilhetagem(system, "queues", "peek", "ticket-underway-dlq", "--type", "UserRegistered")
    assert key in peeked.out
    shown = bilhetagem(system, "dead-letters", "show", key)
    assert "would be buried again" in shown.out
    assert "Ana" not in shown.out + peeked.out
    assert "Ana" in (bilhetagem(system, "dead-letters", "show", key, "--personal")).out

    again = bilhetagem(system, "dead-letters", "redrive", "--id", key)
    assert (again.code, "dead-lettered again" in again.out) == (1, True)

    refused = bilhetagem(system, "dead-letters", "edit", key, EDITOR="sed -i s/UserR/userR/", TMPDIR=str(tmp_path))
    assert refused.code == 0
    assert "Nothing was changed" in refused.err
    breaking = "sed -i s/specversion/version/"
    refused = bilhetagem(system, "dead-letters", "edit", key, EDITOR=breaking, TMPDIR=str(tmp_path))
    assert refused.code == 1
    (kept,) = tmp_path.iterdir()
    assert f"kept in {kept}" in refused.err
    mending = """sed -i 's/"version": 0/"version": 1/'"""
    mended = bilhetagem(system, "dead-letters", "edit", key, "--json", EDITOR=mending, TMPDIR=str(tmp_path))
    assert mended.code == 0, mended.err
    (outcome,) = mended.json
    assert outcome["outcome"] == "handled"
    assert outcome["id"] != key
    assert key not in dead_letters(system)
    assert list(tmp_path.iterdir()) == [kept]


def test_each_dead_letter_sent_back_is_told_what_became_of_it(system: System, ana: UserRegistered) -> None:
    early = wrapped(CancelOrder(order_id=a_fresh_id(), reason="cancelled", caller="anonymous"))
    bodies = {"handled": wrapped(ana), "parked": early}
    for body in bodies.values():
        put(system, "order-underway-dlq", json.dumps(body))
    ids = {body["id"]: outcome for outcome, body in bodies.items()}
    some = [argument for key in ids for argument in ("--id", key)]

    planned = bilhetagem(system, "dead-letters", "redrive", *some, "--dry-run", "--json")
    assert {letter["id"]: letter["prospect"] for letter in planned.json} == dict.fromkeys(
        ids, "order would try it again"
    )
    assert ids.keys() <= (dead_letters(system)).keys()

    sent = bilhetagem(system, "dead-letters", "redrive", *some, "--json")

    assert sent.code == 0, sent.out
    assert outcomes(sent) == ids
    assert not ids.keys() & (dead_letters(system)).keys()

    # The same message once more: its listener knows it.
    (handled, *_) = ids
    put(system, "order-underway-dlq", json.dumps(bodies["handled"]))
    planned = bilhetagem(system, "dead-letters", "redrive", "--id", handled, "--dry-run")
    assert "order would drop it: it has handled the message already" in planned.out
    repeated = bilhetagem(system, "dead-letters", "redrive", "--id", handled, "--json")
    assert outcomes(repeated) == {handled: "handled before"}


def outcomes(said: Said) -> Mapping[str, str]:
    return {letter["id"]: letter["outcome"] for letter in said.json}


def test_garbage_is_discarded_with_who_and_why(system: System, tmp_path: Path) -> None:
    known = dead_letters(system)
    put(system, "payment-underway", "garbage")
    now = until_dead(system, lambda letters: letters.keys() - known.keys())
    (key,) = now.keys() - known.keys()
    note = tmp_path / "discarded.jsonl"

    given_up = bilhetagem(
        system, "dead-letters", "discard", key, "--why", "put there by a test", "--by", "ana", "--record", str(note)
    )

    assert given_up.code == 0, given_up.err
    assert given_up.json == json.loads(note.read_text())
    assert (given_up.json["why"], given_up.json["by"]) == ("put there by a test", "ana")
    assert key not in dead_letters(system)
    twice = bilhetagem(system, "dead-letters", "discard", key, "--why", "again")
    assert (twice.code, twice.err) == (
        *(1, f"Error: There is no dead letter {key}. See `bilhetagem dead-letters --list`.\n"),
    )
