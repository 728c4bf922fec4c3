"""Spans of SQL statements, by OpenTelemetry's conventions for databases, within what is traced: a service that looks
for work, and finds none, makes no spans.

The text of a statement has placeholders; what is put in their place may be personal data, and is not told.
"""

import re
from typing import Any

from opentelemetry.semconv.attributes.db_attributes import (
    DB_COLLECTION_NAME,
    DB_NAMESPACE,
    DB_OPERATION_BATCH_SIZE,
    DB_OPERATION_NAME,
    DB_QUERY_TEXT,
    DB_SYSTEM_NAME,
)
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS
from opentelemetry.trace import Span, SpanKind, get_current_span
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from services.chassis import tracing

_SPAN = "span"
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?(\w+)')


def trace_sql(engine: Engine, namespace: str) -> None:
    """Have a span made for each statement of an engine. ``namespace`` is what its database is called."""
    system = engine.dialect.name
    place = {DB_SYSTEM_NAME: system, DB_NAMESPACE: namespace}
    if engine.url.host:
        place[SERVER_ADDRESS] = engine.url.host

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Connection, _: object, statement: str, given: Any, __: object, many: bool) -> None:
        operation = statement.split(None, 1)[0].upper()
        if operation == "BEGIN" or not get_current_span().is_recording():
            return
        attributes: dict[str, Any] = {**place, DB_OPERATION_NAME: operation, DB_QUERY_TEXT: statement}
        if many and len(given) > 1:
            attributes[DB_OPERATION_BATCH_SIZE] = len(given)
        target = namespace
        if found := _TABLE.search(statement):
            target = attributes[DB_COLLECTION_NAME] = found[1]
        connection.info[_SPAN] = tracing.begin(f"{operation} {target}", SpanKind.CLIENT, attributes)

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Connection, *_: object) -> None:
        if span := _taken(connection):
            span.end()

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        if span := _taken(context.connection):
            tracing.fail(span, type(context.original_exception).__name__)
            span.end()


def _taken(connection: Connection | None) -> Span | None:
    span: Span | None = connection.info.pop(_SPAN, None) if connection is not None else None
    return span
