"""The demonstration: the whole system is started, three buyers come, and everything is stopped again."""

import asyncio
import logging
import shutil
import time
from contextlib import suppress

from services.chassis.process import Interrupted, run, stopped_by_signals
from services.chassis.telemetry import LogSettings, log_to
from services.operations.client import Bilhetagem
from services.operations.commands import console
from services.operations.demo.news import News
from services.operations.demo.screen import Screen
from services.operations.demo.story import Ending, play
from services.operations.deployment import find
from services.operations.infrastructure import Ground
from services.operations.journals import open_journals
from services.operations.system import Open, Plan, run_system
from services.operations.verifying import told

HOLD_SECONDS = 12
"""Long enough to order and pay on a busy machine, short enough to watch a hold run out."""

_SETTINGS = {
    "BILHETAGEM_HOLD_SECONDS": str(HOLD_SECONDS),
    "BILHETAGEM_ORDER_PAYMENT_MARGIN": "PT1S",
    "BILHETAGEM_PAYMENT_CONFIRMATION_SECONDS": "1",
}


def show(ground: Ground, port: int) -> None:
    """Run the demonstration. Raises Trouble when something does not go as it should, KeyboardInterrupt on Ctrl-C."""
    try:
        run(_main(ground, port))
    except Interrupted:
        raise KeyboardInterrupt from None


async def _main(ground: Ground, port: int) -> None:
    begun = time.monotonic()
    screen = Screen(console)
    endings: list[Ending] = []
    ready_after = 0.0
    urls: list[str] = []

    async def buy(system: Open) -> None:
        nonlocal ready_after
        ready_after = time.monotonic() - begun
        urls.append(system.url)
        endings.append(await _watched(screen, system.url, ground))

    async with stopped_by_signals() as stop:
        _begin_anew(ground)
        with ground.state.log("demo").open("w") as log:
            log_to(log, LogSettings(level="info", format="console"))
            try:
                await run_system(Plan(ground=ground, port=port, settings=_SETTINGS), stop, screen.say, buy)
            finally:
                screen.close()
                logging.getLogger().handlers.clear()  # the file is closed
    ending = endings[0]
    screen.summary(
        [
            *(("Ticket", str(pdf)) for pdf in ending.pdfs),
            ("QR codes", "genuine: " + told(ending.claims[0]) + f", and {len(ending.claims) - 1} more"),
            ("Ready to sell", f"after {ready_after:.1f} s; all over after {time.monotonic() - begun:.1f} s"),
            ("Bought at", f"{urls[0]} (API Gateway)"),
            ("Log", str(ground.state.log("demo"))),
            ("Next", "make run keeps it running; docs/run-instructions.md is a purchase by hand"),
        ]
    )


def _begin_anew(ground: Ground) -> None:
    """LocalStack has forgotten the last demonstration's queues, so its databases go too; the secrets stay."""
    with ground.state.held():
        for database in ground.state.folder.glob("*.db*"):
            database.unlink()
        shutil.rmtree(ground.state.folder / "postgres", ignore_errors=True)


async def _watched(screen: Screen, url: str, ground: Ground) -> Ending:
    async with (
        open_journals(find(ground.state.folder, None, {})) as journals,
        Bilhetagem.at(url) as shop,
    ):
        news = News(journals)
        screen.begin()
        watching = asyncio.create_task(_tell(screen, news))
        try:
            return await play(shop, screen, ground.state.folder)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await _tell_once(screen, news)


async def _tell(screen: Screen, news: News) -> None:
    while True:
        await _tell_once(screen, news)
        await asyncio.sleep(0.3)


async def _tell_once(screen: Screen, news: News) -> None:
    for reaction in await news.about(screen.followed):
        screen.happened(reaction)
