"""Logs: one line per event, in one shape for our own events and the libraries'."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.chassis.telemetry import LogSettings, log_as, log_to


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers, root.level = before, level
    structlog.reset_defaults()


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_an_event_is_a_line_with_the_names_of_the_task_that_logged_it(stream: io.StringIO) -> None:
    log_to(stream, LogSettings(level="info", format="json"))

    async def work(service: str) -> None:
        log_as(service=service)
        await asyncio.sleep(0)
        structlog.get_logger().info("handled", messages=2)

    await asyncio.gather(work("order"), work("payment"))

    assert [(e["event"], e["service"], e["messages"], e["level"]) for e in events(stream)] == [
        ("handled", "order", 2, "info"),
        ("handled", "payment", 2, "info"),
    ]


def test_what_is_below_the_level_is_not_logged(stream: io.StringIO) -> None:
    log_to(stream, LogSettings(level="warning", format="json"))

    structlog.get_logger().info("chatter")
    logging.getLogger("httpx").info("HTTP Request: GET ...")
    logging.getLogger("uvicorn.error").warning("trouble")

    assert [event["event"] for event in events(stream)] == ["trouble"]


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    log_to(stream, LogSettings(level="info", format="json"))

    try:
        raise RuntimeError("lost")
    except RuntimeError:
        structlog.get_logger().exception("request_failed")

    (event,) = events(stream)
    assert "RuntimeError: lost" in event["exception"]
