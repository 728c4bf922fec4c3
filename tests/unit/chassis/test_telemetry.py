"""Logs: one line per event, in one shape for our own events and the libraries'."""

import asyncio
import errno
import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from pydantic import TypeAdapter, ValidationError

from services.chassis.telemetry import LogSettings, log_as, log_to
from services.chassis.trace_context import resumed


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


def test_a_full_disk_does_not_cover_the_terminal_with_traces(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stream, "write", full)
    log_to(stream, LogSettings(level="info", format="json"))

    structlog.get_logger().info("handled", messages=2)

    assert capsys.readouterr() == ("", "")


def test_what_is_below_the_level_is_not_logged(stream: io.StringIO) -> None:
    log_to(stream, LogSettings(level="warning", format="json"))

    structlog.get_logger().info("chatter")
    logging.getLogger("httpx").info("HTTP Request: GET ...")
    logging.getLogger("uvicorn.error").warning("trouble")

    assert [event["event"] for event in events(stream)] == ["trouble"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_should_not_have_been_logged_is_left_out(stream: io.StringIO, form: Literal["json", "console"]) -> None:
    log_to(stream, LogSettings(level="info", format=form))

    structlog.get_logger().info(
        "buyer_registered",
        name="Ana Souza",
        user_email="ana@example.com",
        asked={"Authorization": "Bearer abc.def", "ticket": 7},
        error="RuntimeError('ana.souza+1@example.com.br is taken, Bearer abc.def')",
        lines=["Bearer abc.def"],
        payment_token="approve",
        operators_secret="secret",
    )
    logging.getLogger("anything").warning("of %s", "ana@example.com")

    said = stream.getvalue()
    assert [word for word in ("Ana", "ana", "example.com", "abc", "approve") if word in said] == []
    assert ("buyer_registered" in said, "RuntimeError" in said, "ticket" in said) == (True, True, True)


def test_an_event_says_in_which_trace_it_happened(stream: io.StringIO) -> None:
    log_to(stream, LogSettings(level="info", format="json"))

    with resumed(f"00-{'ab' * 16}-00f067aa0ba902b7-01"):
        structlog.get_logger().info("handled")
    structlog.get_logger().info("idle")

    traced, idle = events(stream)
    assert (traced["trace_id"], idle.get("trace_id")) == ("ab" * 16, None)


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    log_to(stream, LogSettings(level="info", format="json"))

    try:
        raise RuntimeError("lost")
    except RuntimeError:
        structlog.get_logger().exception("request_failed")

    (event,) = events(stream)
    assert "RuntimeError: lost" in event["exception"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_tells_where_it_was_raised_and_nothing_that_it_was_given(
    stream: io.StringIO, form: Literal["json", "console"]
) -> None:
    log_to(stream, LogSettings(level="info", format=form))
    name, text = "Ana Souza", "ana@example.com is taken\nAna Souza"

    try:
        try:
            TypeAdapter(list[int]).validate_python([name])
        except ValidationError as error:
            raise ExceptionGroup("of one", [RuntimeError(text)]) from error
    except ExceptionGroup:
        logging.getLogger("uvicorn.error").exception("request_failed")

    said = stream.getvalue()
    assert [word for word in ("Ana", "ana", "example.com") if word in said] == []
    told = ["ValidationError: 1 validation error", "which led to", "ExceptionGroup: of one", "RuntimeError: ", __file__]
    assert [word for word in told if word not in said] == []
