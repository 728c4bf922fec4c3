"""The console's pages: what they show of a system, and that nothing in it becomes markup."""

import html
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.ids import uuid7
from services.chassis.journal import Failed, Handled, Journal
from services.chassis.purchases import Purchase
from services.operations import finding
from services.operations.console import watching
from services.operations.queues import Seen
from tests.eventually import eventually
from tests.unit.operations.console import Answers, Browser, MemoryQueues, a_console
from tests.unit.operations.letters import FAILED, an_approval, body_of, seen

HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
HALF = "\ud800"
"""Of a surrogate pair: JSON can name it, and no encoding can."""

DEAD = "reservation-underway-dlq"
NOW = datetime.now(UTC)
ORDER = uuid7(NOW - timedelta(minutes=9), 1)
PLACED = {
    "specversion": "1.0",
    "id": str(uuid4()),
    "source": "/bilhetagem/order",
    "type": "bilhetagem.order.order-placed.v1",
    "subject": str(ORDER),
    "time": (NOW - timedelta(minutes=9)).isoformat(),
    "correlationid": str(ORDER),
    "data": {"order_id": str(ORDER), "name": HOSTILE},
}


def a_purchase(status: str = "placed", *, at_rest: bool = False) -> Purchase:
    return Purchase(
        id=ORDER, event_id=UUID(int=7), status=status, reason=None, created_at=NOW - timedelta(minutes=9),
        at_rest=at_rest,
    )  # fmt: skip


def hostile_answers() -> Answers:
    """A purchase of which every text that a client or an exception can choose is markup."""
    handled = Handled(
        envelope=PLACED, outcome="handled", handled_at=NOW - timedelta(minutes=9), position=0, effect=None, read=[],
        emitted=[], repeats=2,
    )  # fmt: skip
    failed = Failed(envelope=PLACED, number=1, error=HOSTILE, place=HOSTILE, failed_at=NOW)
    product = Journal(service="product", failed=[failed])
    reservation = Journal(service="reservation", handled=[handled])
    return Answers(journals={"product": product, "reservation": reservation}, purchases=[a_purchase()])


def hostile_letters() -> list[Seen]:
    return [
        seen(HOSTILE, {"reason": HOSTILE, "error": HOSTILE, "place": HOSTILE}),
        seen(json.dumps({"id": HOSTILE, "type": HOSTILE, "correlationid": HOSTILE, "data": {HOSTILE: HOSTILE}})),
        seen(json.dumps({"type": HALF, "correlationid": HALF, "data": {HALF: HALF}})),
    ]


def approved(order: int = 1) -> str:
    """A message's body that is not too old."""
    return body_of(an_approval(order), at=NOW)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def elements(text: str) -> list[tuple[str, dict[str, str]]]:
    """The elements of a page as a browser reads it, with their attributes."""
    parser = _Elements()
    parser.feed(text)
    return parser.found


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Browser]:
    async with a_console(tmp_path) as browser:
        yield await browser.sign_in()


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/", "Put an event on sale"),
        ("/purchases", "Nobody has bought anything yet"),
        ("/purchases?state=held", "Show all of them"),
        ("/dead-letters", "ends here after its last try"),
    ],
)
async def test_an_empty_page_says_what_to_do(empty: Browser, path: str, advice: str) -> None:
    answer = await empty.get(path)

    assert answer.status_code == 200
    assert advice in answer.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/purchases/6f1c2d3e-8a4b-4c5d-9e6f-7a8b9c0d1e2f", "No service knows"),
        ("/search?q=<b>", "&lt;b&gt;” is no id"),
        ("/purchases?event=x", "is no id"),
        ("/purchases?since=yesterday", "is no time"),
        ("/dead-letters/00000000-0000-0000-0000-000000000000", "There is no dead letter"),
        ("/dead-letters/redrives/9", "not remembered"),
        ("/nothing", "There is no such page"),
    ],
)
async def test_what_is_not_there_is_said_in_words(empty: Browser, path: str, said: str) -> None:
    answer = await empty.get(path)

    assert answer.status_code in {200, 404}
    assert said in answer.text.replace("&#39;", "'")


