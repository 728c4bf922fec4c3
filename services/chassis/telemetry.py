"""Logs: one event per line, JSON for machines or coloured text for people. What is logged holds no personal data: ids,
slugs and figures only, and no request bodies. ``redaction`` is the net below that rule.
"""

import logging
import sys
from typing import Literal, TextIO, override

import structlog
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import EventDict, Processor

from services.chassis.redaction import redacted, traceback_of
from services.chassis.tracing import trace_id


class LogSettings(BaseSettings):
    """How much is logged, and in which shape."""

    model_config = SettingsConfigDict(env_prefix="BILHETAGEM_LOG_", extra="ignore", use_attribute_docstrings=True)

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious that is logged: debug, info, warning or error."""

    format: Literal["json", "console"] = "json"
    """``json`` for machines, ``console`` for people."""


_CHATTERS = (
    *("aiobotocore", "boto3", "botocore", "httpcore", "httpx", "urllib3", "uvicorn"),
    *("aiosqlite", "alembic", "asyncio", "fontTools", "fpdf"),
)
"""Libraries that tell of every step at level info: only their warnings are of interest."""


class _Handler(logging.StreamHandler[TextIO]):
    @override
    def handleError(self, record: logging.LogRecord) -> None:
        # The stream cannot be written, as on a full disk: a trace for every event on stderr would say no more of it.
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def log_to(stream: TextIO | None = None, settings: LogSettings | None = None) -> None:
    """Send our own events and those of the libraries to a stream (stdout), in one shape. The last call counts."""
    stream, chosen = stream or sys.stdout, settings or LogSettings()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _in_trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(chosen.level),
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if chosen.format == "json"
        # Its own traceback would show local variables: they hold messages, and so personal data.
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(traceback_of),
                redacted,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(chosen.level.upper())
    for library in _CHATTERS:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _in_trace(_: object, __: str, event: EventDict) -> EventDict:
    if found := trace_id():
        event.setdefault("trace_id", found)
    return event


def log_as(**names: str) -> None:
    """Put these names on every event of the current task and of those that it starts."""
    structlog.contextvars.bind_contextvars(**names)
