"""structlog for the control process, in the shape that `proxy.telemetry.diagnostics` writes.

Import only there: it costs 0.1 s of start-up and 15 MB.
"""

from __future__ import annotations

import logging
import sys
import time

import structlog
from structlog.typing import EventDict, WrappedLogger

from proxy.telemetry.diagnostics import stamp


def set_up(process: str, level: str = "info") -> None:
    """Send structlog and the standard library's `logging` (uvicorn, SQLAlchemy) to stderr as JSON lines from `level` up."""
    floor = logging.getLevelNamesMapping()[level.upper()]

    def place(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {"at": stamp(time.time()), "level": method, "process": process, "event": event.pop("event", ""), **event}

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        place,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(floor),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_foreign_exception],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda logger, _method, event: place(logger, event.pop("level_name", "info"), event),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [to_stderr]
    root.setLevel(max(floor, logging.WARNING))


def _foreign_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Level and exception of a record that came through `logging`."""
    record: logging.LogRecord = event["_record"]
    event["level_name"] = record.levelname.lower()
    event["logger"] = record.name
    if record.exc_info:
        event["exc_info"] = record.exc_info
    return structlog.processors.format_exc_info(_logger, _method, event)