async def test_no_text_from_outside_becomes_markup(tmp_path: Path) -> None:
    letters = hostile_letters()
    async with a_console(tmp_path, MemoryQueues({DEAD: letters}), hostile_answers()) as browser:
        await browser.sign_in()
        paths = [
            "/",
            "/purchases",
            f"/purchases/{ORDER}",
            f"/purchases/{ORDER}?message={PLACED['id']}",
            f"/purchases/{ORDER}/resend",
            "/dead-letters",
            "/dead-letters?reason=undecodable",
            *(f"/dead-letters/{letter.sqs_id}" for letter in letters),
            *(f"/dead-letters/{letter.sqs_id}/edit" for letter in letters),
            "/dead-letters/redrive",
        ]
        shown = ""
        for path in paths:
            answer = await browser.get(path)
            assert answer.status_code == 200, path
            shown += answer.text

    assert "alert(" in shown  # it was there to be escaped
    for tag, attributes in elements(shown):
        assert tag not in {"img", "style", "iframe"}
        assert tag != "script" or attributes["src"].startswith("/static/")
        assert not [name for name in attributes if name.startswith(("on", "hx-on")) or name == "style"]
        assert attributes.get("href", "/").startswith(("/", "#"))


async def test_a_stuck_purchase_and_dead_letters_are_what_the_overview_begins_with(tmp_path: Path) -> None:
    queues = MemoryQueues({DEAD: [seen(approved(), FAILED)], "product-underway": [seen(json.dumps(PLACED))]})
    async with a_console(tmp_path, queues, hostile_answers()) as browser:
        await browser.sign_in()
        text = (await browser.get("/")).text

    assert "Needs a look: 1 stuck, 1 dead-lettered" in text
    assert f'href="/purchases/{ORDER}"' in text
    assert "OrderPlaced 1" in text


async def test_a_service_that_does_not_answer_is_named_and_heard_again(tmp_path: Path) -> None:
    answers = hostile_answers()
    answers.silent.add("payment")
    async with a_console(tmp_path, answers=answers) as browser:
        await browser.sign_in()
        assert "No answer from payment" in (await browser.get(f"/purchases/{ORDER}")).text
        answers.silent.clear()
        assert "No answer" not in (await browser.get(f"/purchases/{ORDER}")).text


async def test_a_lost_message_is_sent_again_after_a_look_at_what_would_be_sent(tmp_path: Path) -> None:
    place = PLACED | {"id": str(uuid4()), "type": "bilhetagem.order.place-order.v1"}
    placed = PLACED | {"causationid": place["id"]}
    handled = Handled(
        envelope=place, outcome="handled", handled_at=NOW - timedelta(minutes=9), position=0, effect=None, read=[],
        emitted=[placed], repeats=0,
    )  # fmt: skip
    answers = Answers(journals={"order": Journal(service="order", handled=[handled])}, purchases=[a_purchase()])
    async with a_console(tmp_path, answers=answers) as browser:
        await browser.sign_in()
        assert f'href="/purchases/{ORDER}/resend"' in (await browser.get(f"/purchases/{ORDER}")).text
        assert "OrderPlaced to product-underway" in (await browser.get(f"/purchases/{ORDER}/resend")).text
        assert answers.resent == []

        assert (await browser.post(f"/purchases/{ORDER}/resend")).status_code == 303
        assert "Sent again" in (await browser.get(f"/purchases/{ORDER}")).text

    ((service, wanted),) = answers.resent
    assert service == "order"
    assert {again.id for again in wanted.messages} == {UUID(str(placed["id"]))}


