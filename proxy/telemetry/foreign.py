"""What libraries say through the standard library's `logging` (uvicorn, SQLAlchemy, asyncio), in the shape of our diagnostics."""

from __future__ import annotations

import logging

from proxy.telemetry.diagnostics import LEVELS, Diagnostics


class Foreign(logging.Handler):
    """Writes each record as a line of `diagnostics`, with the name of its logger."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        super().__init__()
        self._diagnostics = diagnostics

    def emit(self, record: logging.LogRecord) -> None:
        """One line. A message that does not fit its arguments is written as it stands."""
        level = record.levelname.lower() if record.levelname.lower() in LEVELS else "error"
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):
            said = str(record.msg)
        failure = {"exc_info": record.exc_info[1]} if record.exc_info and record.exc_info[1] else {}
        self._diagnostics.write(level, said, logger=record.name, **failure)


def take_over(diagnostics: Diagnostics) -> None:
    """From now on everything that is logged from warnings up is a line of `diagnostics`."""
    root = logging.getLogger()
    root.handlers[:] = [Foreign(diagnostics)]
    root.setLevel(logging.WARNING)
