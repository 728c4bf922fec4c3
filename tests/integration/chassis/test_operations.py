"""Operators' routes: what a service did, and sending it again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from contracts.message import Envelope
from contracts.user import UserUpdated
from services.chassis.storage import SqlStore
from tests.chassis import KINDS, Counting, cancelling, delivered, metadata, tables
from tests.front import OPERATORS_SECRET, Desk, Row, assert_problem, minted

OPERATOR = {"Authorization": f"Bearer {OPERATORS_SECRET}"}


async def handle(desk: Desk, *envelopes: Envelope) -> None:
    """Let the service's worker handle messages, in one batch, and send what follows."""
    database = desk.running.database
    async with database.writing() as connection:
        await connection.run_sync(metadata.tables["counts"].create, checkfirst=True)
    counting = Counting(SqlStore(database, KINDS, tables))
    await counting.pipeline().handle([delivered(envelope) for envelope in envelopes])


async def lose_timers(desk: Desk, *, due: str) -> None:
    """Empty the outbox, of timers that the journal says were due at this time."""
    inbox, outbox = desk.running.service.tables.inbox, desk.running.service.tables.outbox
    async with desk.running.database.writing() as connection:
        await connection.execute(delete(outbox))
        for emitted in (await connection.execute(select(inbox.c.emitted))).scalars().all():
            told = [{**envelope, "due": due} if "due" in envelope else envelope for envelope in emitted]
            await connection.execute(update(inbox).values(emitted=told))


