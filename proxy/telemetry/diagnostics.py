"""Diagnostics of every process: one JSON object a line on stderr, no library. Never a record, never content, never a secret."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

LEVELS = ("debug", "info", "warning", "error")


class Diagnostics:
    """Writes lines `{"at": …, "level": …, "process": …, "event": …, …}`. A stderr that is gone or full of faults is ignored:
    diagnostics never stop an exchange.

    `process` is the name of the process (`supervisor`, `gateway-0`); lines below `level` are dropped.
    """

    __slots__ = ("_floor", "_process")

    def __init__(self, process: str, level: str = "info") -> None:
        self._process = process
        self._floor = LEVELS.index(level)

    def write(self, level: str, event: str, /, **fields: Any) -> None:
        """One line. `fields` must be JSON values; anything else is written as its `str`. An exception given as `exc_info` becomes
        `exception`, its traceback as text.
        """
        if LEVELS.index(level) < self._floor:
            return
        if (failure := fields.pop("exc_info", None)) is not None:
            import traceback

            fields["exception"] = "".join(traceback.format_exception(failure))
        line = {"at": stamp(time.time()), "level": level, "process": self._process, "event": event, **fields}
        text = json.dumps(line, ensure_ascii=False, default=str) + "\n"
        try:
            os.write(sys.stderr.fileno(), text.encode("utf-8", "backslashreplace"))
        except (OSError, ValueError, AttributeError):
            return

    def note(self, event: str, /, **fields: Any) -> None:
        """Something a person following the process wants to see."""
        self.write("info", event, **fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Something that works on, but not as configured."""
        self.write("warning", event, **fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Something that does not work and needs a person."""
        self.write("error", event, **fields)


def stamp(seconds: float) -> str:
    """RFC 3339, UTC, milliseconds, from seconds since 1970."""
    whole = int(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1000):03d}Z"