async def test_an_envelope_is_shown_as_cloudevents_writes_it_whatever_order_the_database_keeps(tmp_path: Path) -> None:
    scrambled = {name: PLACED[name] for name in sorted(PLACED, key=len)}
    tried = Failed(envelope=scrambled, number=1, error="ValueError", place="x.py:1", failed_at=NOW)
    answers = Answers(journals={"product": Journal(service="product", failed=[tried])}, purchases=[a_purchase()])
    async with a_console(tmp_path, answers=answers) as browser:
        await browser.sign_in()
        text = html.unescape((await browser.get(f"/purchases/{ORDER}?message={PLACED['id']}")).text)
    shown = json.loads(text.partition('aria-label="Envelope">')[2].partition("</pre>")[0])
    assert list(shown)[:6] == ["specversion", "id", "source", "type", "subject", "time"]
    assert list(shown)[-1] == "data"
    assert shown == scrambled


async def test_where_a_look_is_a_receive_nobody_looks_unasked(tmp_path: Path) -> None:
    queues = MemoryQueues({DEAD: [seen(approved(), FAILED)]}, peeks=False)
    async with a_console(tmp_path, queues) as browser:
        await browser.sign_in()
        text = (await browser.get("/dead-letters")).text
        assert "a look is a receive" in text
        assert 'id="live"' not in text
        assert queues.looks == 0

        assert "PaymentApproved" in (await browser.get("/dead-letters?look=yes")).text


async def test_dead_letters_go_back_after_a_look_at_what_would_happen(tmp_path: Path) -> None:
    letters = [seen(approved(n), FAILED) for n in (1, 2)]
    queues = MemoryQueues({DEAD: list(letters)})
    async with a_console(tmp_path, queues) as browser:
        await browser.sign_in()
        preview = (await browser.get("/dead-letters/redrive?reason=failed&type=PaymentApproved")).text
        assert "reservation would try it again" in preview
        assert len(queues.messages[DEAD]) == 2

        late = seen(approved(3), FAILED)
        queues.messages[DEAD].append(late)  # after the operator has looked
        begun = await browser.post("/dead-letters/redrive", id=[letter.sqs_id for letter in letters])

        async def sent() -> str:
            return (await browser.get(begun.headers["location"])).text

        await eventually(sent, until=lambda text: "2 of 2 sent" in text)

    assert queues.messages[DEAD] == [late]
    assert [message.body for message in queues.messages["reservation-underway"]] == [each.body for each in letters]


async def test_an_edited_message_goes_out_only_when_it_fits_the_contract(tmp_path: Path) -> None:
    broken = json.loads(approved())
    del broken["data"]["amount"]
    letter = seen(json.dumps(broken), {"reason": "undecodable", "error": "amount: Field required"})
    queues = MemoryQueues({DEAD: [letter]})
    path = f"/dead-letters/{letter.sqs_id}/edit"
    async with a_console(tmp_path, queues) as browser:
        await browser.sign_in()
        await browser.get(path)
        refused = await browser.post(path, body=letter.body, do="send")
        assert refused.status_code == 422
        assert "amount" in refused.text
        assert queues.messages[DEAD] == [letter]

        broken["data"]["amount"] = 90
        mended: dict[str, Any] = {"body": json.dumps(broken)}
        assert "fits the contract" in (await browser.post(path, do="check", **mended)).text
        assert queues.messages[DEAD] == [letter]

        begun = await browser.post(path, do="send", **mended)
        assert begun.status_code == 303

        async def queued() -> list[Seen]:
            return queues.messages.get("reservation-underway", [])

        (sent,) = await eventually(queued)

    assert json.loads(sent.body)["data"]["amount"] == 90
    assert json.loads(sent.body)["causationid"] == broken["id"]