async def journal(desk: Desk, **about: Any) -> dict[str, Any]:
    answer = await desk.client.get("/operations/journal", params=about, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("path", ["journal", "purchases", "journal/6f1c2d3e-8a4b-4c5d-9e6f-7a8b9c0d1e2f"])
async def test_they_are_for_operators_only(holding: Desk, path: str) -> None:
    assert_problem(await holding.client.get(f"/operations/{path}"), 401, "unauthorized")


async def test_they_are_in_no_document(holding: Desk) -> None:
    assert "/operations" not in str((await holding.client.get("/openapi.json")).json())


async def test_the_journal_tells_what_was_handled_in_its_order_and_what_followed(holding: Desk) -> None:
    first, second = minted(), minted(timedelta(minutes=1))
    one, other = cancelling(first), cancelling(second)
    await handle(holding, one, other)
    found = await journal(holding, correlation=[str(first), str(second)])
    assert [(h["envelope"]["id"], h["position"]) for h in found["handled"]] == [(str(one.id), 0), (str(other.id), 1)]
    handled = found["handled"][0]
    assert handled["outcome"] == "handled"
    assert [e["type"].split(".")[2] for e in handled["emitted"]] == ["hold-released", "expire-reservation"]
    assert [e.get("due") for e in handled["emitted"]] == [None, "2199-01-01T00:00:00+00:00"]
    assert handled["read"] == [{"kind": "Count", "id": str(first), "columns": None}]
    assert [u["envelope"]["type"].split(".")[2] for u in found["unsent"]] == ["expire-reservation"] * 2


async def test_a_message_is_found_by_its_id_and_its_repeats_are_counted(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    await handle(holding, message)
    answer = await holding.client.get(f"/operations/journal/{message.id}", headers=OPERATOR)
    assert [(h["envelope"]["id"], h["repeats"]) for h in answer.json()["handled"]] == [(str(message.id), 1)]
    assert_problem(await holding.client.get(f"/operations/journal/{uuid4()}", headers=OPERATOR), 404, "not_found")


async def test_the_journal_tells_for_how_long_it_remembers(holding: Desk) -> None:
    holding.running.settings.retention = timedelta(days=31)
    assert (await journal(holding))["retention"] == "P31D"


async def test_a_message_that_nobody_has_handled_is_found_by_its_id_among_what_was_emitted(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    (handled,) = (await journal(holding, message=str(message.id)))["handled"]
    for envelope in handled["emitted"]:
        answer = await holding.client.get(f"/operations/emitted/{envelope['id']}", headers=OPERATOR)
        assert answer.json() == envelope
    assert_problem(await holding.client.get(f"/operations/emitted/{message.id}", headers=OPERATOR), 404, "not_found")


async def test_what_was_emitted_is_sent_again_to_whom_it_is_for(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    (handled,) = (await journal(holding, message=str(message.id)))["handled"]
    expiry = handled["emitted"][1]["id"]
    await lose_timers(holding, due="2020-01-01T00:00:00+00:00")
    wanted = {"messages": [{"id": expiry, "cause": str(message.id)}, {"id": str(uuid4()), "cause": str(message.id)}]}
    answer = await holding.client.post("/operations/resend", json=wanted, headers=OPERATOR)
    assert [(sent["id"], sent["queue"]) for sent in answer.json()["sent"]] == [(expiry, "reservation-underway")]
    assert answer.json()["unknown"] == [wanted["messages"][1]["id"]]
    assert await holding.running.outbox.relay_once() == 1
    assert [str(envelope.id) for envelope in holding.sent] == [expiry]
    twice = {"messages": [{"id": expiry, "cause": str(message.id), "to": [name]} for name in ("ticket", "reservation")]}
    sent = (await holding.client.post("/operations/resend", json=twice, headers=OPERATOR)).json()["sent"]
    assert [one["queue"] for one in sent] == ["reservation-underway"]
    for_nobody = {"messages": [{"id": expiry, "cause": str(message.id), "to": ["ticket"]}]}
    assert (await holding.client.post("/operations/resend", json=for_nobody, headers=OPERATOR)).json()["sent"] == []


async def test_a_timer_that_is_due_later_waits_for_that_again(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    await lose_timers(holding, due="2199-01-01T00:00:00+00:00")
    (handled,) = (await journal(holding, message=str(message.id)))["handled"]
    wanted = {"messages": [{"id": handled["emitted"][1]["id"], "cause": str(message.id), "to": ["reservation"]}]}
    assert (await holding.client.post("/operations/resend", json=wanted, headers=OPERATOR)).json()["unknown"] == []
    assert await holding.running.outbox.relay_once() == 0
    (waiting,) = (await journal(holding, correlation=message.message.correlation))["unsent"]
    assert waiting["send_at"] == "2199-01-01T00:00:00Z"


async def test_what_waits_in_the_outbox_is_sent_now(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    (waiting,) = (await journal(holding, correlation=message.message.correlation))["unsent"]
    wanted = {"messages": [{"id": waiting["message_id"]}]}
    await holding.client.post("/operations/resend", json=wanted, headers=OPERATOR)
    assert await holding.running.outbox.relay_once() == 1
    assert [str(envelope.id) for envelope in holding.sent] == [waiting["message_id"]]
    assert (await journal(holding, correlation=message.message.correlation))["unsent"] == []


@pytest.mark.parametrize(("to", "found"), [(["ticket"], False), (["ticket", "reservation"], True), (None, True)])
async def test_of_what_waits_in_the_outbox_only_what_is_for_the_named_listeners_is_sent(
    holding: Desk, to: list[str] | None, found: bool
) -> None:
    message = cancelling()
    await handle(holding, message)
    (waiting,) = (await journal(holding, correlation=message.message.correlation))["unsent"]
    wanted = {"messages": [{"id": waiting["message_id"], "to": to}]}
    answer = (await holding.client.post("/operations/resend", json=wanted, headers=OPERATOR)).json()
    assert [sent["queue"] for sent in answer["sent"]] == (["reservation-underway"] if found else [])
    assert answer["unknown"] == ([] if found else [waiting["message_id"]])
    assert await holding.running.outbox.relay_once() == int(found)


async def test_what_sqs_does_not_accept_stays_in_the_outbox(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    expiry = (await journal(holding, message=str(message.id)))["handled"][0]["emitted"][1]["id"]
    await lose_timers(holding, due="2020-01-01T00:00:00+00:00")
    holding.refuse = lambda row: True
    wanted = {"messages": [{"id": expiry, "cause": str(message.id)}]}
    assert (await holding.client.post("/operations/resend", json=wanted, headers=OPERATOR)).status_code == 200
    assert await holding.running.outbox.relay_once() == 1
    assert len((await journal(holding, correlation=message.message.correlation))["unsent"]) == 1


async def test_the_ingress_itself_sends_nothing_again(holding: Desk) -> None:
    message = cancelling()
    await handle(holding, message)
    emitted = (await journal(holding, message=str(message.id)))["handled"][0]["emitted"]
    wanted = {"messages": [{"id": each["id"], "cause": str(message.id)} for each in emitted]}
    answer = await holding.client.post("/operations/resend", json=wanted, headers=OPERATOR)
    assert answer.json()["sent"]
    assert holding.sent == []


async def test_personal_data_of_what_waits_is_not_told(registering: Desk) -> None:
    registering.refuse = lambda row: True
    user = (await registering.client.post("/users/", json={"name": "Ana Souza"})).json()["id"]
    found = await journal(registering, correlation=user)
    assert len(found["unsent"]) == 2
    assert "Ana" not in str(found)


async def test_a_fact_is_told_anew_from_its_row_with_the_personal_data_that_only_the_row_has(
    registering: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row(minted(), "Ana Souza", "registered")
    await registering.put(row)
    told = {Row: lambda one: UserUpdated(user_id=one.id, version=7, name=one.name)}
    service = replace(registering.running.service, facts=told)
    front = replace(registering.app.state.front, running=replace(registering.running, service=service))
    monkeypatch.setattr(registering.app.state, "front", front)
    unknown = uuid4()
    wanted = {"facts": [str(row.id), str(unknown)]}
    answer = (await registering.client.post("/operations/resend", json=wanted, headers=OPERATOR)).json()
    assert sorted(sent["queue"] for sent in answer["sent"]) == ["order-underway", "ticket-underway"]
    assert answer["unknown"] == [str(unknown)]
    assert await registering.running.outbox.relay_once() == 2
    assert {envelope.message for envelope in registering.sent} == {
        UserUpdated(user_id=row.id, version=7, name=row.name)
    }
