"""The console in a real browser, over a real system: a purchase is followed and mended, by keyboard and on a phone."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from contracts.routes import Queue
from services.operations.deployment import find
from services.operations.queue_access import QueueAccess, open_access
from services.operations.queues import Seen
from tests.e2e.box_office import BoxOffice, an_office
from tests.e2e.browser import CHROMIUM, a_page, broken_ids, overflow, tab_to, too_faint
from tests.e2e.queues import until_quiet
from tests.e2e.system import System
from tests.eventually import eventually

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian, Ubuntu: apt install chromium)"
)

TICKETS = Queue("ticket", "underway")
FAILED = {
    "reason": "failed",
    "error": "ClientError: <b>SlowDown</b>",
    "place": "services/ticket/adapters/s3.py:48 put",
    "receives": "8",
}


@dataclass(frozen=True)
class Broken:
    """A purchase whose tickets were not issued: its message is a dead letter."""

    order: str
    dead: str


def url_of(system: System) -> str:
    return f"http://127.0.0.1:{system.port + 8}"


async def sign_in(page: Page, system: System) -> None:
    await page.goto("/login")
    await page.fill("#password", system.secrets["BILHETAGEM_OPERATORS_SECRET"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Overview")).to_be_visible()


@asynccontextmanager
async def delayed(access: QueueAccess, queue: Queue) -> AsyncIterator[None]:
    """Messages that are sent to a queue meanwhile stay unseen by its worker."""
    url = await access.queues.url(queue.name)
    await access.queues.client.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "900"})
    try:
        yield
    finally:
        await access.queues.client.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})


async def break_one(system: System, office: BoxOffice) -> Broken:
    """Buy, take the message that would issue the tickets off its queue, and bury it as a worker does."""
    ticket, buyer = await office.put_on_sale(10), await office.buyer()
    reservation = await office.reserve(buyer, ticket)
    await until_quiet(system)
    async with open_access(find(system.state, None, {})) as access, delayed(access, TICKETS):
        order = await office.order(buyer, [reservation], 100)

        async def confirmed() -> list[Seen]:
            return [seen for seen in await access.look(TICKETS.name) if order in seen.body]

        (lost,) = await eventually(confirmed)
        client, dead = access.queues.client, await access.queues.url(TICKETS.dead_letter_name)
        await client.purge_queue(QueueUrl=await access.queues.url(TICKETS.name))
        about = {name: {"DataType": "String", "StringValue": value} for name, value in FAILED.items()}
        await client.send_message(QueueUrl=dead, MessageBody=lost.body, MessageAttributes=about)  # type: ignore[arg-type]
        return Broken(order, json.loads(lost.body)["id"])


@pytest.fixture(scope="module")
def broken(system: System) -> Broken:
    async def main() -> Broken:
        async with an_office(system) as office:
            return await break_one(system, office)

    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "test")  # LocalStack's
        return asyncio.run(main())


async def test_a_purchase_is_followed_by_keyboard_alone(system: System, broken: Broken) -> None:
    (link,) = re.findall(r"http://\S+/login\?once=\S+", system.said)
    async with a_page(url_of(system)) as page:
        await page.goto(link)
        await page.keyboard.press("Enter")
        await expect(page).to_have_title(re.compile("Overview"))
        await tab_to(page, "Skip to the content")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.goto("/")
        await tab_to(page, "Purchases")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Purchases")).to_be_visible()
        await tab_to(page, f"…{broken.order[-8:]}")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("operator")).to_be_visible()

        await tab_to(page, "PaymentApproved")
        await page.keyboard.press("Enter")
        await expect(page.locator("#message pre")).to_contain_text("bilhetagem.payment.payment-approved.v1")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")

        await expect(page.locator("#message")).to_contain_text("dead letter")
        await expect(page.locator("#message")).to_contain_text("<b>SlowDown</b>")
        async with page.expect_response(lambda answer: broken.order in answer.url):
            pass  # it refreshed itself
        await expect(page.locator(":focus")).to_contain_text("ReservationsConfirmed")
        assert f"message={broken.dead}" in page.url
        await page.go_back()
        await expect(page.locator("#message pre")).to_contain_text("payment-approved")


async def test_any_id_leads_to_the_purchase(system: System, broken: Broken) -> None:
    async with a_page(url_of(system)) as page:
        await sign_in(page, system)
        await page.fill("#q", broken.dead)
        await page.keyboard.press("Enter")

        await expect(page).to_have_title(re.compile(broken.order[-8:]))
        await expect(page.locator("#message-title")).to_have_text("ReservationsConfirmed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 720, 1040, 1280])
async def test_every_page_fits_and_can_be_read(
    system: System, broken: Broken, width: int, scheme: Literal["light", "dark"]
) -> None:
    pages = [
        "/",
        "/purchases",
        "/purchases?stuck=1s",
        f"/purchases/{broken.order}",
        f"/purchases/{broken.order}?message={broken.dead}",
        f"/purchases/{broken.order}/resend",
        "/dead-letters",
        "/dead-letters?reason=failed&type=ReservationsConfirmed",
        f"/dead-letters/{broken.dead}",
        f"/dead-letters/{broken.dead}/edit",
        f"/dead-letters/redrive?id={broken.dead}",
    ]
    async with a_page(url_of(system), width=width, scheme=scheme) as page:
        await page.goto("/login")
        assert await too_faint(page) == []
        await sign_in(page, system)
        for path in pages:
            answer = await page.goto(path)
            assert answer is not None
            assert (path, answer.status) == (path, 200)
            assert (path, await overflow(page)) == (path, 0)
            assert (path, await too_faint(page)) == (path, [])
            assert (path, await broken_ids(page)) == (path, [])


async def test_the_theme_can_be_chosen_and_is_kept(system: System) -> None:
    async with a_page(url_of(system), scheme="light") as page:
        await sign_in(page, system)
        light = await page.evaluate("getComputedStyle(document.body).backgroundColor")

        await page.get_by_role("button", name="Dark").click()
        dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await page.reload()

        assert dark != light
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


async def test_a_hidden_tab_asks_for_nothing(system: System) -> None:
    asked: list[str] = []
    async with a_page(url_of(system)) as page:
        await sign_in(page, system)
        async with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
            pass
        await page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        page.on("request", lambda request: asked.append(request.url))
        await page.evaluate("""() => new Promise((resolve) => {
          let turns = 0;
          document.getElementById("live").addEventListener("every", () => { if (++turns === 2) resolve(); });
        })""")
        assert asked == []

        async with page.expect_request(lambda request: request.headers.get("hx-request") == "true"):
            await page.evaluate("Object.defineProperty(document, 'hidden', {value: false})")


async def test_a_dead_letter_is_sent_back_and_the_purchase_ends_well(
    system: System, broken: Broken, office: BoxOffice
) -> None:
    async with a_page(url_of(system)) as page:
        await sign_in(page, system)
        await page.get_by_role("link", name="Dead letters").first.click()
        row = page.get_by_role("row").filter(has_text="SlowDown")
        await expect(row).to_contain_text("failed")
        await row.get_by_role("link", name="Send back").click()
        await expect(page.get_by_role("row").filter(has_text="ReservationsConfirmed")).to_contain_text(
            "ticket would try it again"
        )
        await page.get_by_role("button", name="Send back").click()

        await expect(page.get_by_text("ticket emitted TicketsIssued")).to_be_visible(timeout=30_000)
        await office.order_becomes(broken.order, "completed")
        await page.goto(f"/purchases/{broken.order}")
        await expect(page.get_by_text("OrderCompleted")).to_be_visible()
        await expect(page.get_by_role("heading", name="Waits for")).to_have_count(0)