async def test_who_discards_says_why_and_both_are_kept(tmp_path: Path) -> None:
    letter = seen(approved(), FAILED)
    queues = MemoryQueues({DEAD: [letter]})
    path = f"/dead-letters/{letter.sqs_id}"
    async with a_console(tmp_path, queues) as browser:
        await browser.sign_in()
        await browser.get(path)
        assert (await browser.post(f"{path}/discard", by="Ana", why=" ")).status_code == 409
        assert queues.messages[DEAD] == [letter]

        assert (await browser.post(f"{path}/discard", by="Ana", why="paid twice")).status_code == 303
        assert "was discarded" in (await browser.get("/dead-letters")).text

    kept = json.loads((tmp_path / "discarded.jsonl").read_text())
    assert (kept["by"], kept["why"], kept["id"]) == ("Ana", "paid twice", json.loads(letter.body)["id"])
    assert queues.messages[DEAD] == []


async def test_the_overview_shows_the_queues_where_nobody_answers_who_knows_purchases(tmp_path: Path) -> None:
    queues = MemoryQueues({"order-underway": [seen(json.dumps(PLACED))]})
    async with a_console(tmp_path, queues, Answers(silent={"order", "reservation"})) as browser:
        await browser.sign_in()
        answer = await browser.get("/")

    assert answer.status_code == 200
    assert "No answer from order, reservation" in answer.text
    assert "OrderPlaced 1" in answer.text


async def test_an_overview_to_which_nobody_answered_is_not_taken_for_a_system_that_has_sold_nothing(
    tmp_path: Path,
) -> None:
    async with a_console(tmp_path, answers=Answers(silent={"order"})) as browser:
        await browser.sign_in()
        text = (await browser.get("/")).text

    assert "Needs a look: 1 silent" in text
    assert "Nothing has been sold" not in text


async def test_a_list_that_lacks_what_a_service_knows_says_so(tmp_path: Path) -> None:
    answers = Answers(purchases=[a_purchase()], silent={"reservation"})
    async with a_console(tmp_path, answers=answers) as browser:
        await browser.sign_in()
        assert "No answer from reservation: what only it knows is missing" in (await browser.get("/purchases")).text
        answers.purchases.clear()
        text = (await browser.get("/purchases")).text

    assert "Nobody has bought anything yet" not in text


async def test_a_list_of_the_oldest_only_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST_UNDER_WAY", 0)
    async with a_console(tmp_path, answers=hostile_answers()) as browser:
        await browser.sign_in()
        assert "More purchases are under way" in (await browser.get("/purchases?stuck=5m")).text


async def test_an_overview_of_some_that_are_stuck_does_not_say_that_these_are_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_console(tmp_path, answers=hostile_answers()) as browser:
        await browser.sign_in()
        assert "Needs a look: 1 stuck" in (await browser.get("/")).text
    monkeypatch.setattr(watching, "MOST_STUCK", 1)
    async with a_console(tmp_path, answers=hostile_answers()) as browser:
        await browser.sign_in()
        text = (await browser.get("/")).text

    assert "Needs a look: 1 or more stuck" in text
    assert '<a href="#stuck">1 or more</a>' in text


async def test_a_service_that_does_not_answer_keeps_no_other_from_sending_again(tmp_path: Path) -> None:
    place = PLACED | {"id": str(uuid4()), "type": "bilhetagem.order.place-order.v1"}
    told = PLACED | {"causationid": place["id"], "data": {"order_id": str(ORDER), "user_id": str(uuid7(NOW, 2))}}
    handled = Handled(
        envelope=place, outcome="handled", handled_at=NOW - timedelta(minutes=9), position=0, effect=None, read=[],
        emitted=[told], repeats=0,
    )  # fmt: skip
    journals = {"order": Journal(service="order", handled=[handled])}
    answers = Answers(journals=journals, purchases=[a_purchase()], silent={"user"})
    async with a_console(tmp_path, answers=answers) as browser:
        await browser.sign_in()
        await browser.get(f"/purchases/{ORDER}/resend")
        assert (await browser.post(f"/purchases/{ORDER}/resend")).status_code == 303
        text = (await browser.get(f"/purchases/{ORDER}")).text

    assert [service for service, _ in answers.resent] == ["order"]
    assert "Sent again: " in text
    assert "The user service does not answer" in text
